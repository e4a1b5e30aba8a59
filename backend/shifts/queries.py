"""The money that went through a terminal's drawer in a time, by the tenders of its sales and refunds."""

from msgspec import Struct
from sqlalchemy import bindparam, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.reads import moment
from backend.database.tables import Instant, sales, tenders
from backend.model.documents import Document
from backend.model.shifts import ShiftBody
from backend.model.tenders import TenderKind

_t = tenders.c
_DRAWER = (
    select(
        _t.kind,
        func.sum(case((_t.amount_cents > 0, _t.amount_cents), else_=0)).label("taken"),
        func.sum(case((_t.amount_cents < 0, -_t.amount_cents), else_=0)).label("refunded"),
    )
    .where(
        _t.store_id == bindparam("store_id"),
        _t.terminal_id == bindparam("terminal_id"),
        _t.at >= bindparam("since", type_=Instant()),
        _t.at < bindparam("until", type_=Instant()),
    )
    .group_by(_t.kind)
)
_UNSAID = (
    select(func.count(), func.coalesce(func.sum(sales.c.total_cents), 0))
    .where(
        sales.c.store_id == bindparam("store_id"),
        sales.c.terminal_id == bindparam("terminal_id"),
        sales.c.sold_at >= bindparam("since", type_=Instant()),
        sales.c.sold_at < bindparam("until", type_=Instant()),
        sales.c.total_cents > 0,
    )
    .where(~select(_t.id).where(_t.id == sales.c.id, _t.store_id == sales.c.store_id).exists())
)


class Takings(Struct, frozen=True):
    """What one kind of tender brought in and was given back, in cents."""

    taken_cents: int = 0
    refunded_cents: int = 0


class Report(Struct, frozen=True):
    """A shift and the money that went through its drawer until its end, or until now."""

    shift: Document
    takings: dict[TenderKind, Takings]
    unsaid_sales: int
    """Sales of which nobody said what they were paid with; they are in no sum here."""
    unsaid_cents: int

    @property
    def expected_cents(self) -> int:
        """The cash that should be in the drawer."""
        body, cash = self.shift.read(ShiftBody), self.takings.get(TenderKind.CASH, Takings())
        moved = sum([move.amount_cents for move in body.moves])
        return body.float_cents + moved + cash.taken_cents - cash.refunded_cents

    @property
    def difference_cents(self) -> int | None:
        """What was counted less what should have been there; None while the shift is open."""
        counted = self.shift.read(ShiftBody).counted_cents
        return None if counted is None else counted - self.expected_cents


async def report_of(connection: AsyncConnection, shift: Document) -> Report:
    """Returns the report of a shift; each moment of a terminal belongs to one shift, from its opening on."""
    until = shift.read(ShiftBody).closed_at or await moment(connection)
    values = {
        "store_id": shift.store_id,
        "terminal_id": shift.terminal_id,
        "since": shift.created_at,
        "until": until,
    }
    rows = await connection.execute(_DRAWER, values)
    takings = {TenderKind(row.kind): Takings(int(row.taken), int(row.refunded)) for row in rows}
    unsaid, cents = (await connection.execute(_UNSAID, values)).one()
    return Report(shift, takings, unsaid, int(cents))
