"""Every act by a person or a machine, for those who may look over others' shoulders."""

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery, QueryParameter
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.auth.roles import EVERY_STORE
from backend.auth.tokens import Claims
from backend.database.audit_trail import CHAIN
from backend.database.engine import Database
from backend.database.reads import reading
from backend.http.moments import NEWEST, OLDEST, moment
from backend.http.pages import Cursor, Limit, behind, page
from backend.http.request import ApiRequest
from backend.model.errors import InvalidInput
from backend.model.scopes import Scope
from backend.stores.queries import all_stores, require_store

from .queries import Act, Place, Question, acts

MAX_STORES = 50
"""Stores whose acts are merged into one list."""
WINDOW = timedelta(days=31)
"""How far back a question goes that does not say: a rare word would otherwise be looked for in all of history."""

Word = Annotated[str, QueryParameter(max_length=200)]


class ActsShape(Struct, frozen=True):
    """A page of acts, newest first."""

    acts: list[Act]


def audit_routes(db: Database) -> list[HTTPRouteHandler]:
    """GET /audit."""

    @get("/audit", scope=Scope.AUDIT_READ, problems=("store_not_allowed", "unknown_store"))
    async def audit(
        request: ApiRequest,
        store_id: Annotated[str | None, QueryParameter(max_length=32)] = None,
        actor: Word = "",
        action: Word = "",
        subject: Word = "",
        since: FromQuery[datetime | None] = None,
        until: FromQuery[datetime | None] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response[ActsShape]:
        """Returns who did what, where and when, and what was before and after: in one store, or in all of the
        caller's."""
        place = behind(cursor, Place) or Place(until or NEWEST, UUID(int=0))
        latest = moment("until", place.at)
        since = moment("since", since or max(min(latest, datetime.now(UTC)), OLDEST) - WINDOW)
        async with reading(db) as connection:
            stores = await _stores(connection, request.auth, store_id)
            found = await acts(connection, Question(stores, since, actor, action, subject), place, limit + 1)
        shown, headers = page(request, found, limit, lambda act: Place(act.at, act.id))
        return Response(ActsShape(list(shown)), headers=headers)

    return [audit]


async def _stores(connection: AsyncConnection, claims: Claims, store_id: str | None) -> list[str]:
    """Returns the stores to look in. Raises StoreNotAllowed, UnknownStore, or InvalidInput when there are too many."""
    if store_id is not None:
        claims.require_store(store_id)
        if store_id != CHAIN:
            await require_store(connection, store_id)
        return [store_id]
    if EVERY_STORE not in claims.stores:
        stores = sorted(claims.stores)
    else:
        stores = [CHAIN, *(key for key, _ in await all_stores(connection))]
    if len(stores) > MAX_STORES:
        raise InvalidInput("store_id", f"You see more than {MAX_STORES} stores; name one of them in store_id.")
    return stores
