"""Returns over HTTP: units of a receipt, or goods without one by approval; and what has come back."""

from typing import Annotated
from uuid import UUID

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import UNSET, Meta, Struct

from backend.database.engine import Database
from backend.database.reads import reading
from backend.documents.asking import StoreOf, asked_store
from backend.documents.queries import LATEST, Place, Side, document_by_id, documents_of
from backend.http.commanding import command_id, settle
from backend.http.declaring import COMMAND
from backend.http.errors import UnknownSale
from backend.http.ids import id_or
from backend.http.money import Price, cents
from backend.http.pages import Cursor, Limit, behind, page
from backend.http.rates import SIGN_IN
from backend.http.request import ApiRequest
from backend.ids import returned_id
from backend.ledger.lanes import Ledger
from backend.model.commands import MAX_LINES, ProductId, Quantity, Reason, StoreId, Text
from backend.model.returns import RETURNED, Condition, ReturnedStatus, ReturnLines
from backend.model.scopes import Scope
from backend.model.tenders import TenderKind
from backend.model.unit_price import PricePer
from backend.model.verbs.return_goods import GOODS_RETURN, GoodsLine, ReturnGoods
from backend.model.verbs.return_sale import ReturnSale
from backend.people.approving import APPROVED, SpotApproval, approver_of
from backend.people.door import Door
from backend.sales.queries import sale_by_id
from backend.sales.tenders import RefundBodies, tenders_of

from .schemas import GoodsReturnShape, GoodsReturnsShape, NewReturnShape, ReturnedShape, ReturnsShape

REFUND = ("money_mismatch", "refund_too_high")


class ReturnBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Units of a receipt's lines, which count from 1.

    `refund` is what is given back; `refund_by` gives back all that was paid for these units, in one way.
    """

    sale_id: UUID
    lines: ReturnLines
    refund: RefundBodies = ()
    refund_by: TenderKind | None = None
    reason: Text = ""
    id: UUID | None = None


class GoodsLineBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Some units that come back without a receipt, and what one of them, or `price_per`, are taken to have cost."""

    product_id: ProductId
    quantity: Quantity
    unit_price: Price
    condition: Condition = Condition.SHELF
    price_per: PricePer = 1


class ReturnGoodsBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Goods without a receipt, and who approves that they are taken back where the caller may not."""

    store_id: StoreId
    lines: Annotated[tuple[GoodsLineBody, ...], Meta(min_length=1, max_length=MAX_LINES)]
    reason: Reason
    refund: RefundBodies = ()
    refund_by: TenderKind | None = None
    approval: SpotApproval | None = None
    id: UUID | None = None


def return_routes(db: Database, ledger: Ledger, door: Door) -> list[HTTPRouteHandler]:
    """/returns"""

    @post(
        "/returns",
        scope=Scope.RETURNS_WRITE,
        problems=(*COMMAND, *REFUND, "unknown_sale", "more_than_sold", "wrong_status"),
        example={
            "sale_id": "0197a2b4-c0de-7000-8a52-c1d3e5f60718",
            "lines": [{"line": 1, "quantity": 1, "condition": "damaged"}],
            "refund_by": "cash",
        },
    )
    async def take_back(request: ApiRequest, data: JSONBody[ReturnBody]) -> NewReturnShape:
        """Take units of a receipt back, to the shelf or damaged, and give back at most what was paid for them."""
        async with reading(db) as connection:
            sale = await sale_by_id(connection, data.sale_id)
        if sale is None or not request.auth.allows_store(sale.store_id):
            raise UnknownSale(str(data.sale_id))
        command = ReturnSale(
            id=command_id(request, data.id),
            store_id=sale.store_id,
            sale_id=sale.id,
            lines=data.lines,
            refund=tenders_of("refund", data.refund),
            refund_by=data.refund_by,
            reason=data.reason,
        )
        answer = await settle(ledger, command, request.auth)
        return NewReturnShape.of(command.id, answer.documents[0], answer.stock)

    @post(
        "/returns/goods",
        scope=Scope.RETURNS_WRITE,
        problems=(*COMMAND, *REFUND, *APPROVED),
        rate=SIGN_IN,
        example={
            "store_id": "292",
            "lines": [{"product_id": "818981", "quantity": 1, "unit_price": 3.69}],
            "reason": "a present",
            "refund_by": "voucher",
            "approval": {"user": "luis", "pin": "2468"},
        },
    )
    async def take_goods(request: ApiRequest, data: JSONBody[ReturnGoodsBody]) -> GoodsReturnShape:
        """Take goods back without a receipt, by approval of somebody with `returns:approve`."""
        id_, lines = command_id(request, data.id), []
        for index, line in enumerate(data.lines):
            price = cents(f"lines[{index}].unit_price", line.unit_price)
            per = UNSET if line.price_per == 1 else line.price_per
            lines.append(GoodsLine(line.product_id, line.quantity, price, line.condition, per))
        refund = tenders_of("refund", data.refund)
        command = ReturnGoods(
            id=id_,
            store_id=data.store_id,
            lines=tuple(lines),
            approved_by=await approver_of(request, door, data.store_id, Scope.RETURNS_APPROVE, data.approval),
            reason=data.reason,
            refund=refund,
            refund_by=data.refund_by,
        )
        answer = await settle(ledger, command, request.auth)
        return GoodsReturnShape.of(answer.documents[0])

    @get("/returns", scope=Scope.SALES_READ, problems=("store_not_allowed", "unknown_store"))
    async def listed(
        request: ApiRequest,
        store_id: StoreOf = None,
        status: FromQuery[ReturnedStatus | None] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response[ReturnsShape]:
        """Returns the sales of a store of which something has come back, latest change first."""
        after = behind(cursor, Place) or LATEST
        store = await asked_store(db, request, store_id)
        statuses = tuple(ReturnedStatus) if status is None else (status,)
        async with reading(db) as connection:
            some = await documents_of(
                connection, RETURNED.name, store, statuses, side=Side.OWN, after=after, limit=limit + 1
            )
        shown, headers = page(request, some, limit, Place.of)
        return Response(ReturnsShape(store, list(map(ReturnedShape.of, shown))), headers=headers)

    @get("/returns/goods", scope=Scope.SALES_READ, problems=("store_not_allowed", "unknown_store"))
    async def goods(
        request: ApiRequest, store_id: StoreOf = None, limit: Limit = 50, cursor: Cursor = None
    ) -> Response[GoodsReturnsShape]:
        """Returns what came back to a store without a receipt, latest first."""
        after = behind(cursor, Place) or LATEST
        store = await asked_store(db, request, store_id)
        async with reading(db) as connection:
            some = await documents_of(
                connection, GOODS_RETURN.name, store, ("returned",), side=Side.OWN, after=after, limit=limit + 1
            )
        shown, headers = page(request, some, limit, Place.of)
        return Response(GoodsReturnsShape(store, list(map(GoodsReturnShape.of, shown))), headers=headers)

    @get("/returns/{sale_id:str}", scope=Scope.SALES_READ, problems=("unknown_sale",))
    async def one(request: ApiRequest, sale_id: FromPath[str]) -> ReturnedShape:
        """Returns what has come back of a sale; 404 also for a sale of which nothing has."""
        wanted = returned_id(id_or(UnknownSale, sale_id))
        async with reading(db) as connection:
            found = await document_by_id(connection, RETURNED.name, wanted)
        if found is None or not request.auth.allows_store(found.store_id):
            raise UnknownSale(sale_id)
        return ReturnedShape.of(found)

    return [take_back, take_goods, listed, goods, one]
