"""Receiving over HTTP: purchases that are awaited, deliveries of them, and deliveries that nobody had announced."""

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody

from backend.database.engine import Database
from backend.documents.asking import STEP, StoreOf, asked_store, document_id, ensure_concerned
from backend.documents.queries import LATEST, Place
from backend.http.commanding import command_id
from backend.http.declaring import COMMAND
from backend.http.pages import Cursor, Limit, behind, page
from backend.http.request import ApiRequest
from backend.model.commands import Command
from backend.model.documents import Document
from backend.model.purchases import PURCHASE, RECEIPT, PurchaseStatus
from backend.model.scopes import Scope
from backend.model.verbs.goods_receipt import GoodsReceipt
from backend.model.verbs.purchase_end import PurchaseEnd
from backend.model.verbs.purchase_open import PurchaseOpen
from backend.model.verbs.purchase_receive import PurchaseReceive

from .bodies import EndPurchaseBody, OpenPurchaseBody, ReceiptBody, ReceivePurchaseBody, by_name
from .schemas import PurchaseShape, PurchasesShape, ReceiptShape, ReceiptsShape, ReceivedShape
from .service import Receiving

_LISTED = ("store_not_allowed", "unknown_store")


def receiving_routes(db: Database, receiving: Receiving) -> list[HTTPRouteHandler]:
    """/purchases and /receipts"""

    async def found(request: ApiRequest, text: str) -> Document:
        """Returns the purchase, if its store is the caller's."""
        purchase = await receiving.purchase(document_id(PURCHASE.name, text))
        ensure_concerned(request, purchase)
        return purchase

    async def send(request: ApiRequest, command: Command) -> tuple[Document, ...]:
        request.auth.require_store(command.store_id)
        return await receiving.send(command, request.auth.who)

    @post(
        "/purchases",
        scope=Scope.STOCK_WRITE,
        problems=(*COMMAND, "empty_basket"),
        example={
            "store_id": "292",
            "supplier": "Hermanos Gil",
            "reference": "P-2041",
            "expected_on": "2026-11-27",
            "lines": [{"product_id": "818981", "quantity": 24, "unit_cost": 1.1}],
        },
    )
    async def open_(request: ApiRequest, data: JSONBody[OpenPurchaseBody]) -> PurchaseShape:
        """Say what a supplier is to deliver. The units are incoming until they are received or given up."""
        command = PurchaseOpen(
            id=command_id(request, data.id),
            store_id=data.store_id,
            supplier=data.supplier,
            lines=data.expected(),
            reference=data.reference,
            expected_on=data.expected_on,
            note=data.note,
        )
        (purchase,) = await send(request, command)
        return PurchaseShape.of(purchase)

    @get("/purchases", scope=Scope.STOCK_READ, problems=_LISTED)
    async def purchases(
        request: ApiRequest,
        store_id: StoreOf = None,
        status: FromQuery[PurchaseStatus | None] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response[PurchasesShape]:
        """Returns the purchases of a store, latest change first, in pages."""
        after = behind(cursor, Place) or LATEST
        store = await asked_store(db, request, store_id)
        statuses = tuple(PurchaseStatus) if status is None else (status,)
        some = await receiving.purchases(store, statuses, after, limit + 1)
        shown, headers = page(request, some, limit, Place.of)
        shapes = [PurchaseShape.of(purchase) for purchase in shown]
        return Response(PurchasesShape(store, shapes, len(shapes)), headers=headers)

    @get("/purchases/{purchase_id:str}", scope=Scope.STOCK_READ, problems=("unknown_document",))
    async def purchase(request: ApiRequest, purchase_id: FromPath[str]) -> PurchaseShape:
        """Returns a purchase, with what has come of it."""
        return PurchaseShape.of(await found(request, purchase_id))

    @post(
        "/purchases/{purchase_id:str}/receive",
        scope=Scope.STOCK_WRITE,
        problems=(*STEP, "empty_basket", "item_known"),
        example={"lines": [{"code": "8412345678905", "good": 10, "damaged": 1}, {"product_id": "818981", "good": 12}]},
        status_code=200,
    )
    async def receive(
        request: ApiRequest, purchase_id: FromPath[str], data: JSONBody[ReceivePurchaseBody]
    ) -> ReceivedShape:
        """Take in what has come of a purchase, as often as something comes: fewer, more, damaged, not ordered."""
        known, coded = by_name(data.lines)
        awaited = await found(request, purchase_id)
        lines, unknown = await receiving.sorted_out(coded)
        command = PurchaseReceive(
            id=command_id(request, data.id),
            store_id=awaited.store_id,
            purchase_id=awaited.id,
            lines=(*known, *lines),
            unknown=(*data.unknown, *unknown),
            reference=data.reference,
            note=data.note,
        )
        receipt, after = await send(request, command)
        return ReceivedShape(ReceiptShape.of(receipt), PurchaseShape.of(after))

    @post("/purchases/{purchase_id:str}/end", scope=Scope.STOCK_WRITE, problems=STEP, status_code=200)
    async def end(
        request: ApiRequest, purchase_id: FromPath[str], data: JSONBody[EndPurchaseBody | None] = None
    ) -> PurchaseShape:
        """Say that nothing more will come: closed if something has, else cancelled. Nothing stays incoming."""
        data, awaited = data or EndPurchaseBody(), await found(request, purchase_id)
        id_ = command_id(request, data.id)
        command = PurchaseEnd(id=id_, store_id=awaited.store_id, purchase_id=awaited.id, reason=data.reason)
        (after,) = await send(request, command)
        return PurchaseShape.of(after)

    @post(
        "/receipts",
        scope=Scope.STOCK_WRITE,
        problems=(*COMMAND, "empty_basket", "item_known"),
        example={
            "store_id": "292",
            "supplier": "Hermanos Gil",
            "lines": [{"product_id": "818981", "good": 12, "unit_cost": 1.1}],
        },
    )
    async def blind(request: ApiRequest, data: JSONBody[ReceiptBody]) -> ReceiptShape:
        """Take in goods that nobody had announced; supplier and cost are kept."""
        known, coded = by_name(data.lines)
        request.auth.require_store(data.store_id)
        lines, unknown = await receiving.sorted_out(coded)
        command = GoodsReceipt(
            id=command_id(request, data.id),
            store_id=data.store_id,
            supplier=data.supplier,
            lines=(*known, *lines),
            unknown=(*data.unknown, *unknown),
            reference=data.reference,
            note=data.note,
        )
        (receipt,) = await send(request, command)
        return ReceiptShape.of(receipt)

    @get("/receipts", scope=Scope.STOCK_READ, problems=_LISTED)
    async def receipts(
        request: ApiRequest, store_id: StoreOf = None, limit: Limit = 50, cursor: Cursor = None
    ) -> Response[ReceiptsShape]:
        """Returns the deliveries of a store, latest first, in pages."""
        after = behind(cursor, Place) or LATEST
        store = await asked_store(db, request, store_id)
        shown, headers = page(request, await receiving.receipts(store, after, limit + 1), limit, Place.of)
        shapes = [ReceiptShape.of(receipt) for receipt in shown]
        return Response(ReceiptsShape(store, shapes, len(shapes)), headers=headers)

    @get("/receipts/{receipt_id:str}", scope=Scope.STOCK_READ, problems=("unknown_document",))
    async def receipt(request: ApiRequest, receipt_id: FromPath[str]) -> ReceiptShape:
        """Returns a delivery."""
        document = await receiving.receipt(document_id(RECEIPT.name, receipt_id))
        ensure_concerned(request, document)
        return ReceiptShape.of(document)

    return [open_, purchases, purchase, receive, end, blind, receipts, receipt]
