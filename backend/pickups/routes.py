"""Holds at another store over HTTP: one store asks, the other one says found or not on the shelf."""

from enum import StrEnum

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody

from backend.database.engine import Database
from backend.documents.asking import STEP, StoreOf, asked_store, document_id, ensure_concerned
from backend.documents.queries import LATEST, Place, Side
from backend.http.commanding import command_id
from backend.http.declaring import COMMAND
from backend.http.lines import lines_of
from backend.http.pages import Cursor, Limit, behind, page
from backend.http.request import ApiRequest
from backend.model.commands import Command
from backend.model.documents import Document
from backend.model.errors import InvalidInput
from backend.model.pickups import PICKUP, PickupStatus
from backend.model.scopes import Scope
from backend.model.verbs import VERBS
from backend.model.verbs.hold_elsewhere import HoldElsewhere
from backend.model.verbs.hold_found import HoldFound
from backend.model.verbs.hold_missing import HoldMissing
from backend.model.verbs.hold_withdraw import HoldWithdraw

from .schemas import FoundBody, HoldElsewhereBody, MissingBody, PickupShape, PickupsShape, WithdrawBody
from .service import Pickups

_ENDING = (*STEP, "unknown_reservation", "reservation_ended")


class Asked(StrEnum):
    """Which pickups of a store are listed: those that others asked of it, those that it asked of others, or both."""

    OF_US = "of_us"
    BY_US = "by_us"
    BOTH = "both"


_SIDES = {Asked.OF_US: Side.OWN, Asked.BY_US: Side.OTHER, Asked.BOTH: Side.BOTH}


def pickup_routes(db: Database, pickups: Pickups, default_ttl: int) -> list[HTTPRouteHandler]:
    """/pickups; a hold whose client names no duration lasts `default_ttl` seconds."""

    async def found(request: ApiRequest, text: str) -> Document:
        """Returns the pickup, if one of its stores is the caller's."""
        pickup = await pickups.pickup(document_id(PICKUP.name, text))
        ensure_concerned(request, pickup)
        return pickup

    async def send(request: ApiRequest, command: Command) -> PickupShape:
        request.auth.require_store(VERBS[type(command)].acts_in(command))
        return PickupShape.of(await pickups.step(command, request.auth.who))

    @post(
        "/pickups",
        scope=Scope.RESERVATIONS_ELSEWHERE,
        problems=(*COMMAND, "same_store", "insufficient_stock"),
        example={
            "store_id": "304",
            "product_id": "818981",
            "quantity": 1,
            "ttl_seconds": 7200,
            "reason": "Mrs Vega comes by car",
        },
    )
    async def ask(request: ApiRequest, data: JSONBody[HoldElsewhereBody]) -> PickupShape:
        """Have another store hold units for somebody here. It needs no right in that store, and gives none."""
        asking = data.for_store_id or request.auth.store_id
        if not asking:
            raise InvalidInput("for_store_id", "for_store_id is missing; name the store that asks.")
        command = HoldElsewhere(
            id=command_id(request, data.id),
            store_id=data.store_id,
            for_store_id=asking,
            lines=lines_of(data.product_id, data.quantity, data.lines),
            ttl_seconds=data.ttl_seconds or default_ttl,
            reason=data.reason,
            customer_id=data.customer_id,
        )
        return await send(request, command)

    @get("/pickups", scope=Scope.STOCK_READ, problems=("store_not_allowed", "unknown_store"))
    async def listed(
        request: ApiRequest,
        store_id: StoreOf = None,
        status: FromQuery[PickupStatus | None] = None,
        asked: FromQuery[Asked] = Asked.BOTH,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response[PickupsShape]:
        """Returns the pickups of a store, asked of it or by it, latest change first, in pages."""
        after = behind(cursor, Place) or LATEST
        store = await asked_store(db, request, store_id)
        statuses = tuple(PickupStatus) if status is None else (status,)
        some = await pickups.listed(store, statuses, _SIDES[asked], after, limit + 1)
        shown, headers = page(request, some, limit, lambda one: Place.of(one.pickup))
        shapes = [PickupShape.of(one) for one in shown]
        return Response(PickupsShape(store, shapes, len(shapes)), headers=headers)

    @get("/pickups/{pickup_id:str}", scope=Scope.STOCK_READ, problems=("unknown_document",))
    async def one(request: ApiRequest, pickup_id: FromPath[str]) -> PickupShape:
        """Returns a pickup, and how its hold is now."""
        return PickupShape.of(await pickups.whole(await found(request, pickup_id)))

    @post("/pickups/{pickup_id:str}/found", scope=Scope.RESERVATIONS_WRITE, problems=_ENDING, status_code=200)
    async def is_found(
        request: ApiRequest, pickup_id: FromPath[str], data: JSONBody[FoundBody | None] = None
    ) -> PickupShape:
        """Say, in the store that was asked, that the units are there; and for how long they are kept from now on."""
        data, pickup = data or FoundBody(), await found(request, pickup_id)
        id_ = command_id(request, data.id)
        command = HoldFound(id=id_, store_id=pickup.store_id, pickup_id=pickup.id, ttl_seconds=data.ttl_seconds)
        return await send(request, command)

    @post("/pickups/{pickup_id:str}/missing", scope=Scope.RESERVATIONS_WRITE, problems=_ENDING, status_code=200)
    async def is_missing(request: ApiRequest, pickup_id: FromPath[str], data: JSONBody[MissingBody]) -> PickupShape:
        """Say that the units are not on the shelf: the hold ends or is kept, and somebody is to count."""
        pickup = await found(request, pickup_id)
        command = HoldMissing(
            id=command_id(request, data.id),
            store_id=pickup.store_id,
            pickup_id=pickup.id,
            keep=data.keep,
            reason=data.reason,
        )
        return await send(request, command)

    @post("/pickups/{pickup_id:str}/withdraw", scope=Scope.RESERVATIONS_ELSEWHERE, problems=_ENDING, status_code=200)
    async def withdraw(
        request: ApiRequest, pickup_id: FromPath[str], data: JSONBody[WithdrawBody | None] = None
    ) -> PickupShape:
        """Say, in the store that asked, that the units are not wanted any more: the hold ends."""
        data, pickup = data or WithdrawBody(), await found(request, pickup_id)
        command = HoldWithdraw(
            id=command_id(request, data.id),
            store_id=pickup.store_id,
            for_store_id=pickup.other_store_id,
            pickup_id=pickup.id,
            reason=data.reason,
        )
        return await send(request, command)

    return [ask, listed, one, is_found, is_missing, withdraw]
