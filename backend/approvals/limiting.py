"""Judges corrections of stock by the limits of their stores, before they reach the ledger, whose batches never wait.

Whoever may approve is not judged. A store without limits costs one read of them, and nothing is kept: limits that an
admin sets hold from the next command on, at every server.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.auth.tokens import Claims
from backend.catalogue.prices import former_prices_of, prices_of
from backend.database.engine import Database
from backend.database.reads import reading
from backend.model.answers import Code, Refusal
from backend.model.approvals import limit_refusal
from backend.model.commands import Command
from backend.model.limits import Limits, size_of
from backend.model.prices import OLD_PRICE_GOOD_FOR
from backend.model.scopes import Scope
from backend.model.stock import Key, StockRow
from backend.model.unit_price import UnitPrice
from backend.model.verbs import VERBS
from backend.model.verbs.approval_request import ApprovalRequest
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
        limited = {} if Scope.APPROVALS_WRITE in claims.scopes else _approvable(commands)
        if not asked and not limited:
            return {}
        async with reading(self._db) as connection:
            refused = await _mispriced(connection, asked) if asked else {}
            stores = sorted({command.store_id for command in limited.values()})
            limits = await limits_of(connection, stores) if stores else {}
            above = {i: command for i, command in limited.items() if limits.get(command.store_id, Limits()) != Limits()}
            return refused | await _too_large(connection, above, limits) if above else refused


def _approvable(commands: Mapping[int, Command]) -> dict[int, Command]:
    return {i: command for i, command in commands.items() if VERBS[type(command)].measure is not None}


async def _too_large(
    connection: AsyncConnection, commands: Mapping[int, Command], limits: Mapping[str, Limits]
) -> dict[int, Refusal]:
    wanted = Rows()
    for command in commands.values():
        VERBS[type(command)].rows(command, {}, wanted)
    stock = await _stock(connection, sorted(wanted.stock))
    changes = {i: _measured(command, stock) for i, command in commands.items()}
    prices = await catalogue_prices(connection, sorted({p for units in changes.values() for p in units}))
    found: dict[int, Refusal] = {}
    for index, command in commands.items():
        size = size_of(changes[index], prices)
        if refusal := limit_refusal(command.store_id, size, limits[command.store_id]):
            found[index] = refusal
    return found


def _measured(command: Command, stock: Mapping[Key, StockRow]) -> Mapping[str, int]:
    measure = VERBS[type(command)].measure
    assert measure is not None
    return measure(command, stock)


async def _stock(connection: AsyncConnection, keys: Sequence[Key]) -> dict[Key, StockRow]:
    return {key: level.row for key, level in (await stock_at(connection, keys)).items()}


async def catalogue_prices(connection: AsyncConnection, product_ids: Sequence[str]) -> dict[str, UnitPrice]:
    """Returns the price of each product that exists, for any number of them."""
    prices: dict[str, UnitPrice] = {}
    for part in batched(product_ids, READ_AT_ONCE):
        prices |= await prices_of(connection, part)
    return prices


async def _mispriced(connection: AsyncConnection, asked: Mapping[int, ApprovalRequest]) -> dict[int, Refusal]:
    """Refuses what is not valued by the catalogue's prices, today's or those of a short while ago."""
    products = sorted({product_id for command in asked.values() for product_id in command.price_cents})
    good = {product_id: {price} for product_id, price in (await catalogue_prices(connection, products)).items()}
    for part in batched(products, READ_AT_ONCE):
        for product_id, price in await former_prices_of(connection, part, OLD_PRICE_GOOD_FOR):
            good[product_id].add(price)
    found: dict[int, Refusal] = {}
    for index, command in asked.items():
        for product_id, price in command.prices.items():
            if price not in good.get(product_id, {price}):
                message = f"price_cents of {product_id} is not the catalogue's price; ask for the product again."
                found[index] = Refusal(Code.PRICE_NOT_ALLOWED, message, field="price_cents")
                break
    return found
