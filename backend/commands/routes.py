"""Many commands in one request, each with an answer of its own: the road for replay and for a terminal's queue."""

from collections.abc import Awaitable, Callable, Mapping
from types import GenericAlias
from typing import Annotated, Any

from litestar import post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Meta, Struct, defstruct

from backend.auth.roles import StoreNotAllowed
from backend.auth.tokens import Claims
from backend.database.engine import Database
from backend.http.declaring import LEDGER
from backend.http.request import ApiRequest
from backend.ledger.lanes import Ledger
from backend.model.answers import Answer, Code, Refusal
from backend.model.books import Request
from backend.model.commands import Command
from backend.model.scopes import Scope
from backend.model.told import HEADER, read
from backend.model.verbs import VERBS, client_commands
from backend.terminals.acts import claim

MAX_COMMANDS = 1000
MAX_BODY = 8 * 1024 * 1024


Objections = Callable[[Mapping[int, Command], Claims], Awaitable[Mapping[int, Refusal]]]


class AnswersShape(Struct, frozen=True):
    """One answer per command, in the same order."""

    answers: list[Answer]


def command_routes(db: Database, ledger: Ledger, *judges: Objections) -> list[HTTPRouteHandler]:
    """Returns POST /commands, for every verb that is registered by now.

    `judges` find what speaks against commands before the ledger is asked, by their keys.
    """
    scopes = {verb.command: verb.scope for verb in VERBS.values() if verb.scope is not None}
    bounds = Meta(min_length=1, max_length=MAX_COMMANDS)
    some: Any = Annotated[GenericAlias(tuple, (client_commands(), ...)), bounds]
    body: Any = defstruct(
        "CommandsBody", [("commands", some)], frozen=True, forbid_unknown_fields=True, module=__name__
    )
    body.__doc__ = "The commands, in the order in which they are to be settled."

    @post(
        "/commands",
        scope=frozenset(scopes.values()),
        problems=LEDGER,
        status_code=200,
        request_max_body_size=MAX_BODY,
    )
    async def commands(request: ApiRequest, data: JSONBody[body]) -> AnswersShape:
        """Settle up to 1,000 commands. Each succeeds or is refused for itself; sent again it has no second effect.

        A terminal numbers its acts in X-Terminal-Acts: its journal's name, a space, and for each command, with commas
        between them, `17:ana` (the act's number and who did it) or nothing.
        """
        claims = request.auth
        who = claims.who
        sent: tuple[Command, ...] = data.commands
        refused = {i: refusal for i, c in enumerate(sent) if (refusal := _forbidden(c, scopes[type(c)], claims))}
        if (header := request.headers.get(HEADER)) is not None:
            told = read(header, len(sent))
            refused |= await claim(db, claims, {i: (act, sent[i].id) for i, act in enumerate(told) if act})
        considered = {i: c for i, c in enumerate(sent) if i not in refused}
        objections: dict[int, Refusal] = {}
        for objections_to in judges:
            objections |= await objections_to(considered, claims)
        allowed = [Request(c, who, objections.get(i)) for i, c in considered.items()]
        answers = await ledger.submit_many(allowed)
        for index, refusal in sorted(refused.items()):  # ascending, so each lands in its place
            answers.insert(index, Answer(sent[index].id, refusal))
        return AnswersShape(answers)

    return [commands]


def _forbidden(command: Command, scope: Scope, claims: Claims) -> Refusal | None:
    """Returns why the caller may not send this command, if so."""
    if scope not in claims.scopes:
        return Refusal(Code.SCOPE_MISSING, f"A {claims.role} may not do this; it needs the right {scope}.")
    acts_in = VERBS[type(command)].acts_in(command)
    if not claims.allows_store(acts_in):
        return Refusal(Code.STORE_NOT_ALLOWED, StoreNotAllowed(acts_in).message, field="store_id")
    return None
