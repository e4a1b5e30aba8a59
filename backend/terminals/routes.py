"""The terminals of the stores: made by supervisors, enrolled once by whoever stands there with the code."""

from typing import Annotated, NamedTuple

from litestar import Response, delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta, Struct, structs

from backend.auth.roles import EVERY_STORE
from backend.auth.tokens import Tokens
from backend.database.engine import Database
from backend.database.reads import reading
from backend.http.access import PUBLIC
from backend.http.commanding import attempt
from backend.http.declaring import ONCE, WRITE
from backend.http.errors import UnknownTerminal
from backend.http.pages import Cursor, Limit, behind, page
from backend.http.rates import SIGN_IN
from backend.http.request import ApiRequest
from backend.keys.service import Keys
from backend.model.scopes import Scope
from backend.stores.queries import require_store

from .acts import ActsTold, acts_of, acts_told
from .enrolment import Enrolled, enrol
from .queries import Terminal, terminals_after
from .service import TerminalBody, TerminalMade, delete_terminal, make_terminal


class TerminalsShape(Struct, frozen=True):
    """A page of terminals."""

    terminals: list["ShownTerminal"]


class ShownTerminal(Terminal, frozen=True):
    """A terminal, and what it has told of its acts, if it has told any."""

    acts: ActsTold | None = None


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
        """Returns the terminals of one store, or of all the caller's, with when each was heard of last."""
        stores = None if request.auth.allows_store(EVERY_STORE) else request.auth.stores
        if store_id is not None:
            request.auth.require_store(store_id)
            stores = frozenset({store_id})
        place = behind(cursor, _Place) or _Place("", "")
        async with reading(db) as connection:
            if store_id is not None:
                await require_store(connection, store_id)
            found = await terminals_after(connection, stores, place, limit + 1)
            acts = await acts_of(connection, found)
        shown, headers = page(request, found, limit, lambda x: _Place(x.store_id, x.terminal_id))
        shapes = [ShownTerminal(**structs.asdict(x), acts=acts.get((x.store_id, x.terminal_id))) for x in shown]
        return Response(TerminalsShape(shapes), headers=headers)

    @get(
        "/terminals/{store_id:str}/{terminal_id:str}/acts",
        scope=Scope.TERMINALS_WRITE,
        problems=("store_not_allowed", "unknown_terminal"),
    )
    async def acts(request: ApiRequest, store_id: FromPath[str], terminal_id: FromPath[str]) -> ActsTold:
        """Returns what a terminal, enrolled or not, has told of its acts: the last number, and how many are missing."""
        request.auth.require_store(store_id)
        async with reading(db) as connection:
            told = await acts_told(connection, store_id, [terminal_id])
        if terminal_id not in told:
            raise UnknownTerminal(terminal_id)
        return told[terminal_id]

    @post(
        "/terminals",
        scope=Scope.TERMINALS_WRITE,
        problems=(*ONCE, "store_not_allowed", "unknown_store", "terminal_enrolled"),
    )
    async def make(request: ApiRequest, data: JSONBody[TerminalBody]) -> TerminalMade:
        """Make a terminal with a code to enrol it; for one that waits for its code already, make another code."""
        return await make_terminal(db, request.auth, request.origin(), data, attempt(request, data))

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
        gone = await delete_terminal(db, request.auth, request.origin(), store_id, terminal_id)
        tokens.ended.add(gone.sessions, with_terminal=True)
        if gone.terminal.key_id is not None:
            keys.forget(gone.terminal.key_id)

    return [list_terminals, acts, make, enrol_one, remove]
