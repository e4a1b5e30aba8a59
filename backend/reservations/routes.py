"""Holds: make one, see it, and end it in one of its ways."""

from typing import Annotated
from uuid import UUID

from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct

from backend.database.engine import Database
from backend.database.reads import reading
from backend.http.commanding import command_id, settle
from backend.http.declaring import COMMAND
from backend.http.errors import UnknownReservation
from backend.http.ids import id_or
from backend.http.invalid import InvalidBody
from backend.http.lines import lines_of
from backend.http.request import ApiRequest
from backend.ledger.lanes import Ledger
from backend.model.answers import Answer
from backend.model.commands import MAX_TTL_SECONDS, Line, Lines, ProductId, Quantity, StoreId, Text, Ttl
from backend.model.scopes import Scope
from backend.model.verbs.cancel import Cancel
from backend.model.verbs.confirm import Confirm
from backend.model.verbs.extend import Extend
from backend.model.verbs.reserve import Reserve

from .queries import find_reservation, store_of_reservation
from .schemas import ReservationShape

_ENDING = (*COMMAND, "unknown_reservation", "reservation_ended")
TtlMinutes = Annotated[int, Meta(ge=1, le=MAX_TTL_SECONDS // 60)]


class _Duration(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    ttl_seconds: Ttl | None = None
    ttl_minutes: TtlMinutes | None = None

    def seconds(self, default: int) -> int:
        """Returns how long to hold; a client gives a duration, never a deadline, so its clock does not matter."""
        if self.ttl_seconds is not None and self.ttl_minutes is not None:
            raise InvalidBody("ttl_minutes", "Send ttl_seconds or ttl_minutes, not both.")
        return self.ttl_seconds or (self.ttl_minutes or 0) * 60 or default


class ReserveBody(_Duration, frozen=True, kw_only=True):
    """What to hold: one product, or several in `lines`, all or nothing."""

    id: UUID | None = None
    store_id: StoreId
    product_id: ProductId | None = None
    quantity: Quantity | None = None
    lines: Lines | None = None
    customer_id: Text = ""
    replaces: UUID | None = None


class ConfirmBody(Struct, frozen=True, forbid_unknown_fields=True):
    """What is handed over: everything, or only `lines`."""

    id: UUID | None = None
    lines: Annotated[tuple[Line, ...], Meta(min_length=1, max_length=500)] | None = None


class CancelBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing need be said."""

    id: UUID | None = None


class ExtendBody(_Duration, frozen=True, kw_only=True):
    """How long to hold from now on."""

    id: UUID | None = None


def reservation_routes(db: Database, ledger: Ledger, default_ttl: int) -> list[HTTPRouteHandler]:
    """/reservations; a hold whose client names no duration lasts `default_ttl` seconds."""

    async def find(request: ApiRequest, reservation_id: str) -> tuple[UUID, str]:
        """Returns the hold's id and store, if it is one of the caller's stores'."""
        known = id_or(UnknownReservation, reservation_id)
        async with reading(db) as connection:
            store_id = await store_of_reservation(connection, known)
        if store_id is None or not request.auth.allows_store(store_id):
            raise UnknownReservation(reservation_id)
        return known, store_id

    @post(
        "/reservations",
        scope=Scope.RESERVATIONS_WRITE,
        problems=(*COMMAND, "insufficient_stock", "unknown_reservation", "reservation_ended"),
        example={"store_id": "292", "product_id": "818981", "quantity": 2, "ttl_minutes": 15},
    )
    async def reserve(request: ApiRequest, data: JSONBody[ReserveBody]) -> ReservationShape:
        """Hold units for a while. The hold's id is the command's id."""
        command = Reserve(
            id=command_id(request, data.id),
            store_id=data.store_id,
            lines=lines_of(data.product_id, data.quantity, data.lines),
            ttl_seconds=data.seconds(default_ttl),
            customer_id=data.customer_id,
            replaces=data.replaces,
        )
        return _shape(await settle(ledger, command, request.auth))

    @get("/reservations/{reservation_id:str}", scope=Scope.STOCK_READ, problems=("unknown_reservation",))
    async def reservation(request: ApiRequest, reservation_id: FromPath[str]) -> ReservationShape:
        """Returns a hold as it is now."""
        async with reading(db) as connection:
            hold = await find_reservation(connection, id_or(UnknownReservation, reservation_id))
        if hold is None or not request.auth.allows_store(hold.store_id):
            raise UnknownReservation(reservation_id)
        return ReservationShape.of(hold)

    @post(
        "/reservations/{reservation_id:str}/confirm",
        scope=Scope.RESERVATIONS_WRITE,
        problems=(*_ENDING, "insufficient_stock"),
        status_code=200,
    )
    async def confirm(
        request: ApiRequest, reservation_id: FromPath[str], data: JSONBody[ConfirmBody | None] = None
    ) -> ReservationShape:
        """Hand over a hold, all of it or a part; the rest is free again."""
        known, store_id = await find(request, reservation_id)
        data = data or ConfirmBody()
        command = Confirm(id=command_id(request, data.id), store_id=store_id, reservation_id=known, lines=data.lines)
        return _shape(await settle(ledger, command, request.auth))

    @post(
        "/reservations/{reservation_id:str}/cancel", scope=Scope.RESERVATIONS_WRITE, problems=_ENDING, status_code=200
    )
    async def cancel(
        request: ApiRequest, reservation_id: FromPath[str], data: JSONBody[CancelBody | None] = None
    ) -> ReservationShape:
        """End a hold; its units are free again."""
        known, store_id = await find(request, reservation_id)
        given = data.id if data else None
        command = Cancel(id=command_id(request, given), store_id=store_id, reservation_id=known)
        return _shape(await settle(ledger, command, request.auth))

    @post(
        "/reservations/{reservation_id:str}/extend", scope=Scope.RESERVATIONS_WRITE, problems=_ENDING, status_code=200
    )
    async def extend(
        request: ApiRequest, reservation_id: FromPath[str], data: JSONBody[ExtendBody | None] = None
    ) -> ReservationShape:
        """Move a live hold's deadline to a duration from now."""
        known, store_id = await find(request, reservation_id)
        data = data or ExtendBody()
        command = Extend(
            id=command_id(request, data.id),
            store_id=store_id,
            reservation_id=known,
            ttl_seconds=data.seconds(default_ttl),
        )
        return _shape(await settle(ledger, command, request.auth))

    return [reserve, reservation, confirm, cancel, extend]


def _shape(answer: Answer) -> ReservationShape:
    assert answer.reservation is not None  # every accepted command about a hold answers with it
    return ReservationShape.of(answer.reservation)
