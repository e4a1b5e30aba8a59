"""Orders over HTTP: opened, listed, handed over in parts, cancelled."""

from typing import Annotated
from uuid import UUID

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Struct

from backend.database.engine import Database
from backend.database.reads import reading
from backend.documents.queries import LATEST, Place, documents_of
from backend.http.commanding import command_id, settle
from backend.http.declaring import COMMAND
from backend.http.ids import id_or
from backend.http.pages import Cursor, Limit, behind, page
from backend.http.request import ApiRequest
from backend.ledger.lanes import Ledger
from backend.model.answers import Answer
from backend.model.commands import Lines, StoreId, Text
from backend.model.documents import Document
from backend.model.errors import InvalidInput
from backend.model.orders import KIND, LIVE, STATUSES
from backend.model.scopes import Scope
from backend.model.verbs.order_cancel import OrderCancel
from backend.model.verbs.order_fulfil import OrderFulfil
from backend.model.verbs.order_open import OrderOpen
from backend.stores.queries import require_store

from .schemas import OrderShape, OrdersShape
from .service import UnknownOrder, order_of


class NewOrderBody(Struct, frozen=True, forbid_unknown_fields=True):
    """What a customer orders. With `backorder`, what is not available waits for goods."""

    store_id: StoreId
    lines: Lines
    customer_id: Text = ""
    reference: Text = ""
    backorder: bool = False
    id: UUID | None = None


class FulfilBody(Struct, frozen=True, forbid_unknown_fields=True):
    """What is handed over; without `lines` all that is left."""

    lines: Lines | None = None
    id: UUID | None = None


class CancelOrderBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Why an order is cancelled."""

    reason: Text = ""
    id: UUID | None = None


def order_routes(db: Database, ledger: Ledger) -> list[HTTPRouteHandler]:
    """/orders"""

    @post("/orders", scope=Scope.ORDERS_WRITE, problems=(*COMMAND, "insufficient_stock"))
    async def new(request: ApiRequest, data: JSONBody[NewOrderBody]) -> OrderShape:
        """Allocate units to a customer: all lines or none. The order's id is the command's id."""
        command = OrderOpen(
            id=command_id(request, data.id),
            store_id=data.store_id,
            lines=data.lines,
            customer_id=data.customer_id,
            reference=data.reference,
            backorder=data.backorder,
        )
        return _shape(await settle(ledger, command, request.auth))

    @get("/orders", scope=Scope.SALES_READ, problems=("store_not_allowed", "unknown_store"))
    async def listed(
        request: ApiRequest,
        store_id: Annotated[str, QueryParameter(max_length=32)],
        status: Annotated[str | None, QueryParameter(max_length=16, description=", ".join(STATUSES))] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response[OrdersShape]:
        """Returns the orders of a store in a status, latest change first; those that are not done unless it is said."""
        if status is not None and status not in STATUSES:
            raise InvalidInput("status", f"status must be one of {', '.join(STATUSES)}, not {status!r}.")
        wanted = LIVE if status is None else (status,)
        after = behind(cursor, Place) or LATEST
        request.auth.require_store(store_id)
        async with reading(db) as connection:
            await require_store(connection, store_id)
            found = await documents_of(connection, KIND, store_id, wanted, after=after, limit=limit + 1)
        shown, headers = page(request, found, limit, Place.of)
        return Response(OrdersShape(store_id, [OrderShape.of(one) for one in shown]), headers=headers)

    @get("/orders/{order_id:str}", scope=Scope.SALES_READ, problems=("unknown_document",))
    async def one(request: ApiRequest, order_id: FromPath[str]) -> OrderShape:
        """Returns one order."""
        return OrderShape.of(await _found(request, order_id))

    @post(
        "/orders/{order_id:str}/fulfil",
        scope=Scope.ORDERS_WRITE,
        problems=(*COMMAND, "unknown_document", "wrong_status", "insufficient_stock"),
        status_code=200,
    )
    async def fulfil(request: ApiRequest, order_id: FromPath[str], data: JSONBody[FulfilBody]) -> OrderShape:
        """Hand over units of an order; they leave the store."""
        id_ = command_id(request, data.id)
        document = await _found(request, order_id)
        command = OrderFulfil(id=id_, store_id=document.store_id, order_id=document.id, lines=data.lines)
        return _shape(await settle(ledger, command, request.auth))

    @post(
        "/orders/{order_id:str}/cancel",
        scope=Scope.ORDERS_WRITE,
        problems=(*COMMAND, "unknown_document", "wrong_status"),
        status_code=200,
    )
    async def cancel(request: ApiRequest, order_id: FromPath[str], data: JSONBody[CancelOrderBody]) -> OrderShape:
        """End an order; what was allocated to it is available again."""
        id_ = command_id(request, data.id)
        document = await _found(request, order_id)
        command = OrderCancel(id=id_, store_id=document.store_id, order_id=document.id, reason=data.reason)
        return _shape(await settle(ledger, command, request.auth))

    async def _found(request: ApiRequest, order_id: str) -> Document:
        return await order_of(db, request.auth, id_or(UnknownOrder, order_id))

    return [new, listed, one, fulfil, cancel]


def _shape(answer: Answer) -> OrderShape:
    return OrderShape.of(answer.documents[-1])
