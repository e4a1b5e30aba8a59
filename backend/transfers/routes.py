"""Transfers over HTTP: ask, pack, ship, receive, close, cancel; each step of the store whose step it is."""

from enum import StrEnum

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody

from backend.database.engine import Database
from backend.documents.asking import STEP, StoreOf, asked_store, document_id, ensure_concerned, own_side
from backend.documents.queries import LATEST, Place, Side
from backend.http.commanding import command_id
from backend.http.declaring import COMMAND
from backend.http.lines import lines_of
from backend.http.pages import Cursor, Limit, behind, page
from backend.http.request import ApiRequest
from backend.model.commands import Command
from backend.model.documents import Document
from backend.model.scopes import Scope
from backend.model.transfers import TRANSFER, TransferStatus
from backend.model.verbs.transfer_cancel import TransferCancel
from backend.model.verbs.transfer_close import TransferClose
from backend.model.verbs.transfer_open import TransferOpen
from backend.model.verbs.transfer_pack import TransferPack
from backend.model.verbs.transfer_receive import TransferReceive
from backend.model.verbs.transfer_ship import TransferShip

from .bodies import (
    CancelTransferBody,
    CloseTransferBody,
    OpenTransferBody,
    PackTransferBody,
    ReceiveTransferBody,
    ShipTransferBody,
)
from .schemas import ListedTransferShape, TransfersShape, WholeTransferShape
from .service import Transfers


class Direction(StrEnum):
    """Which transfers of a store are listed: those that it sends, those that it receives, or both."""

    OUT = "out"
    IN = "in"
    BOTH = "both"


_SIDES = {Direction.OUT: Side.OWN, Direction.IN: Side.OTHER, Direction.BOTH: Side.BOTH}


