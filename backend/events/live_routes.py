"""Where a terminal finds the live tail of changes."""

from litestar import get
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

from backend.http.request import ApiRequest
from backend.model.errors import InvalidInput
from backend.model.scopes import Scope

from .routes import StoreOf


class LiveShape(Struct, frozen=True):
    """Connect to `nats_url` with the access token and subscribe to `subject`. An empty URL: there is no live tail."""

    nats_url: str
    subject: str


def live_routes(nats_url: str) -> list[HTTPRouteHandler]:
    """GET /live."""

    @get("/live", scope=Scope.STOCK_READ, problems=("store_not_allowed",))
    async def live(request: ApiRequest, store_id: StoreOf = None) -> LiveShape:
        """Returns the address and subject of a store's changes; of the store signed in at when none is named."""
        store_id = store_id or request.auth.store_id
        if not store_id:
            raise InvalidInput("store_id", "store_id is missing; add it.")
        request.auth.require_store(store_id)
        return LiveShape(nats_url, f"inventory.{store_id}.>")

    return [live]
