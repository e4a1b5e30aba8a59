"""Keeps each terminal at one connection to NATS: the newest stays, older ones are cut.

nats-server counts the connections of all clients together only. But its system account hears of every connection,
lists those of a user, and closes one: of each user that has just connected, all but the newest are closed. All servers
of a fleet share the news in a queue group and remember nothing: what one misses while NATS is away, the user's next
connection makes good, at the latest when the token has to be shown anew.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import structlog
from msgspec import DecodeError, Struct, field, json
from nats.aio.client import Client
from nats.aio.msg import Msg

from backend.auth.tokens import Claims

from .connection import cancelled, stay_connected

log = structlog.get_logger(__name__)

GATHER_SECONDS = 0.5
"""How long the members of a NATS cluster have to list their connections."""
MOST_OF_A_PERSON = 20
"""Connections of a person whose token names no terminal: as many as event streams."""
_TERMINAL, _PERSON = "terminal:", "person:"


def user_of(claims: Claims) -> str:
    """Returns the name under which NATS counts the connections of a token's bearer."""
    return f"{_TERMINAL}{claims.terminal_id}" if claims.terminal_id else f"{_PERSON}{claims.actor}"


class _Named(Struct):
    id: str = ""


class _ConnectedClient(Struct):
    user: str = ""


class _News(Struct):
    client: _ConnectedClient


class _Connection(Struct):
    cid: int
    start: str
    authorized_user: str = ""


class _Listed(Struct):
    connections: list[_Connection] = field(default_factory=list)


class _List(Struct):
    server: _Named
    data: _Listed


class OneConnection:
    """Cuts older connections, from `start` to `close`."""

    def __init__(self, connect_options: Mapping[str, Any]) -> None:
        """`connect_options` are nats-py's for a user of nats-server's system account."""
        self._options = {"name": "mostrador connections", **connect_options}
        self._task: asyncio.Task[None] | None = None
        self._listening = asyncio.Event()

    @property
    def listening(self) -> bool:
        """Whether this server hears of new connections now."""
        return self._listening.is_set()

    async def start(self) -> None:
        """Begin. NATS may be away."""
        self._task = asyncio.create_task(stay_connected(self._options, self._session), name="nats-one-connection")

    async def close(self) -> None:
        """Cut nobody any more."""
        if self._task is not None:
            await cancelled(self._task)

    async def _session(self, client: Client) -> None:
        came: set[str] = set()
        somebody = asyncio.Event()
        found: dict[str, list[tuple[str, str, int]]] = defaultdict(list)

        async def on_connect(message: Msg) -> None:
            try:
                user = json.decode(message.data, type=_News).client.user
            except DecodeError:
                return  # a nats-server that tells it in another way: nobody is cut
            if user.startswith((_TERMINAL, _PERSON)):
                came.add(user)
                somebody.set()

        async def on_list(message: Msg) -> None:
            try:
                listed = json.decode(message.data, type=_List)
            except DecodeError:
                return  # the answer to a request to close one
            for one in listed.data.connections:
                found[one.authorized_user].append((_sortable(one.start), listed.server.id, one.cid))

        inbox = client.new_inbox()
        await client.subscribe(inbox, cb=on_list)
        await client.subscribe("$SYS.ACCOUNT.*.CONNECT", queue="mostrador-connections", cb=on_connect)
        await client.flush()
        self._listening.set()
        try:
            while True:
                await somebody.wait()
                somebody.clear()
                users = came.copy()
                came.clear()
                found.clear()
                for user in users:
                    ask = json.encode({"auth": True, "user": user})
                    await client.publish("$SYS.REQ.SERVER.PING.CONNZ", ask, reply=inbox)
                await asyncio.sleep(GATHER_SECONDS)
                for user in users:
                    await _cut(client, user, found[user], reply=inbox)
        finally:
            self._listening.clear()


async def _cut(client: Client, user: str, connections: list[tuple[str, str, int]], reply: str) -> None:
    most = 1 if user.startswith(_TERMINAL) else MOST_OF_A_PERSON
    for _, server_id, number in sorted(connections)[:-most]:
        log.warning("nats_connection_cut", user=user, most=most, detail="A newer connection takes its place.")
        # nats-server does nothing for whoever wants no answer.
        await client.publish(f"$SYS.REQ.SERVER.{server_id}.KICK", json.encode({"cid": number}), reply=reply)


def _sortable(moment: str) -> str:
    """Returns a moment of nats-server so that texts sort as the moments do: it leaves out zeros at the end."""
    second, _, fraction = moment.removesuffix("Z").partition(".")
    return f"{second}.{fraction:0<9}"
