"""The terminals of the stores: made by supervisors, enrolled once by whoever stands there with the code."""

from typing import Annotated, NamedTuple

from litestar import Response, delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta, Struct, structs
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.auth.enrolment_codes import LIFETIME, hash_of, make_code
from backend.auth.roles import EVERY_STORE
from backend.auth.tokens import Tokens
from backend.database.audit_trail import record
from backend.database.engine import Database
from backend.database.once import run_once
from backend.database.reads import moment, reading
from backend.database.writes import writing
from backend.http.access import PUBLIC
from backend.http.commanding import attempt
from backend.http.declaring import ONCE, WRITE
from backend.http.errors import TerminalEnrolled, UnknownTerminal
from backend.http.pages import Cursor, Limit, behind, page
from backend.http.rates import SIGN_IN
from backend.http.request import ApiRequest
from backend.keys.queries import remove_key
from backend.keys.service import Keys
from backend.model.commands import StoreId
from backend.model.errors import InvalidInput
from backend.model.scopes import Scope
from backend.model.text import LINE
from backend.people.session_queries import end_sessions_at
from backend.stores.queries import require_store

from .enrolment import Enrolled, enrol
from .ids import is_allotted
from .queries import Terminal, add_terminal, find_terminal, remove_terminal, renew_code, terminals_after

TerminalId = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$(?!\n)")]


class TerminalBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A terminal, and what people call it."""

    store_id: StoreId
    terminal_id: TerminalId
    name: Annotated[str, Meta(max_length=200, pattern=LINE)] = ""


class TerminalMade(Terminal, frozen=True, kw_only=True):
    """A terminal that waits for `code` to be typed at it; the code cannot be shown again."""

    code: str


class TerminalsShape(Struct, frozen=True):
    """A page of terminals."""

    terminals: list[Terminal]


class EnrolBody(Struct, frozen=True, forbid_unknown_fields=True):
    """The code, as somebody typed it."""

    code: Annotated[str, Meta(min_length=1, max_length=32)]


class _Place(NamedTuple):
    store_id: Annotated[str, Meta(max_length=32, pattern=r"^[A-Za-z0-9_-]*$(?!\n)")]
    terminal_id: Annotated[str, Meta(max_length=64, pattern=r"^[A-Za-z0-9_-]*$(?!\n)")]


def terminal_routes(db: Database, keys: Keys, tokens: Tokens) -> list[HTTPRouteHandler]:
    """/terminals"""

    @get("/terminals", scope=Scope.TERMINALS_WRITE, problems=("store_not_allowed", "unknown_store"))
    async def list_terminals(
        request: ApiRequest,
        store_id: Annotated[str | None, QueryParameter(max_length=32)] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response[TerminalsShape]:
        """The terminals of one store, or of all the caller's, with when each was heard of last."""
        stores = None if request.auth.allows_store(EVERY_STORE) else request.auth.stores
        if store_id is not None:
            request.auth.require_store(store_id)
            stores = frozenset({store_id})
        place = behind(cursor, _Place) or _Place("", "")
        async with reading(db) as connection:
            if store_id is not None:
                await require_store(connection, store_id)
            found = await terminals_after(connection, stores, place, limit + 1)
        shown, headers = page(request, found, limit, lambda x: _Place(x.store_id, x.terminal_id))
        return Response(TerminalsShape(list(shown)), headers=headers)

    @post(
        "/terminals",
        scope=Scope.TERMINALS_WRITE,
        problems=(*ONCE, "store_not_allowed", "unknown_store", "terminal_enrolled"),
    )
    async def make(request: ApiRequest, data: JSONBody[TerminalBody]) -> TerminalMade:
        """Make a terminal with a code to enrol it; for one that waits for its code already, make another code."""
        request.auth.require_store(data.store_id)

        async def effect(connection: AsyncConnection) -> TerminalMade:
            # Of two who make the same terminal the second finds it.
            await require_store(connection, data.store_id, lock=True)
            was = await find_terminal(connection, data.store_id, data.terminal_id)
            now, code = await moment(connection), make_code()
            name = data.name or data.terminal_id
            if was is None:
                if await is_allotted(connection, data.terminal_id):
                    message = f"terminal_id: {data.terminal_id} is another machine's; choose another."
                    raise InvalidInput("terminal_id", message)
                made = Terminal(data.store_id, data.terminal_id, name, None, now + LIFETIME, request.auth.actor, now)
                await add_terminal(connection, made, hash_of(code))
            elif was.key_id is None:
                made = structs.replace(was, name=name, code_expires_at=now + LIFETIME)
                await renew_code(connection, made, hash_of(code))
            else:
                raise TerminalEnrolled(data.terminal_id)
            action = "terminal.create" if was is None else "terminal.renew_code"
            subject = f"terminal:{data.terminal_id}"
            origin = request.origin()
            await record(connection, origin, action, subject, store_id=data.store_id, before=was, after=made)
            return TerminalMade(**structs.asdict(made), code=code)

        return await run_once(db, attempt(request, data), effect, TerminalMade)

    @post("/terminals/enrol", scope=PUBLIC, problems=(*ONCE, "enrolment_refused", "enrolment_locked"), rate=SIGN_IN)
    async def enrol_one(request: ApiRequest, data: JSONBody[EnrolBody]) -> Enrolled:
        """Trade a terminal's code, once, for its own key."""
        return await enrol(db, request.origin(), data.code, attempt(request, data))

    @delete(
        "/terminals/{store_id:str}/{terminal_id:str}",
        scope=Scope.TERMINALS_WRITE,
        problems=(*WRITE, "store_not_allowed", "unknown_terminal"),
    )
    async def remove(request: ApiRequest, store_id: FromPath[str], terminal_id: FromPath[str]) -> None:
        """Remove a terminal, revoke its key and end its sessions: at once here, within two seconds on every server."""
        request.auth.require_store(store_id)
        async with writing(db) as connection:
            was = await remove_terminal(connection, store_id, terminal_id)
            if was is None:
                raise UnknownTerminal(terminal_id)
            if was.key_id is not None:
                await remove_key(connection, was.key_id, None)
            ended = await end_sessions_at(connection, store_id, terminal_id)
            subject = f"terminal:{terminal_id}"
            await record(connection, request.origin(), "terminal.remove", subject, store_id=store_id, before=was)
        tokens.ended.add(ended, with_terminal=True)
        if was.key_id is not None:
            keys.forget(was.key_id)

    return [list_terminals, make, enrol_one, remove]
