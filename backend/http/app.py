"""The API as one ASGI application, put together from its routes and what they work with."""

from collections.abc import Callable, Sequence
from functools import partial

from litestar import Litestar, Router
from litestar.types import ControllerRouterHandler

from backend.audit.routes import audit_routes
from backend.auth.pins import Pins
from backend.auth.tokens import Tokens
from backend.catalogue.routes import product_routes
from backend.catalogue.search_routes import catalogue_routes
from backend.commands.routes import command_routes
from backend.database.engine import Database
from backend.events.feed import Feed
from backend.events.live_routes import live_routes
from backend.events.routes import event_routes
from backend.exports.routes import export_routes
from backend.http.docs.routes import document_routes
from backend.keys.routes import key_routes
from backend.keys.service import Keys
from backend.ledger.lanes import Ledger
from backend.people.door import Door
from backend.people.routes import user_routes
from backend.people.service import People
from backend.people.sessions import Sessions
from backend.people.sign_in_routes import sign_in_routes
from backend.reservations.list_routes import reservation_list_routes
from backend.reservations.routes import reservation_routes
from backend.sales.routes import sales_routes
from backend.stock.history_routes import movement_routes
from backend.stock.routes import PointReads, stock_routes
from backend.stock.write_routes import stock_write_routes
from backend.stores.routes import store_routes
from backend.terminals.reports import hear_terminal
from backend.terminals.routes import terminal_routes
from backend.views.views import Views
from backend.webhooks.routes import webhook_routes

from .access import access_guard, caller_of, in_turn, well_formed
from .browsers import browsers_of
from .health import VERSION, health_routes
from .jwks import jwks_routes
from .problems import EXCEPTION_HANDLERS
from .rates import Rates
from .request import ApiRequest

BASE = "/api/v1"
MAX_BODY = 256 * 1024
"""Bytes of one request; the batch route has its own limit."""


def create_app(
    *,
    db: Database,
    ledger: Ledger,
    tokens: Tokens,
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
) -> Litestar:
    """All routes behind one guard and one way of telling errors. Wrap it in `envelope` to serve it.

    Without `views` every answer is read from the database, without `rates` everybody may send as much as they like,
    without `feed` there are no events to read.
    """
    keys = Keys(db)
    guards = [well_formed, access_guard(tokens, keys)]
    if rates is not None:
        guards = [well_formed, rates.by_address, access_guard(tokens, keys), rates.by_caller]
    pins, sessions = Pins(), Sessions(db, tokens)
    point_reads = PointReads(db)
    api = Router(
        BASE,
        route_handlers=[
            *sign_in_routes(db, Door(db, pins, sessions, tokens), sessions),
            *catalogue_routes(db, views),
            *product_routes(db, views),
            *store_routes(db),
            *stock_routes(db, point_reads, views),
            *stock_write_routes(db, point_reads, ledger, require_if_match=require_if_match),
            *reservation_routes(db, ledger, default_ttl),
            *reservation_list_routes(db),
            *sales_routes(db, ledger),
            *movement_routes(db),
            *export_routes(db),
            *command_routes(ledger),
            *live_routes(live_url),
            *event_routes(db, feed or Feed(None), partial(caller_of, tokens=tokens, keys=keys), stopping),
            *audit_routes(db),
            *key_routes(db, keys),
            *user_routes(db, People(db, pins, tokens)),
            *terminal_routes(db, keys),
            *webhook_routes(db, allow_private=webhooks_allow_private),
        ],
    )
    routes: list[ControllerRouterHandler] = [*health_routes(db, stopping, instance_id), *jwks_routes(tokens), api]
    return Litestar(
        [*routes, *document_routes(routes, VERSION)],
        before_request=hear_terminal,
        guards=[in_turn(guards)],
        cors_config=browsers_of(cors_origins),
        exception_handlers=EXCEPTION_HANDLERS,
        request_class=ApiRequest,
        request_max_body_size=MAX_BODY,
        openapi_config=None,
        logging_config=None,
    )
