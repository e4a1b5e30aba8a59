"""Puts routes behind one guard and one way of telling errors."""

from collections.abc import Sequence

from litestar import Litestar, Router
from litestar.types import ControllerRouterHandler

from backend.auth.tokens import Tokens

from .access import Verify, access_guard, in_turn, well_formed
from .browsers import browsers_of
from .docs.routes import document_routes
from .health import VERSION
from .problems import EXCEPTION_HANDLERS
from .rates import Rates
from .reports import hear_terminal
from .request import ApiRequest

BASE = "/api/v1"
MAX_BODY = 256 * 1024
"""Bytes of one request; the batch route has its own limit."""


def assemble(
    api_routes: Sequence[ControllerRouterHandler],
    other_routes: Sequence[ControllerRouterHandler],
    *,
    tokens: Tokens,
    verify_key: Verify,
    rates: Rates | None,
    cors_origins: Sequence[str],
) -> Litestar:
    """Returns the application: `api_routes` under BASE, `other_routes` at the root, and the documents of both.

    Without `rates` everybody may send as much as they like.
    """
    access = access_guard(tokens, verify_key)
    guards = [well_formed, access]
    if rates is not None:
        guards = [well_formed, rates.by_address, access, rates.by_caller]
    routes: list[ControllerRouterHandler] = [*other_routes, Router(BASE, route_handlers=api_routes)]
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
