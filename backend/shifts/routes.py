"""Shifts over HTTP: open a drawer, pay in and out, close with a blind count, and the report of a closed shift."""

from uuid import UUID

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Struct

from backend.database.engine import Database
from backend.database.reads import reading
from backend.documents.asking import StoreOf, asked_store, document_id
from backend.documents.queries import LATEST, Place, Side, document_by_id, documents_of
from backend.http.commanding import command_id, settle
from backend.http.declaring import COMMAND
from backend.http.errors import UnknownDocument
from backend.http.money import Price, cents
from backend.http.pages import Cursor, Limit, behind, page
from backend.http.request import ApiRequest
from backend.ledger.lanes import Ledger
from backend.model.commands import Command, Reason, StoreId, Text
from backend.model.documents import Document
from backend.model.errors import InvalidInput, MostradorError
from backend.model.scopes import Scope
from backend.model.shifts import SHIFT, ShiftStatus
from backend.model.verbs.shift_close import ShiftClose
from backend.model.verbs.shift_open import ShiftOpen, TerminalId
from backend.model.verbs.shift_pay_in import ShiftPayIn
from backend.model.verbs.shift_pay_out import ShiftPayOut
from backend.sales.tenders import Money, Paid

from .queries import report_of
from .schemas import ReportShape, ShiftShape, ShiftsShape

STEP = (*COMMAND, "unknown_document", "wrong_status")


class ShiftIsOpen(MostradorError):
    """The report of a shift that is open would tell what is to be counted."""

    code = "shift_open"

    def __init__(self, shift: Document) -> None:
        message = f"Shift {shift.id} is open; close it with what is counted in its drawer, then read its report."
        super().__init__(message, state=str(shift.id), field="shift_id")


class OpenShiftBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A drawer with some cash in it; the caller's own store and terminal if none is named."""

    opening_float: Price
    store_id: StoreId | None = None
    terminal_id: TerminalId | None = None
    note: Text = ""
    id: UUID | None = None


class CashMoveBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Cash that goes into the drawer or out of it, and why."""

    amount: Paid
    reason: Reason
    id: UUID | None = None


class CloseShiftBody(Struct, frozen=True, forbid_unknown_fields=True):
    """What was counted in the drawer."""

    counted: Money
    note: Text = ""
    id: UUID | None = None


def shift_routes(db: Database, ledger: Ledger) -> list[HTTPRouteHandler]:
    """/shifts"""

    async def found(request: ApiRequest, text: str) -> Document:
        """Returns the shift, if it is of one of the caller's stores."""
        async with reading(db) as connection:
            shift = await document_by_id(connection, SHIFT.name, document_id(SHIFT.name, text))
        if shift is None or not request.auth.allows_store(shift.store_id):
            raise UnknownDocument(SHIFT.name, text)
        return shift

    async def send(request: ApiRequest, command: Command) -> Document:
        answer = await settle(ledger, command, request.auth)
        return answer.documents[0]  # each of these commands names its shift first

    @post(
        "/shifts",
        scope=Scope.SHIFTS_WRITE,
        problems=(*COMMAND, "shift_open"),
        example={"opening_float": 100, "terminal_id": "T1"},
    )
    async def begin(request: ApiRequest, data: JSONBody[OpenShiftBody]) -> ShiftShape:
        """Open a shift at a terminal that has none, with some cash in its drawer."""
        store_id, terminal_id = data.store_id or request.auth.store_id, data.terminal_id or request.auth.terminal_id
        for name, value in (("store_id", store_id), ("terminal_id", terminal_id)):
            if not value:
                raise InvalidInput(name, f"{name} is missing; add it.")
        await asked_store(db, request, store_id)
        command = ShiftOpen(
            id=command_id(request, data.id),
            store_id=store_id,
            terminal_id=terminal_id,
            float_cents=cents("opening_float", data.opening_float),
            note=data.note,
        )
        return ShiftShape.of(await send(request, command))

    @post("/shifts/{shift_id:str}/pay-in", scope=Scope.SHIFTS_WRITE, problems=STEP, status_code=200)
    async def pay_in(request: ApiRequest, shift_id: FromPath[str], data: JSONBody[CashMoveBody]) -> ShiftShape:
        """Put cash into the drawer without a sale."""
        id_, shift, amount = command_id(request, data.id), await found(request, shift_id), cents("amount", data.amount)
        command = ShiftPayIn(
            id=id_, store_id=shift.store_id, shift_id=shift.id, amount_cents=amount, reason=data.reason
        )
        return ShiftShape.of(await send(request, command))

    @post("/shifts/{shift_id:str}/pay-out", scope=Scope.SHIFTS_WRITE, problems=STEP, status_code=200)
    async def pay_out(request: ApiRequest, shift_id: FromPath[str], data: JSONBody[CashMoveBody]) -> ShiftShape:
        """Take cash out of the drawer without a refund."""
        id_, shift, amount = command_id(request, data.id), await found(request, shift_id), cents("amount", data.amount)
        command = ShiftPayOut(
            id=id_, store_id=shift.store_id, shift_id=shift.id, amount_cents=amount, reason=data.reason
        )
        return ShiftShape.of(await send(request, command))

    @post("/shifts/{shift_id:str}/close", scope=Scope.SHIFTS_WRITE, problems=STEP, status_code=200)
    async def close(request: ApiRequest, shift_id: FromPath[str], data: JSONBody[CloseShiftBody]) -> ReportShape:
        """Close a shift with what was counted in its drawer; the answer tells what should have been there."""
        id_, shift = command_id(request, data.id), await found(request, shift_id)
        command = ShiftClose(
            id=id_,
            store_id=shift.store_id,
            terminal_id=shift.terminal_id,
            shift_id=shift.id,
            counted_cents=cents("counted", data.counted),
            note=data.note,
        )
        closed = await send(request, command)
        async with reading(db) as connection:
            return ReportShape.of(await report_of(connection, closed))

    @get("/shifts", scope=Scope.SALES_READ, problems=("store_not_allowed", "unknown_store"))
    async def listed(
        request: ApiRequest,
        store_id: StoreOf = None,
        status: FromQuery[ShiftStatus | None] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response[ShiftsShape]:
        """Returns the shifts of a store, latest change first, in pages."""
        after = behind(cursor, Place) or LATEST
        store = await asked_store(db, request, store_id)
        statuses = tuple(ShiftStatus) if status is None else (status,)
        async with reading(db) as connection:
            some = await documents_of(
                connection, SHIFT.name, store, statuses, side=Side.OWN, after=after, limit=limit + 1
            )
        shown, headers = page(request, some, limit, Place.of)
        return Response(ShiftsShape(store, list(map(ShiftShape.of, shown))), headers=headers)

    @get("/shifts/{shift_id:str}", scope=Scope.SALES_READ, problems=("unknown_document",))
    async def one(request: ApiRequest, shift_id: FromPath[str]) -> ShiftShape:
        """Returns one shift."""
        return ShiftShape.of(await found(request, shift_id))

    @get("/shifts/{shift_id:str}/report", scope=Scope.SALES_READ, problems=("unknown_document", "shift_open"))
    async def report(request: ApiRequest, shift_id: FromPath[str]) -> ReportShape:
        """Returns what went through the drawer of a closed shift.

        An open one has no report: its cash is counted blind.
        """
        shift = await found(request, shift_id)
        if shift.status == ShiftStatus.OPEN:
            raise ShiftIsOpen(shift)
        async with reading(db) as connection:
            return ReportShape.of(await report_of(connection, shift))

    return [begin, pay_in, pay_out, close, listed, one, report]
