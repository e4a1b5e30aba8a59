"""What a route declares in its decorator besides its path: the scope it asks for and the problems it may answer."""

from collections.abc import Iterable

from litestar.handlers import HTTPRouteHandler

from .access import PUBLIC
from .rates import UNLIMITED

ANY_ROUTE = ("invalid_input", "internal_error", "database_away", "database_damaged", "database_refused")
"""A NUL in the address, and what can befall the server: not declared, always documented."""
WITH_TOKEN = ("token_refused", "key_refused", "scope_missing")
WITH_BODY = ("invalid_quantity", "empty_basket", "malformed_json", "body_incomplete", "body_too_large")

WRITE = ("data_not_writable",)
"""For `problems=`: what befalls every write outside the ledger."""
ONCE = (*WRITE, "key_reused", "still_running")
"""For `problems=`: what every write may answer that `run_once` does once per Idempotency-Key."""
LEDGER = ("busy", "shutting_down", "data_not_writable")
"""For `problems=`: what befalls every request to the ledger."""
COMMAND = (
    "store_not_allowed",
    "unknown_store",
    "unknown_product",
    "command_reused",
    "command_too_old",
    "not_recorded",
    *LEDGER,
)
"""For `problems=`: what every single command may answer."""


def problems_of(handler: HTTPRouteHandler) -> list[str]:
    """The codes of all problems that a route may answer: those it declares as `problems=(…)`, and the common ones."""
    declared: Iterable[str] = handler.opt.get("problems", ())
    codes = [*declared, *ANY_ROUTE]
    if handler.opt.get("rate") != UNLIMITED:
        codes.append("rate_limited")
    if handler.opt["scope"] != PUBLIC:
        codes += WITH_TOKEN
    if handler.parsed_data_field is not None:
        codes += WITH_BODY
    return list(dict.fromkeys(codes))
