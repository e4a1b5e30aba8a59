"""The prices of a product in stores: what they are, one to come, one taken back. Each change is an act."""

from datetime import datetime
from typing import Annotated

from litestar import delete, get, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Meta, Struct, structs
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.audit_trail import record
from backend.database.engine import Database
from backend.database.once import run_once
from backend.database.reads import moment as database_moment
from backend.database.reads import reading
from backend.database.writes import writing
from backend.http.commanding import attempt
from backend.http.declaring import ONCE, WRITE
from backend.http.errors import UnknownPrice, UnknownProduct
from backend.http.invalid import InvalidBody
from backend.http.moments import moment
from backend.http.money import Price, cents
from backend.http.request import ApiRequest
from backend.model.price_lists import CHAIN, ListPrice, effective_price
from backend.model.scopes import Scope
from backend.model.unit_price import PricePer
from backend.stores.queries import require_store

from .price_lists import list_prices_of, put_price, remove_price
from .search_queries import Product, product_by_id

StoreOrChainQuery = Annotated[str, QueryParameter(max_length=32, description="A store, or * for all.")]
StoreOrChain = Annotated[str, Meta(max_length=32, pattern=r"^(\*|[A-Za-z0-9_-]+)$(?!\n)")]


class PriceBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A price from `valid_from` on, in a store or in all (`*`); null ends the list price that was before.

    It is for `price_per` units, else for as many as the product's price is for.
    """

    price: Price | None
    store_id: StoreOrChain = CHAIN
    valid_from: datetime | None = None
    """Without it: from now on."""
    price_per: PricePer | None = None


class PriceShape(Struct, frozen=True, omit_defaults=True):
    """A price of a list; it is for `price_per` units."""

    store_id: str
    valid_from: datetime
    price: float | None
    price_per: int = 1

    @classmethod
    def of(cls, price: ListPrice) -> "PriceShape":
        """Returns `price` as the wire shows it."""
        shown = None if price.price_cents is None else price.price_cents / 100
        return cls(price.store_id, price.valid_from, shown, price.price_per)


class PricesShape(Struct, frozen=True, omit_defaults=True):
    """What a product costs: by the catalogue, by the lists, and with `store_id` there and now, or at `at`."""

    product_id: str
    price: float
    prices: list[PriceShape]
    store_id: str | None = None
    store_price: float | None = None
    price_per: int = 1
    store_price_per: int = 1


def price_routes(db: Database) -> list[HTTPRouteHandler]:
    """GET, PUT and DELETE /products/{product_id}/prices"""

    @get(
        "/products/{product_id:str}/prices",
        scope=Scope.CATALOGUE_READ,
        problems=("unknown_product", "unknown_store"),
    )
    async def of_product(
        product_id: FromPath[str],
        store_id: Annotated[str | None, QueryParameter(max_length=32)] = None,
        at: FromQuery[datetime | None] = None,
    ) -> PricesShape:
        """Returns the list prices of a product, the latest first; with `store_id` also what it costs there, now or at
        `at`."""
        when = None if at is None else moment("at", at)
        async with reading(db) as connection:
            product = await _known(connection, product_id)
            if store_id is not None:
                await require_store(connection, store_id)
            lists = (await list_prices_of(connection, [product_id])).get(product_id, [])
            when = when or await database_moment(connection)
        shown = [PriceShape.of(price) for price in lists]
        shape = PricesShape(product_id, product.price_cents / 100, shown, price_per=product.price_per)
        if store_id is None:
            return shape
        there = effective_price(product.unit_price, lists, store_id, when)
        return structs.replace(shape, store_id=store_id, store_price=there.cents / 100, store_price_per=there.per)

    @put(
        "/products/{product_id:str}/prices",
        scope=Scope.CATALOGUE_WRITE,
        problems=(*ONCE, "unknown_product", "store_not_allowed", "unknown_store"),
        example={"store_id": "292", "price": 3.29, "valid_from": "2027-01-01T00:00:00+01:00"},
    )
    async def set_price(request: ApiRequest, product_id: FromPath[str], data: JSONBody[PriceBody]) -> PriceShape:
        """Set what a product costs in a store, or in all, from a moment on. What has begun is history and stays."""
        _require_own(request, data.store_id)
        asked = None if data.valid_from is None else moment("valid_from", data.valid_from)
        price_cents = None if data.price is None else cents("price", data.price)

        async def effect(connection: AsyncConnection) -> PriceShape:
            product = await _known(connection, product_id, lock=True)
            if data.store_id != CHAIN:
                await require_store(connection, data.store_id)
            begins = await _to_come(connection, asked)
            per = 1 if price_cents is None else data.price_per or product.price_per
            price = ListPrice(data.store_id, begins, price_cents, per)
            await put_price(connection, product_id, price, request.origin().actor)
            shape = PriceShape.of(price)
            await record(connection, request.origin(), "price.set", f"product:{product_id}", after=shape)
            return shape

        return await run_once(db, attempt(request, data), effect, PriceShape)

    @delete(
        "/products/{product_id:str}/prices",
        scope=Scope.CATALOGUE_WRITE,
        problems=(*WRITE, "unknown_product", "store_not_allowed", "unknown_price"),
    )
    async def take_back(
        request: ApiRequest, product_id: FromPath[str], store_id: StoreOrChainQuery, valid_from: FromQuery[datetime]
    ) -> None:
        """Take a price back that has not begun."""
        _require_own(request, store_id)
        begins = moment("valid_from", valid_from)
        async with writing(db) as connection:
            await _known(connection, product_id, lock=True)
            await _to_come(connection, begins)
            if not await remove_price(connection, product_id, store_id, begins):
                raise UnknownPrice(product_id, store_id)
            before = {"store_id": store_id, "valid_from": begins}
            await record(connection, request.origin(), "price.remove", f"product:{product_id}", before=before)

    return [of_product, set_price, take_back]


def _require_own(request: ApiRequest, store_id: str) -> None:
    """Raises StoreNotAllowed for the list of a store outside the token; that of all stores is the catalogue's."""
    if store_id != CHAIN:
        request.auth.require_store(store_id)


async def _known(connection: AsyncConnection, product_id: str, *, lock: bool = False) -> Product:
    product = await product_by_id(connection, product_id, lock=lock)
    if product is None:
        raise UnknownProduct(product_id)
    return product


async def _to_come(connection: AsyncConnection, asked: datetime | None) -> datetime:
    """Returns the moment that was asked for, or now. Raises InvalidBody for one that has passed."""
    now = await database_moment(connection)
    if asked is not None and asked < now:
        raise InvalidBody("valid_from", "valid_from has passed: late sales are judged by the prices of their time.")
    return asked or now
