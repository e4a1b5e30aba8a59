"""Changing stock by hand: the first of it, compare and set, a correction, and goods that go to another store."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from litestar import Response, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, Struct, UnsetType, structs

from backend.approvals.routes import ON_THE_SPOT
from backend.catalogue.search_queries import product_by_id
from backend.database.engine import Database
from backend.database.reads import reading
from backend.database.writes import writing
from backend.http.commanding import command_id, settle
from backend.http.declaring import COMMAND
from backend.http.errors import StockExists, TransferShort
from backend.http.etags import PreconditionFailed, PreconditionRequired, if_match, tagged
from backend.http.invalid import InvalidBody
from backend.http.lines import lines_of
from backend.http.problems import Refused
from backend.http.request import ApiRequest
from backend.ledger.lanes import Ledger
from backend.model.answers import Answer, Code
from backend.model.commands import Change, Count, Line, Lines, ProductId, Quantity, Reason, StoreId, Text
from backend.model.reasons import ReasonCode
from backend.model.scopes import Scope
from backend.model.verbs.adjust import Adjust
from backend.model.verbs.set_stock import LevelChanges, SetStock
from backend.model.verbs.transfer import Transfer
from backend.people.approving import SpotApproval
from backend.stores.queries import store_name
from backend.stores.routes import ensure_store

from .correction_routes import Corrections
from .queries import StockLevel
from .routes import PointReads
from .schemas import CountersShape, StockShape


class _LevelsBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    id: UUID | None = None
    min_stock: Count | None = None
    max_stock: Count | None = None
    reorder_point: Count | None = None
    reorder_qty: Count | None = None
    safety_stock: Count | None = None

    def levels(self) -> LevelChanges | None:
        """Returns what is said of the levels, None if nothing is."""
        changes = LevelChanges(self.safety_stock, self.reorder_point, self.reorder_qty, self.min_stock, self.max_stock)
        return None if changes == LevelChanges() else changes


class NewStockBody(_LevelsBody, frozen=True, kw_only=True):
    """The first stock of a product in a store."""

    product_id: ProductId
    store_id: StoreId
    initial_quantity: Count


class SetStockBody(_LevelsBody, frozen=True, kw_only=True):
    """What is on hand, the levels, or both; what is not sent stays as it is."""

    quantity: Count | None = None
    reason: Text = ""


class AdjustBody(Struct, frozen=True, forbid_unknown_fields=True):
    """How many units more (or, below zero, fewer) are on hand, and why; above a limit with who approves it."""

    adjustment: Change
    reason: Reason
    id: UUID | None = None
    reason_code: ReasonCode | UnsetType = UNSET
    document_id: Text | UnsetType = UNSET
    approval: SpotApproval | None = None


class TransferBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Goods that go from one store to another: one product, or several in `lines`, all or nothing."""

    id: UUID | None = None
    from_store_id: StoreId
    to_store_id: StoreId
    product_id: ProductId | None = None
    quantity: Quantity | None = None
    lines: Lines | None = None
    reason: Text = ""


class TransferShape(Struct, frozen=True):
    """A transfer, and the stock it left in both stores. `product_id` is null when it moved several products."""

    id: UUID
    from_store_id: str
    to_store_id: str
    product_id: str | None
    quantity: int
    reason: str
    transferred_at: datetime | None
    lines: tuple[Line, ...]
    stock: tuple[CountersShape, ...]


