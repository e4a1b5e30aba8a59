"""Many commands in one request, each with an answer of its own: the road for replay and for a terminal's queue."""

from typing import Annotated

from litestar import post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Meta, Struct

from backend.auth.roles import Scope, StoreNotAllowed
from backend.auth.tokens import Claims
from backend.http.declaring import LEDGER
from backend.http.request import ApiRequest
from backend.ledger.lanes import Ledger
from backend.model.answers import Answer, Code, Refusal
from backend.model.books import Request
from backend.model.commands import (
    Adjust,
    Cancel,
    ClientCommand,
    Confirm,
    Extend,
    Receive,
    Reserve,
    Sell,
    SetStock,
    Transfer,
)

MAX_COMMANDS = 1000
MAX_BODY = 8 * 1024 * 1024

_SCOPES: dict[type[ClientCommand], Scope] = {
    Receive: Scope.STOCK_WRITE,
    Adjust: Scope.STOCK_WRITE,
    SetStock: Scope.STOCK_WRITE,
    Transfer: Scope.TRANSFERS_WRITE,
    Sell: Scope.SALES_WRITE,
    Reserve: Scope.RESERVATIONS_WRITE,
    Confirm: Scope.RESERVATIONS_WRITE,
    Cancel: Scope.RESERVATIONS_WRITE,
    Extend: Scope.RESERVATIONS_WRITE,
}


class CommandsBody(Struct, frozen=True, forbid_unknown_fields=True):
    """The commands, in the order in which they are to be settled."""

    commands: Annotated[tuple[ClientCommand, ...], Meta(min_length=1, max_length=MAX_COMMANDS)]


class AnswersShape(Struct, frozen=True):
    """One answer per command, in the same order."""

    answers: list[Answer]


def command_routes(ledger: Ledger) -> list[HTTPRouteHandler]:
    """POST /commands."""

    @post(
        "/commands",
        scope=frozenset(_SCOPES.values()),
        problems=LEDGER,
        status_code=200,
        request_max_body_size=MAX_BODY,
    )
    async def commands(request: ApiRequest, data: JSONBody[CommandsBody]) -> AnswersShape:
        """Settle up to 1,000 commands. Each succeeds or is refused for itself; sent again it has no second effect."""
        claims = request.auth
        who = claims.who
        refused = {i: refusal for i, c in enumerate(data.commands) if (refusal := _forbidden(c, claims))}
        allowed = [Request(c, who) for i, c in enumerate(data.commands) if i not in refused]
        answers = await ledger.submit_many(allowed)
        for index, refusal in refused.items():  # ascending, so each lands in its place
            answers.insert(index, Answer(data.commands[index].id, refusal))
        return AnswersShape(answers)

    return [commands]


def _forbidden(command: ClientCommand, claims: Claims) -> Refusal | None:
    """Why the caller may not send this command, if so."""
    scope = _SCOPES[type(command)]
    if scope not in claims.scopes:
        return Refusal(Code.SCOPE_MISSING, f"A {claims.role} may not do this; it needs the right {scope}.")
    if not claims.allows_store(command.store_id):
        return Refusal(Code.STORE_NOT_ALLOWED, StoreNotAllowed(command.store_id).message, field="store_id")
    return None
