"""Counting over HTTP: open, scan, post, cancel, and the lists that counters and supervisors work from."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Meta, Struct, structs

from backend.database.engine import Database
from backend.documents.asking import STEP, StoreOf, asked_store, document_id, ensure_concerned
from backend.documents.queries import LATEST, Place
from backend.http.commanding import command_id
from backend.http.declaring import COMMAND
from backend.http.pages import Cursor, Limit, behind, page
from backend.http.rates import SIGN_IN
from backend.http.request import ApiRequest
from backend.model.commands import MAX_LINES, Command, Count, ProductId, StoreId, Text
from backend.model.counts import COUNT, Category, CountStatus, How, LineBody, ProductIds, Tolerance
from backend.model.counts import Scope as What
from backend.model.documents import Document
from backend.model.scopes import Scope
from backend.model.verbs.count_cancel import CountCancel
from backend.model.verbs.count_open import CountOpen
from backend.model.verbs.count_scan import CountScan
from backend.people.approving import SpotApproval
from backend.people.door import Door

from .schemas import CountShape, CountsShape, ListedCountShape, ScannedShape
from .service import Counts


class OpenCountBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to be counted: all (`full`), a list (`cycle`), or one product (`task`)."""

    id: UUID | None = None
    store_id: StoreId
    scope: What
    products: ProductIds = ()
    categories: Annotated[tuple[Category, ...], Meta(max_length=50)] = ()
    tolerance: Tolerance = Tolerance()
    reference: Text = ""
    note: Text = ""


class ScanBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the caller has counted of a product; offline, with the version of the stock it saw, and when it counted."""

    id: UUID | None = None
    product_id: ProductId
    units: Count
    how: How = How.ADD
    as_of: Annotated[int, Meta(ge=0, le=2**63 - 1)] | None = None
    counted_at: Annotated[datetime, Meta(tz=True)] | None = None


class PostCountBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is posted: these products, or all that were counted; with `finish` the count ends, if nothing waits."""

    id: UUID | None = None
    products: Annotated[tuple[ProductId, ...], Meta(min_length=1, max_length=MAX_LINES)] | None = None
    finish: bool = True
    approval: SpotApproval | None = None
    reason: Text = ""


class CancelCountBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Why, if there is something to say."""

    id: UUID | None = None
    reason: Text = ""


def count_routes(db: Database, counts: Counts, door: Door) -> list[HTTPRouteHandler]:
    """/counts"""

    async def found(request: ApiRequest, text: str) -> Document:
        """Returns the count, if its store is the caller's."""
        count = await counts.count(document_id(COUNT.name, text))
        ensure_concerned(request, count)
        return count

    async def send(request: ApiRequest, command: Command) -> tuple[Document, ...]:
        request.auth.require_store(command.store_id)
        return await counts.send(command, request.auth.who)

    @post(
        "/counts",
        scope=Scope.COUNTS_WRITE,
        problems=(*COMMAND, "empty_basket"),
        example={"store_id": "292", "scope": "cycle", "categories": ["Tea"], "tolerance": {"units": 1, "per_cent": 2}},
    )
    async def open_(request: ApiRequest, data: JSONBody[OpenCountBody]) -> ListedCountShape:
        """Begin a count. Selling goes on; nothing moves before something is posted."""
        command = CountOpen(
            id=command_id(request, data.id),
            store_id=data.store_id,
            scope=data.scope,
            products=data.products,
            categories=data.categories,
            tolerance=data.tolerance,
            reference=data.reference,
            note=data.note,
        )
        (count,) = await send(request, command)
        return ListedCountShape.of(count)

    @get("/counts", scope=Scope.STOCK_READ, problems=("store_not_allowed", "unknown_store"))
    async def listed(
        request: ApiRequest,
        store_id: StoreOf = None,
        status: FromQuery[CountStatus | None] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response[CountsShape]:
        """Returns the counts of a store, latest change first, in pages."""
        after = behind(cursor, Place) or LATEST
        store = await asked_store(db, request, store_id)
        statuses = tuple(CountStatus) if status is None else (status,)
        shown, headers = page(request, await counts.listed(store, statuses, after, limit + 1), limit, Place.of)
        shapes = [ListedCountShape.of(count) for count in shown]
        return Response(CountsShape(store, shapes, len(shapes)), headers=headers)

    @get("/counts/{count_id:str}", scope=Scope.STOCK_READ, problems=("unknown_document",))
    async def one(request: ApiRequest, count_id: FromPath[str]) -> CountShape:
        """Returns a count with its lines and what is still to be counted, so that anybody can go on with it."""
        count = await found(request, count_id)
        return CountShape.whole(await counts.find(count.id), blind=_blind(request))

    @post(
        "/counts/{count_id:str}/scan",
        scope=Scope.COUNTS_WRITE,
        problems=STEP,
        example={"product_id": "818981", "units": 7},
        status_code=200,
    )
    async def scan(request: ApiRequest, count_id: FromPath[str], data: JSONBody[ScanBody]) -> ScannedShape:
        """Say how many units of a product the caller sees: more of them, or instead of what was said before."""
        count = await found(request, count_id)
        command = CountScan(
            id=command_id(request, data.id),
            store_id=count.store_id,
            count_id=count.id,
            product_id=data.product_id,
            units=data.units,
            how=data.how,
            as_of=data.as_of,
            counted_at=data.counted_at,
        )
        _, line = await send(request, command)
        body = line.read(LineBody)
        return ScannedShape(
            count.id, body.product_id, body.counted, body.tallies, line.status, body.counted_at, body.version
        )

    @post(
        "/counts/{count_id:str}/post",
        scope=Scope.COUNTS_WRITE,
        problems=(*STEP, "not_counted", "approval_needed", "sign_in_refused", "sign_in_locked"),
        example={"approval": {"user": "luis", "pin": "2468"}},
        rate=SIGN_IN,
        status_code=200,
    )
    async def post_(
        request: ApiRequest, count_id: FromPath[str], data: JSONBody[PostCountBody | None] = None
    ) -> CountShape:
        """Correct the stock by what the lines differ by. Lines in doubt are not posted but counted again.

        Sent again, it corrects for sales of before a scan that came after the posting.
        """
        data, count = data or PostCountBody(), await found(request, count_id)
        request.auth.require_store(count.store_id)
        approved_by = request.auth.actor if Scope.COUNTS_APPROVE in request.auth.scopes else ""
        if data.approval is not None:
            approver = structs.replace(request.origin(), actor=data.approval.user)
            await door.approve(approver, data.approval.pin, count.store_id, Scope.COUNTS_APPROVE)
            approved_by = data.approval.user
        after = await counts.post(
            count,
            command_id(request, data.id),
            request.auth.who,
            products=data.products,
            finish=data.finish,
            approved_by=approved_by,
            reason=data.reason,
        )
        return CountShape.whole(after, blind=_blind(request))

    @post("/counts/{count_id:str}/cancel", scope=Scope.COUNTS_WRITE, problems=STEP, status_code=200)
    async def cancel(
        request: ApiRequest, count_id: FromPath[str], data: JSONBody[CancelCountBody | None] = None
    ) -> ListedCountShape:
        """End a count. What was posted stays, the rest is forgotten."""
        data, count = data or CancelCountBody(), await found(request, count_id)
        id_ = command_id(request, data.id)
        (after,) = await send(
            request, CountCancel(id=id_, store_id=count.store_id, count_id=count.id, reason=data.reason)
        )
        return ListedCountShape.of(after)

    return [open_, listed, one, scan, post_, cancel]


def _blind(request: ApiRequest) -> bool:
    return Scope.COUNTS_APPROVE not in request.auth.scopes
