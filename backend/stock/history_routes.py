"""What changed stock, and who, where and why: of a store in the order of time, and the story of one number."""

from datetime import datetime
from typing import Annotated, NamedTuple

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Meta, Struct

from backend.allotments.queries import allotments_in
from backend.catalogue.search_queries import product_by_id
from backend.database.engine import Database
from backend.database.errors import translated
from backend.database.reads import reading
from backend.http.errors import UnknownProduct
from backend.http.moments import NEWEST, OLDEST, moment
from backend.http.pages import Cursor, Limit, behind, page
from backend.http.request import ApiRequest
from backend.model.scopes import Scope
from backend.stores.queries import require_store

from .history_queries import MAX_VERSION, History, StepKey, StoreStep, movements_of, story_of
from .queries import stock_at


class MovementsShape(Struct, frozen=True):
    """A page of the movements of a store, latest first."""

    store_id: str
    movements: list[StoreStep]


class VersionKey(NamedTuple):
    """A place among the movements of one stock row: what follows is older."""

    version: Annotated[int, Meta(ge=1, le=MAX_VERSION)]


def movement_routes(db: Database) -> list[HTTPRouteHandler]:
    """GET /movements and GET /stock/{product_id}/{store_id}/explain"""

    @get("/movements", scope=Scope.STOCK_READ, problems=("store_not_allowed", "unknown_store", "unknown_product"))
    async def movements(
        request: ApiRequest,
        store_id: Annotated[str, QueryParameter(max_length=32)],
        product_id: Annotated[str | None, QueryParameter(max_length=64)] = None,
        since: FromQuery[datetime | None] = None,
        until: FromQuery[datetime | None] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response[MovementsShape]:
        """Returns the movements of a store, or of one product in it, latest first, from `since` on and before
        `until`."""
        place = behind(cursor, StepKey) or StepKey(moment("until", until or NEWEST), "", 0)
        since = moment("since", since or OLDEST)
        request.auth.require_store(store_id)
        async with reading(db) as connection:
            await require_store(connection, store_id)
            if product_id is not None and await product_by_id(connection, product_id) is None:
                raise UnknownProduct(product_id)
            found = await movements_of(connection, store_id, product_id, since, place, limit + 1)
        shown, headers = page(request, found, limit, lambda step: StepKey(step.at, step.product_id, step.version))
        return Response(MovementsShape(store_id, list(shown)), headers=headers)

    @get(
        "/stock/{product_id:str}/{store_id:str}/explain",
        scope=Scope.STOCK_READ,
        problems=("store_not_allowed", "unknown_store", "unknown_product"),
    )
    async def explain(
        request: ApiRequest,
        product_id: FromPath[str],
        store_id: FromPath[str],
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response[History]:
        """Returns the story of one stock number: its last movements, oldest first, each with what it left."""
        place = behind(cursor, VersionKey) or VersionKey(MAX_VERSION)
        request.auth.require_store(store_id)
        with translated(db.url):
            async with db.snapshot.connect() as connection:
                level = (await stock_at(connection, [(store_id, product_id)])).get((store_id, product_id))
                if level is None:
                    await require_store(connection, store_id)
                if level is None:
                    raise UnknownProduct(product_id)
                kept = await allotments_in(connection, store_id, product_id=product_id)
                count, archived, steps = await story_of(connection, store_id, product_id, limit + 1, place.version)
        shown, headers = page(request, steps, limit, lambda step: VersionKey(step.version))
        story = History(
            store_id,
            level.store_name,
            product_id,
            level.product_sku,
            level.product_name,
            count,
            archived,
            tuple(reversed(shown)),
            tuple(kept),
        )
        return Response(story, headers=headers)

    return [movements, explain]
