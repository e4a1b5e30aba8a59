"""Sent twice, done once; and the way to the ledger and back: the caller's stores, the refusal as an error."""

from uuid import UUID

from backend.auth.tokens import Claims
from backend.database.once import Attempt
from backend.ids import new_id
from backend.ledger.lanes import Ledger
from backend.model.answers import Answer, Refusal
from backend.model.books import Request
from backend.model.commands import Command
from backend.model.errors import InvalidInput
from backend.model.verbs import VERBS

from .problems import Refused
from .request import ApiRequest

KEY = "Idempotency-Key"


def command_id(request: ApiRequest, in_body: UUID | None = None) -> UUID:
    """Returns the id that makes a retry harmless: from the Idempotency-Key header or the body, else a new one.

    Raises InvalidInput for a key that is no UUID or differs from the body's id.
    """
    given = key_of(request)
    if given is None:
        return in_body or new_id()
    if in_body is not None and in_body != given:
        raise InvalidInput(KEY, f"{KEY} and the body's id differ; send one of them, or the same in both.")
    return given


def attempt(request: ApiRequest, said: object) -> Attempt | None:
    """Returns the request as `run_once` wants it, for a change outside the ledger; None without an Idempotency-Key.

    `said` is the body. Raises InvalidInput for a key that is no UUID.
    """
    key = key_of(request)
    if key is None:
        return None
    return Attempt.of(key, request.origin().actor, [request.method, request.scope["path"], said])


async def settle(ledger: Ledger, command: Command, claims: Claims, objection: Refusal | None = None) -> Answer:
    """Returns the ledger's answer to the caller's command.

    Raises StoreNotAllowed for a store outside the token, Refused for a refusal, and what the ledger raises.
    """
    claims.require_store(VERBS[type(command)].acts_in(command))
    answer = await ledger.submit(Request(command, claims.who, objection))
    if answer.refusal is not None:
        raise Refused(answer.refusal)
    return answer


def key_of(request: ApiRequest) -> UUID | None:
    """Returns the Idempotency-Key of a request. Raises InvalidInput for one that is no UUID."""
    key = request.headers.get(KEY)
    try:
        return None if key is None else UUID(key)
    except ValueError:
        raise InvalidInput(KEY, f"{KEY} must be a UUID that you make once per command.") from None