def stock_write_routes(
    db: Database, point_reads: PointReads, ledger: Ledger, corrections: Corrections, *, require_if_match: bool
) -> list[HTTPRouteHandler]:
    """POST and PUT /stock/…; with `require_if_match` a PUT has to say which version it has seen."""

    async def open_store(request: ApiRequest, store_id: str, product_ids: Iterable[str]) -> None:
        """Found a store that nobody has, for a caller who may, if all the products are known."""
        claims = request.auth
        if Scope.STORES_WRITE not in claims.scopes or not claims.allows_store(store_id):
            return
        async with reading(db) as connection:
            if await store_name(connection, store_id) is not None:
                return
            for product_id in product_ids:
                if await product_by_id(connection, product_id) is None:
                    return
        async with writing(db) as connection:
            await ensure_store(connection, claims, request.origin(), store_id)

    @post("/stock", scope=Scope.STOCK_WRITE, problems=(*COMMAND, "stock_exists", "approval_needed"))
    async def create(request: ApiRequest, data: JSONBody[NewStockBody]) -> Response[StockShape]:
        """Begin the stock of a product in a store; a caller who may found stores founds one that is not there yet."""
        id_, product_id, store_id = command_id(request, data.id), data.product_id, data.store_id
        request.auth.require_store(store_id)
        await open_store(request, store_id, [product_id])
        level = await point_reads.level(product_id, store_id)
        command = SetStock(
            id=id_,
            store_id=store_id,
            product_id=product_id,
            quantity=data.initial_quantity,
            levels=data.levels(),
            expected_version=0,
        )
        try:
            answer = await _set_stock(corrections, request, command)
        except Refused as refused:
            if refused.code == Code.VERSION_MOVED:
                raise StockExists(product_id, store_id) from None
            raise
        return _left(request, level, answer, status=201)

    @put(
        "/stock/{product_id:str}/{store_id:str}",
        scope=Scope.STOCK_WRITE,
        problems=(*COMMAND, "insufficient_stock", "version_moved", "precondition_required", "approval_needed"),
        example={"quantity": 24, "reorder_point": 6},
    )
    async def put_one(
        request: ApiRequest, product_id: FromPath[str], store_id: FromPath[str], data: JSONBody[SetStockBody]
    ) -> Response[StockShape]:
        """Set what is on hand, the levels, or both at once, if the stock is as the caller has seen it (If-Match)."""
        id_, match, levels = command_id(request, data.id), if_match(request), data.levels()
        if data.quantity is None and levels is None:
            raise InvalidBody("quantity", "quantity is missing; add it, or one of the levels.")
        request.auth.require_store(store_id)
        level = await point_reads.level(product_id, store_id)
        if match is None and require_if_match:
            raise PreconditionRequired
        command = SetStock(
            id=id_,
            store_id=store_id,
            product_id=product_id,
            quantity=data.quantity,
            levels=levels,
            expected_version=match.version if match else None,
            reason=data.reason,
        )
        try:
            answer = await _set_stock(corrections, request, command)
        except Refused as refused:
            if refused.code == Code.VERSION_MOVED:
                level = await point_reads.level(product_id, store_id)
                raise PreconditionFailed(level.row.version, StockShape.at(level)) from None
            raise
        return _left(request, level, answer)

    @post(
        "/stock/{product_id:str}/{store_id:str}/adjust",
        scope=Scope.STOCK_WRITE,
        problems=(
            *COMMAND,
            *ON_THE_SPOT,
            "insufficient_stock",
            "reason_not_allowed",
            "approval_needed",
            "price_not_allowed",
        ),
        status_code=200,
    )
    async def adjust(
        request: ApiRequest, product_id: FromPath[str], store_id: FromPath[str], data: JSONBody[AdjustBody]
    ) -> Response[StockShape]:
        """Correct what is on hand by some units; those that are held cannot be taken away."""
        id_ = command_id(request, data.id)
        request.auth.require_store(store_id)
        level = await point_reads.level(product_id, store_id)
        command = Adjust(
            id=id_,
            store_id=store_id,
            product_id=product_id,
            adjustment=data.adjustment,
            reason=data.reason,
            reason_code=data.reason_code,
            document_id=data.document_id,
        )
        return _left(request, level, await corrections.send(request, command, data.approval))

    @post(
        "/stock/transfer",
        scope=Scope.TRANSFERS_WRITE,
        problems=(*COMMAND, "same_store", "transfer_short"),
        example={"from_store_id": "292", "to_store_id": "293", "product_id": "818981", "quantity": 2},
        status_code=200,
    )
    async def transfer(request: ApiRequest, data: JSONBody[TransferBody]) -> TransferShape:
        """Move goods out of one of the caller's stores into any other one: both sides at once, or neither."""
        lines = lines_of(data.product_id, data.quantity, data.lines)
        command = Transfer(
            id=command_id(request, data.id),
            store_id=data.from_store_id,
            to_store_id=data.to_store_id,
            lines=lines,
            reason=data.reason,
        )
        request.auth.require_store(data.from_store_id)
        await open_store(request, data.to_store_id, [line.product_id for line in lines])
        try:
            answer = await settle(ledger, command, request.auth)
        except Refused as refused:
            if refused.code == Code.INSUFFICIENT_STOCK:  # which old clients expect to be a 400 here
                raise TransferShort(refused.message, **refused.fields) from None
            raise
        return TransferShape(
            command.id,
            command.store_id,
            command.to_store_id,
            lines[0].product_id if len(lines) == 1 else None,
            sum(line.quantity for line in lines),
            command.reason,
            answer.at,
            lines,
            tuple(map(CountersShape.of, answer.stock)),
        )

    return [create, put_one, adjust, transfer]


async def _set_stock(corrections: Corrections, request: ApiRequest, command: SetStock) -> Answer:
    try:
        return await corrections.send(request, command)
    except Refused as refused:
        if refused.fields.get("field") == "max_level":  # the ledger's name of it
            raise InvalidBody("max_stock", "max_stock must not be below min_stock.", refused.code) from None
        raise


def _left(request: ApiRequest, level: StockLevel, answer: Answer, status: int = 200) -> Response[StockShape]:
    """Returns the one row that a command changed, as it left it; names, and levels that it did not set, are as in
    `level`."""
    (row,) = answer.stock
    left = structs.replace(level, row=row, updated_at=answer.at, levels=answer.levels or level.levels)
    return tagged(request, row.version, StockShape.at(left), status)
