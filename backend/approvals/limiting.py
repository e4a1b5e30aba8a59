"""Judges corrections of stock by the limits of their stores, before they reach the ledger, whose batches never wait.

Whoever may approve is not judged. A store without limits costs one read of them, and nothing is kept: limits that an
admin sets hold from the next command on, at every server. Who grants an approval is judged here too: it needs the right
of what waits.
"""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.auth.tokens import Claims
from backend.catalogue.price_lists import prices_at, recent_prices_at
from backend.database.engine import Database
from backend.database.reads import reading
from backend.documents.queries import documents_by_ids
from backend.model.answers import Code, Refusal
from backend.model.approvals import KIND, Approval, limit_refusal
from backend.model.books import Books
from backend.model.commands import Command
from backend.model.limits import Limits, size_of
from backend.model.prices import OLD_PRICE_GOOD_FOR
from backend.model.scopes import Scope
from backend.model.stock import Key, StockRow
from backend.model.unit_price import UnitPrice
from backend.model.verbs import VERBS
from backend.model.verbs.approval_grant import ApprovalGrant
from backend.model.verbs.approval_request import ApprovalRequest
from backend.model.verbs.approving import approvable
from backend.model.verbs.verb import Rows
from backend.sales.pricing import READ_AT_ONCE, batched
from backend.stock.queries import stock_at

from .queries import limits_of


class Limiting:
    """Knows which commands have to wait for approval."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def objections(self, commands: Mapping[int, Command], claims: Claims) -> dict[int, Refusal]:
        """Returns the refusals of what the caller may not do without approval, by the keys of `commands`.

        Raises DatabaseAway and its like.
        """
        asked = {i: command for i, command in commands.items() if isinstance(command, ApprovalRequest)}
        granted = {i: command for i, command in commands.items() if isinstance(command, ApprovalGrant)}
        limited = {} if Scope.APPROVALS_WRITE in claims.scopes else _limited(commands)
        if not asked and not granted and not limited:
            return {}
        async with reading(self._db) as connection:
            refused = await _mispriced(connection, asked) if asked else {}
            refused |= await _beyond(connection, granted, claims) if granted else {}
            stores = sorted({command.store_id for command in limited.values()})
            limits = await limits_of(connection, stores) if stores else {}
            above = {i: command for i, command in limited.items() if limits.get(command.store_id, Limits()) != Limits()}
            return refused | await _too_large(connection, above, limits) if above else refused


def _limited(commands: Mapping[int, Command]) -> dict[int, Command]:
    """Returns those that wait above a limit."""
    verbs = {i: VERBS[type(command)] for i, command in commands.items()}
    return {i: commands[i] for i, verb in verbs.items() if verb.measure and verb.approver is Scope.APPROVALS_WRITE}


async def _beyond(
    connection: AsyncConnection, granted: Mapping[int, ApprovalGrant], claims: Claims
) -> dict[int, Refusal]:
    """Refuses the grants of what the caller has no right to allow."""
    ids = sorted({command.approval_id for command in granted.values()})
    documents = await documents_by_ids(connection, KIND, ids)
    found: dict[int, Refusal] = {}
    for index, command in granted.items():
        if document := documents.get(command.approval_id):
            verb = approvable(document.read(Approval).command)[1]
            if verb.approver not in claims.scopes:
                message = f"Granting a {verb.name} needs the right {verb.approver} too; somebody else has to."
                found[index] = Refusal(Code.SCOPE_MISSING, message, field="approval_id")
    return found


async def _too_large(
    connection: AsyncConnection, commands: Mapping[int, Command], limits: Mapping[str, Limits]
) -> dict[int, Refusal]:
    wanted = Rows()
    for command in commands.values():
        VERBS[type(command)].rows(command, {}, wanted)
    stock = await _stock(connection, sorted(wanted.stock))
    changes = {i: _measured(command, stock) for i, command in commands.items()}
    prices = await prices_of(connection, {(commands[i].store_id, p) for i, units in changes.items() for p in units})
    found: dict[int, Refusal] = {}
    for index, command in commands.items():
        size = size_of(changes[index], prices.get(command.store_id, {}))
        if refusal := limit_refusal(command.store_id, size, limits[command.store_id]):
            found[index] = refusal
    return found


def _measured(command: Command, stock: Mapping[Key, StockRow]) -> Mapping[str, int]:
    measure = VERBS[type(command)].measure
    assert measure is not None
    return measure(command, Books(dict(stock), set(), {}))


async def _stock(connection: AsyncConnection, keys: Sequence[Key]) -> dict[Key, StockRow]:
    return {key: level.row for key, level in (await stock_at(connection, keys)).items()}


async def prices_of(connection: AsyncConnection, keys: Collection[Key]) -> dict[str, dict[str, UnitPrice]]:
    """Returns by store what each product that exists costs there now, for any number of them."""
    prices: dict[str, dict[str, UnitPrice]] = {}
    for part in batched(sorted(keys), READ_AT_ONCE):
        for (store_id, product_id), price in (await prices_at(connection, part)).items():
            prices.setdefault(store_id, {})[product_id] = price
    return prices


async def _mispriced(connection: AsyncConnection, asked: Mapping[int, ApprovalRequest]) -> dict[int, Refusal]:
    """Refuses what is not valued by the prices of its store, today's or those of a short while ago."""
    keys = {(command.store_id, product_id) for command in asked.values() for product_id in command.price_cents}
    good: dict[Key, set[UnitPrice]] = {}
    for part in batched(sorted(keys), READ_AT_ONCE):
        for key, price in (
            *(await prices_at(connection, part)).items(),
            *await recent_prices_at(connection, part, OLD_PRICE_GOOD_FOR),
        ):
            good.setdefault(key, set()).add(price)
    found: dict[int, Refusal] = {}
    for index, command in asked.items():
        for product_id, price in command.prices.items():
            if price not in good.get((command.store_id, product_id), {price}):
                message = f"price_cents of {product_id} is not the store's price; ask for the product again."
                found[index] = Refusal(Code.PRICE_NOT_ALLOWED, message, field="price_cents")
                break
    return found
