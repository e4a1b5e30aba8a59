"""What terminals keep copies of: the whole, what changed, and whether a copy is right."""

from collections.abc import AsyncIterator
from typing import Annotated

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import HeaderParameter, QueryParameter
from litestar.response import Stream

from backend.auth.roles import ScopeMissing
from backend.http.request import ApiRequest
from backend.model.errors import InvalidInput
from backend.model.scopes import Scope
from backend.model.sync import BUCKETS, Digest

from .reports import hear_differences
from .service import Copies, zipped

NDJSON = "application/x-ndjson"
_REFUSALS = ("store_not_allowed", "unknown_store")
OfStore = Annotated[str | None, QueryParameter(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
Position = Annotated[str, QueryParameter(pattern=r"^[0-9]{1,18}$", description="The `catalogue` of a stream before.")]
_Buckets = Annotated[
    str, QueryParameter(max_length=2_000, pattern=r"^([0-9]{1,4}(,[0-9]{1,4})*)?$", description="As 1,2,3.")
]


def sync_routes(copies: Copies) -> list[HTTPRouteHandler]:
    """GET /sync/snapshot, /sync/changes, /sync/digest and /sync/buckets"""

    @get("/sync/snapshot", scope=Scope.STOCK_READ, problems=_REFUSALS, media_type=NDJSON)
    async def snapshot(
        request: ApiRequest,
        store_id: OfStore = None,
        products_after: Annotated[int, QueryParameter(ge=-1, le=2**63 - 1)] = -1,
        stock_after: Annotated[str, QueryParameter(max_length=64)] = "",
    ) -> Stream:
        """Returns the catalogue and the stock of a store, with the positions behind which changes are told.

        `products_after` (a product's `number`) and `stock_after` (a product's id) go on where a stream broke off; its
        own positions are good then.
        """
        return _stream(request, await copies.snapshot(_store_of(request, store_id), products_after, stock_after))

    @get("/sync/changes", scope=Scope.STOCK_READ, problems=(*_REFUSALS, "position_gone"), media_type=NDJSON)
    async def changes(request: ApiRequest, after: Position, store_id: OfStore = None) -> Stream:
        """Returns the products that were added, changed or removed after a position, codes and prices included."""
        return _stream(request, await copies.changes(_store_of(request, store_id), int(after)))

    @get("/sync/buckets", scope=Scope.STOCK_READ, problems=_REFUSALS, media_type=NDJSON)
    async def buckets(
        request: ApiRequest, store_id: OfStore = None, catalogue: _Buckets = "", stock: _Buckets = ""
    ) -> Stream:
        """Returns the products and the stock rows in buckets whose sums differ."""
        asked = _numbers("catalogue", catalogue), _numbers("stock", stock)
        return _stream(request, await copies.buckets(_store_of(request, store_id), *asked))

    @get("/sync/digest", scope=Scope.STOCK_READ, problems=_REFUSALS)
    async def digest(
        request: ApiRequest,
        store_id: OfStore = None,
        healed: Annotated[
            str | None, HeaderParameter(name="X-Terminal-Healed", max_length=40, description="Rows put right since.")
        ] = None,
    ) -> Digest:
        """Returns sums that a copy is compared by, bucket by bucket."""
        store = _store_of(request, store_id)
        found = await copies.digest(store)
        hear_differences(healed or "", request.auth)
        return found

    return [snapshot, changes, buckets, digest]


def _store_of(request: ApiRequest, store_id: str | None) -> str:
    """Returns the store that is named, or that of the session. Raises StoreNotAllowed, ScopeMissing, InvalidInput."""
    if Scope.CATALOGUE_READ not in request.auth.scopes:
        named = Scope.CATALOGUE_READ.value
        raise ScopeMissing(f"A {request.auth.role} may not do this; it needs the right {named}.", scope=named)
    store_id = store_id or request.auth.store_id
    if not store_id:
        raise InvalidInput("store_id", "store_id is missing; add it.")
    request.auth.require_store(store_id)
    return store_id


def _numbers(field: str, text: str) -> list[int]:
    numbers = [int(part) for part in text.split(",")] if text else []
    if any(number >= BUCKETS for number in numbers):
        raise InvalidInput(field, f"{field} must name buckets from 0 to {BUCKETS - 1}.")
    return numbers


def _stream(request: ApiRequest, lines: AsyncIterator[bytes]) -> Stream:
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Stream(lines, media_type=NDJSON)
    return Stream(zipped(lines), media_type=NDJSON, headers={"Content-Encoding": "gzip", "Vary": "Accept-Encoding"})
