"""What a route declares in its decorator besides its path: the scope it asks for and the problems it may answer."""

from collections.abc import Iterable

from litestar.handlers import HTTPRouteHandler
from msgspec import inspect

from .access import PUBLIC
from .invalid import QUANTITIES
from .parts import structs_in
from .rates import UNLIMITED

ANY_ROUTE = (
    "invalid_input",
    "address_too_long",
    "headers_too_large",
    "internal_error",
    "database_away",
    "database_damaged",
    "database_refused",
    "disk_full",
)
"""A NUL in the address, and what can befall the server: not declared, always documented."""
WITH_TOKEN = ("token_refused", "terminal_removed", "key_refused", "scope_missing")
WITH_BODY = ("unsupported_media_type", "malformed_json", "body_incomplete", "body_too_large")

WRITE = ("data_not_writable",)
"""For `problems=`: what befalls every write outside the ledger."""
ONCE = (*WRITE, "key_reused", "still_running")
"""For `problems=`: what every write may answer that `run_once` does once per Idempotency-Key."""
LEDGER = ("busy", "shutting_down", "data_not_writable")
"""For `problems=`: what befalls every request to the ledger."""
COMMAND = (
    "invalid_quantity",
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
    """Returns the codes of all problems that a route may answer: those it declares as `problems=(…)`, and the common
    ones."""
    declared: Iterable[str] = handler.opt.get("problems", ())
    codes = [*declared, *ANY_ROUTE]
    if handler.opt.get("rate") != UNLIMITED:
        codes.append("rate_limited")
    if handler.opt["scope"] != PUBLIC:
        codes += WITH_TOKEN
    named = set(handler.parsed_fn_signature.parameters)
    if handler.parsed_data_field is not None:
        codes += WITH_BODY
        structs = structs_in(inspect.type_info(handler.parsed_data_field.annotation))
        named |= {field.encode_name for struct in structs for field in struct.fields}
    if named & QUANTITIES:
        codes.append("invalid_quantity")
    if "lines" in named:
        codes.append("empty_basket")
    return list(dict.fromkeys(codes))
