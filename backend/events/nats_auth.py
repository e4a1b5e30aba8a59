"""Who may listen to what on NATS: nats-server asks about every client that connects, any of our servers answers.

A client shows its access token and may then subscribe to its stores' subjects and to its own inbox, until the token
expires. It may publish nothing, JetStream's API included. Everybody else is refused.
"""

import asyncio
import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

import nkeys
import structlog
from msgspec import Struct, json
from nats.aio.client import Client
from nats.aio.msg import Msg

from backend.auth.roles import EVERY_STORE, TokenRefused
from backend.auth.tokens import Claims
from backend.model.scopes import Scope

from .connection import cancelled, stay_connected
from .one_connection import user_of
from .subjects import of_store

log = structlog.get_logger(__name__)

SUBJECT = "$SYS.REQ.USER.AUTH"
_HEADER = {"typ": "JWT", "alg": "ed25519-nkey"}
_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
"""What may become part of a subject: no dot, no wildcard, no space."""


class _Named(Struct):
    id: str


class _ConnectOptions(Struct):
    auth_token: str = ""


class _Question(Struct):
    user_nkey: str
    server_id: _Named
    connect_opts: _ConnectOptions


class _Request(Struct):
    nats: _Question


class NatsAuth:
    """Answers nats-server's questions, from `start` to `close`; all servers of a fleet share them in a queue group."""

    def __init__(self, connect_options: Mapping[str, Any], issuer_seed: str, verify: Callable[[str], Claims]) -> None:
        """`connect_options` are nats-py's for our own static user. `verify` raises TokenRefused."""
        self._options = {"name": "mostrador auth", **connect_options}
        self._issuer = nkeys.from_seed(issuer_seed.encode())
        self._verify = verify
        self._asked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Whether NATS can ask this server now."""
        return self._asked.is_set()

    async def start(self) -> None:
        """Begin. NATS may be away."""
        self._task = asyncio.create_task(stay_connected(self._options, self._session), name="nats-auth")

    async def close(self) -> None:
        """Stop answering. Clients that are connected stay so."""
        if self._task is not None:
            await cancelled(self._task)

    async def _session(self, client: Client) -> None:
        async def reply(question: Msg) -> None:
            await question.respond(self.answer(question.data))

        await client.subscribe(SUBJECT, queue="mostrador-auth", cb=reply)
        await client.flush()
        self._asked.set()
        try:
            await asyncio.Event().wait()  # until the connection is lost
        finally:
            self._asked.clear()

    def answer(self, request: bytes) -> bytes:
        """Returns the signed answer to one question of nats-server."""
        # Its signature is not checked: only nats-server may publish on this subject.
        question = json.decode(_payload(request), type=_Request).nats
        try:
            claims = self._verify(question.connect_opts.auth_token)
            if Scope.EVENTS_READ not in claims.scopes:
                raise TokenRefused("This token gives no right to listen to events.")
        except TokenRefused as refused:
            verdict = {"error": refused.message}
        else:
            verdict = {"jwt": self._signed(_user(question.user_nkey, claims)).decode()}
        content = {"type": "authorization_response", "version": 2, **verdict}
        return self._signed({"sub": question.user_nkey, "aud": question.server_id.id, "nats": content})

    def _signed(self, claims: dict[str, object]) -> bytes:
        issued = {"jti": uuid4().hex, "iat": int(time.time()), "iss": self._issuer.public_key.decode()}
        text = b".".join(_encoded(part) for part in (_HEADER, issued | claims))
        return text + b"." + _base64(self._issuer.sign(text))


def inbox_prefix(actor: str, terminal_id: str) -> str:
    """Returns the inbox of a person at a terminal: nats-py's `inbox_prefix`."""
    return f"_INBOX.{actor}-{terminal_id}"


def _user(user_nkey: str, claims: Claims) -> dict[str, object]:
    """Returns what the bearer of a token may do.

    "Allow nothing" would mean "allow all" to NATS, so it is said as a denial.
    """
    stores = ["*"] if EVERY_STORE in claims.stores else sorted(filter(_PLAIN.fullmatch, claims.stores))
    allowed = [of_store(store) for store in stores]
    if _PLAIN.fullmatch(claims.actor) and _PLAIN.fullmatch(claims.terminal_id):
        allowed.append(f"{inbox_prefix(claims.actor, claims.terminal_id)}.>")
    return {
        "sub": user_nkey,
        "aud": "$G",
        "name": user_of(claims),
        "exp": int(claims.expires_at.timestamp()),
        "nats": {
            "type": "user",
            "version": 2,
            "pub": {"deny": [">"]},
            "sub": {"allow": allowed} if allowed else {"deny": [">"]},
            # nats-server applies these in operator mode only; what holds here is in its configuration (`nats_config`).
            "subs": -1,
            "data": -1,
            "payload": -1,
        },
    }


def _payload(token: bytes) -> bytes:
    part = token.split(b".")[1]
    return urlsafe_b64decode(part + b"=" * (-len(part) % 4))


def _encoded(part: object) -> bytes:
    return _base64(json.encode(part))


def _base64(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")
