"""Holds in lists: what a store holds now, what became of a product's holds, and how many there are."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter
from msgspec import Struct

from backend.auth.roles import EVERY_STORE
from backend.catalogue.search_queries import product_by_id
from backend.database.engine import Database
from backend.database.reads import reading
from backend.http.errors import UnknownProduct
from backend.http.pages import Cursor, Limit, behind, page
from backend.http.request import ApiRequest
from backend.model.errors import InvalidInput
from backend.model.reservations import Status
from backend.model.scopes import Scope
from backend.stores.queries import require_store

from .list_queries import DeadlineKey, MadeKey, holds_of_product, live_holds, numbers_by_status
from .schemas import ReservationShape

_FIRST = DeadlineKey(datetime(1, 1, 2, tzinfo=UTC), UUID(int=0))
_LATEST = MadeKey(2**63 - 1)
_ANY_STATUS = Annotated[str | None, QueryParameter(max_length=10, description="PENDING, CONFIRMED, CANCELLED, EXPIRED")]


class PendingShape(Struct, frozen=True):
    """The live holds of a store, the one that ends first in front. `count` is those of this page."""

    store_id: str
    reservations: list[ReservationShape]
    count: int


class ProductHoldsShape(Struct, frozen=True):
    """The holds of a product in a store, latest first. `status` is the one that was asked for; null is all."""

    product_id: str
    store_id: str
    status: str | None
    reservations: list[ReservationShape]
    count: int


class NumbersShape(Struct, frozen=True):
    """How many holds there are and were, in the caller's stores."""

    total_reservations: int
    pending_reservations: int
    confirmed_reservations: int
    cancelled_reservations: int
    by_status: dict[str, int]


def reservation_list_routes(db: Database) -> list[HTTPRouteHandler]:
    """GET /reservations/store/…, /reservations/product/… and /reservations/stats"""

    @get(
        "/reservations/store/{store_id:str}/pending",
        scope=Scope.STOCK_READ,
        problems=("store_not_allowed", "unknown_store"),
    )
    async def pending(
        request: ApiRequest, store_id: FromPath[str], limit: Limit = 500, cursor: Cursor = None
    ) -> Response[PendingShape]:
        """Returns the live holds of a store, in pages."""
        after = behind(cursor, DeadlineKey) or _FIRST
        request.auth.require_store(store_id)
        async with reading(db) as connection:
            await require_store(connection, store_id)
            found = await live_holds(connection, store_id, after, limit + 1)
        shown, headers = page(request, found, limit, lambda hold: DeadlineKey(hold.expires_at, hold.id))
        shapes = [ReservationShape.of(hold) for hold in shown]
        return Response(PendingShape(store_id, shapes, len(shapes)), headers=headers)

    @get(
        "/reservations/product/{product_id:str}/store/{store_id:str}",
        scope=Scope.STOCK_READ,
        problems=("store_not_allowed", "unknown_store", "unknown_product"),
    )
    async def of_product(
        request: ApiRequest,
        product_id: FromPath[str],
        store_id: FromPath[str],
        status: _ANY_STATUS = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> Response[ProductHoldsShape]:
        """Returns the holds of a product in a store, ended ones too, in pages; with `status` only those in it."""
        wanted = _status(status)
        before = behind(cursor, MadeKey) or _LATEST
        request.auth.require_store(store_id)
        async with reading(db) as connection:
            await require_store(connection, store_id)
            if await product_by_id(connection, product_id) is None:
                raise UnknownProduct(product_id)
            found = await holds_of_product(connection, store_id, product_id, wanted, before, limit + 1)
        shown, headers = page(request, found, limit, lambda one: one[1])
        shapes = [ReservationShape.of(hold) for hold, _ in shown]
        shape = ProductHoldsShape(product_id, store_id, wanted, shapes, len(shapes))
        return Response(shape, headers=headers)

    @get("/reservations/stats", scope=Scope.STOCK_READ)
    async def stats(request: ApiRequest) -> NumbersShape:
        """Returns how many holds there are in each status, in the caller's stores.

        Reads every hold: not for every second.
        """
        stores = None if request.auth.allows_store(EVERY_STORE) else request.auth.stores
        async with reading(db) as connection:
            numbers = await numbers_by_status(connection, stores)
        return NumbersShape(
            sum(numbers.values()), numbers["PENDING"], numbers["CONFIRMED"], numbers["CANCELLED"], numbers
        )

    return [pending, of_product, stats]


def _status(given: str | None) -> Status | None:
    if given is None:
        return None
    try:
        return Status(given.upper())
    except ValueError:
        raise InvalidInput("status", f"status must be one of {', '.join(Status)}, not {given!r}.") from None