def transfer_routes(db: Database, transfers: Transfers) -> list[HTTPRouteHandler]:
    """/transfers"""

    async def found(request: ApiRequest, text: str) -> Document:
        """Returns the transfer, if one of its stores is the caller's."""
        transfer = await transfers.transfer(document_id(TRANSFER.name, text))
        ensure_concerned(request, transfer)
        return transfer

    async def send(request: ApiRequest, command: Command) -> WholeTransferShape:
        request.auth.require_store(command.store_id)
        return WholeTransferShape.whole(await transfers.step(command, request.auth.who))

    @post(
        "/transfers",
        scope=Scope.TRANSFERS_WRITE,
        problems=(*COMMAND, "same_store"),
        example={"from_store_id": "292", "to_store_id": "304", "lines": [{"product_id": "818981", "quantity": 6}]},
    )
    async def ask(request: ApiRequest, data: JSONBody[OpenTransferBody]) -> WholeTransferShape:
        """Ask for goods to go from one store to another. The source drafts it, the destination requests it."""
        own, other = data.from_store_id, data.to_store_id
        by = data.store_id or (request.auth.store_id if request.auth.store_id in (own, other) else own)
        if data.store_id is None and not request.auth.allows_store(by):
            by = other
        command = TransferOpen(
            id=command_id(request, data.id),
            store_id=by,
            from_store_id=own,
            to_store_id=other,
            lines=lines_of(data.product_id, data.quantity, data.lines),
            reference=data.reference,
            note=data.note,
        )
        return await send(request, command)

    @get("/transfers", scope=Scope.STOCK_READ, problems=("store_not_allowed", "unknown_store"))
    async def listed(
        request: ApiRequest,
        store_id: StoreOf = None,
        status: FromQuery[TransferStatus | None] = None,
        direction: FromQuery[Direction] = Direction.BOTH,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response[TransfersShape]:
        """Returns the transfers of a store, latest change first, in pages."""
        after = behind(cursor, Place) or LATEST
        store = await asked_store(db, request, store_id)
        statuses = tuple(TransferStatus) if status is None else (status,)
        some = await transfers.listed(store, statuses, _SIDES[direction], after, limit + 1)
        shown, headers = page(request, some, limit, Place.of)
        shapes = [ListedTransferShape.of(transfer) for transfer in shown]
        return Response(TransfersShape(store, shapes, len(shapes)), headers=headers)

    @get("/transfers/{transfer_id:str}", scope=Scope.STOCK_READ, problems=("unknown_document",))
    async def one(request: ApiRequest, transfer_id: FromPath[str]) -> WholeTransferShape:
        """Returns a transfer with its discrepancy cases."""
        return WholeTransferShape.whole(await transfers.find((await found(request, transfer_id)).id))

    @post(
        "/transfers/{transfer_id:str}/pack",
        scope=Scope.TRANSFERS_WRITE,
        problems=(*STEP, "insufficient_stock", "more_than_open"),
        status_code=200,
    )
    async def pack(
        request: ApiRequest, transfer_id: FromPath[str], data: JSONBody[PackTransferBody | None] = None
    ) -> WholeTransferShape:
        """Put the units aside at the source, where nobody can sell them any more; again, to change how many."""
        data, transfer = data or PackTransferBody(), await found(request, transfer_id)
        id_ = command_id(request, data.id)
        command = TransferPack(id=id_, store_id=transfer.store_id, transfer_id=transfer.id, lines=data.lines)
        return await send(request, command)

    @post("/transfers/{transfer_id:str}/ship", scope=Scope.TRANSFERS_WRITE, problems=STEP, status_code=200)
    async def ship(
        request: ApiRequest, transfer_id: FromPath[str], data: JSONBody[ShipTransferBody | None] = None
    ) -> WholeTransferShape:
        """Send what is packed: it leaves the source and is incoming at the destination."""
        data, transfer = data or ShipTransferBody(), await found(request, transfer_id)
        id_ = command_id(request, data.id)
        command = TransferShip(id=id_, store_id=transfer.store_id, transfer_id=transfer.id, reference=data.reference)
        return await send(request, command)

    @post(
        "/transfers/{transfer_id:str}/receive",
        scope=Scope.TRANSFERS_WRITE,
        problems=(*STEP, "more_than_open"),
        example={"lines": [{"product_id": "818981", "good": 4, "damaged": 1, "missing": 1}]},
        status_code=200,
    )
    async def receive(
        request: ApiRequest, transfer_id: FromPath[str], data: JSONBody[ReceiveTransferBody]
    ) -> WholeTransferShape:
        """Take in what has arrived, as often as it arrives. What is missing opens a discrepancy case."""
        transfer = await found(request, transfer_id)
        command = TransferReceive(
            id=command_id(request, data.id),
            store_id=transfer.other_store_id,
            transfer_id=transfer.id,
            lines=data.lines,
            reason=data.reason,
        )
        return await send(request, command)

    @post("/transfers/{transfer_id:str}/close", scope=Scope.TRANSFERS_WRITE, problems=STEP, status_code=200)
    async def close(
        request: ApiRequest, transfer_id: FromPath[str], data: JSONBody[CloseTransferBody | None] = None
    ) -> WholeTransferShape:
        """Say that nothing more will arrive. What is still open becomes a discrepancy case of both stores."""
        data, transfer = data or CloseTransferBody(), await found(request, transfer_id)
        id_ = command_id(request, data.id)
        command = TransferClose(id=id_, store_id=transfer.other_store_id, transfer_id=transfer.id, reason=data.reason)
        return await send(request, command)

    @post(
        "/transfers/{transfer_id:str}/cancel",
        scope=Scope.TRANSFERS_WRITE,
        problems=(*STEP, "goods_in_flight"),
        example={"reason": "the van broke down", "in_flight": "restock"},
        status_code=200,
    )
    async def cancel(
        request: ApiRequest, transfer_id: FromPath[str], data: JSONBody[CancelTransferBody]
    ) -> WholeTransferShape:
        """End a transfer. Once its goods have left, `in_flight` must say whether they are back or lost."""
        transfer = await found(request, transfer_id)
        command = TransferCancel(
            id=command_id(request, data.id),
            store_id=own_side(request, transfer),
            transfer_id=transfer.id,
            reason=data.reason,
            in_flight=data.in_flight,
        )
        return await send(request, command)

    return [ask, listed, one, pack, ship, receive, close, cancel]
