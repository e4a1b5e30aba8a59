"""The API: the routes of every capability, put together with what they work with."""

from collections.abc import Callable, Sequence
from functools import partial

from litestar import Litestar
from litestar.types import ControllerRouterHandler

from backend.alerts.findings import Thresholds
from backend.alerts.routes import alert_routes
from backend.alerts.service import Alerts
from backend.allotments.routes import allotment_routes
from backend.allotments.service import Allotting
from backend.approvals.limiting import Limiting
from backend.approvals.routes import approval_routes
from backend.audit.routes import audit_routes
from backend.auth.pins import Pins
from backend.auth.tokens import Tokens
from backend.catalogue.barcode_routes import barcode_routes
from backend.catalogue.price_routes import price_routes
from backend.catalogue.routes import product_routes
from backend.catalogue.search_routes import catalogue_routes
from backend.commands.routes import command_routes
from backend.conflicts.routes import conflict_routes
from backend.counts.routes import count_routes
from backend.counts.service import Counts
from backend.counts.shrinkage_routes import shrinkage_routes
from backend.database.engine import Database
from backend.events.feed import Feed
from backend.events.live_routes import live_routes
from backend.events.routes import event_routes
from backend.exports.routes import export_routes
from backend.http.access import caller_of
from backend.http.app import assemble
from backend.http.health import health_routes
from backend.http.jwks import jwks_routes
from backend.http.rates import Rates
from backend.inbox.routes import inbox_routes
from backend.keys.routes import key_routes
from backend.keys.service import Keys
from backend.ledger.lanes import Ledger
from backend.model.replenishment import DEFAULT_POLICY, Policy
from backend.model.scans import Mask
from backend.orders.routes import order_routes
from backend.people.door import Door
from backend.people.routes import user_routes
from backend.people.service import People
from backend.people.sessions import Sessions
from backend.people.sign_in_routes import sign_in_routes
from backend.pickups.count_task_routes import count_task_routes
from backend.pickups.routes import pickup_routes
from backend.pickups.service import Pickups
from backend.receipts.routes import receipt_routes
from backend.receiving.routes import receiving_routes
from backend.receiving.service import Receiving
from backend.replenishment.routes import replenishment_routes
from backend.replenishment.service import Replenishment
from backend.reservations.list_routes import reservation_list_routes
from backend.reservations.routes import reservation_routes
from backend.returns.routes import return_routes
from backend.sales.pricing import Pricing
from backend.sales.routes import sales_routes
from backend.shifts.routes import shift_routes
from backend.shop.routes import shop_routes
from backend.shortfalls.routes import shortfall_routes
from backend.shortfalls.service import Shortfalls
from backend.stock.correction_routes import Corrections, correction_routes
from backend.stock.history_routes import movement_routes
from backend.stock.routes import PointReads, stock_routes
from backend.stock.write_routes import stock_write_routes
from backend.stores.routes import store_routes
from backend.sync.routes import sync_routes
from backend.sync.service import Copies
from backend.terminals.routes import terminal_routes
from backend.transfers.discrepancy_routes import discrepancy_routes
from backend.transfers.routes import transfer_routes
from backend.transfers.service import Transfers
from backend.views.views import Views
from backend.webhooks.routes import webhook_routes
from backend.webhooks.sealing import Sealer


def create_api(
    *,
    db: Database,
    ledger: Ledger,
    tokens: Tokens,
    sealer: Sealer,
    stopping: Callable[[], bool],
    instance_id: str,
    default_ttl: int,
    require_if_match: bool,
    live_url: str,
    views: Views | None = None,
    rates: Rates | None = None,
    feed: Feed | None = None,
    cors_origins: Sequence[str] = (),
    webhooks_allow_private: bool = False,
    masks: Sequence[Mask] = (),
    policy: Policy = DEFAULT_POLICY,
    thresholds: Thresholds | None = None,
) -> Litestar:
    """Returns the application: all routes behind one guard, errors told in one way. `envelope` wraps it to be served.

    Without `views` every answer is read from the database, without `rates` everybody may send as much as they like,
    without `feed` there are no events to read.
    """
    keys = Keys(db)
    pins, sessions = Pins(), Sessions(db, tokens)
    door = Door(db, pins, sessions, tokens)
    point_reads, pricing, limiting = PointReads(db), Pricing(db), Limiting(db)
    transfers, pickups, shortfalls = Transfers(db, ledger), Pickups(db, ledger), Shortfalls(db, ledger)
    corrections = Corrections(db, ledger, limiting, door)
    routes: list[ControllerRouterHandler] = [
        *sign_in_routes(db, door, sessions),
        *catalogue_routes(db, views, masks),
        *barcode_routes(db, masks),
        *price_routes(db),
        *product_routes(db, views),
        *store_routes(db),
        *shop_routes(db),
        *stock_routes(db, point_reads, views),
        *stock_write_routes(db, point_reads, ledger, corrections, require_if_match=require_if_match),
        *transfer_routes(db, transfers),
        *discrepancy_routes(db, transfers),
        *receiving_routes(db, Receiving(db, ledger)),
        *count_routes(db, Counts(db, ledger), door),
        *shrinkage_routes(db),
        *pickup_routes(db, pickups, default_ttl),
        *count_task_routes(db, pickups),
        *correction_routes(corrections),
        *approval_routes(db, ledger, limiting, door),
        *order_routes(db, ledger),
        *replenishment_routes(db, Replenishment(db, ledger, policy)),
        *reservation_routes(db, ledger, default_ttl),
        *reservation_list_routes(db),
        *allotment_routes(db, ledger),
        *sales_routes(db, ledger, pricing, door),
        *return_routes(db, ledger, door),
        *receipt_routes(db),
        *shift_routes(db, ledger),
        *conflict_routes(db, ledger, door),
        *shortfall_routes(db, shortfalls),
        *inbox_routes(db, shortfalls),
        *movement_routes(db),
        *export_routes(db),
        *command_routes(db, ledger, pricing.objections, limiting.objections, Allotting(db).objections),
        *live_routes(live_url),
        *event_routes(db, feed or Feed(None), partial(caller_of, tokens=tokens, verify_key=keys.verify), stopping),
        *sync_routes(Copies(db, feed or Feed(None), masks)),
        *audit_routes(db),
        *alert_routes(db, ledger, Alerts(db, thresholds)),
        *key_routes(db, keys, tokens),
        *user_routes(db, People(db, pins, tokens.ended)),
        *terminal_routes(db, keys, tokens),
        *webhook_routes(db, sealer, allow_private=webhooks_allow_private),
    ]
    return assemble(
        routes,
        [*health_routes(db, stopping, instance_id), *jwks_routes(tokens)],
        tokens=tokens,
        verify_key=keys.verify,
        rates=rates,
        cors_origins=cors_origins,
    )
