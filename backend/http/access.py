"""The guards in front of every route; the one that matters reads the scope that the route declares."""

import re
from collections.abc import Awaitable, Callable, Sequence

import structlog
from litestar.connection import ASGIConnection
from litestar.datastructures import Headers
from litestar.handlers import BaseRouteHandler
from litestar.types import Guard

from backend.auth.roles import ScopeMissing, TokenRefused
from backend.auth.tokens import Claims, Tokens
from backend.model.errors import InvalidInput, MostradorError
from backend.model.scopes import Scope

PUBLIC = "public"
"""The declared scope of a route that asks for no token."""

KEY = "X-API-Key"
"""The header of machines."""

Verify = Callable[[str], Awaitable[Claims]]
"""Returns what the holder of a key may do. Raises KeyRefused, DatabaseAway and its like."""
_Coroutine = Callable[[ASGIConnection, BaseRouteHandler], Awaitable[None]]  # type: ignore[type-arg]

MAX_ADDRESS = 8192
"""Characters of the path and bytes of the query, as RFC 9110 (4.1) asks of every server at least."""
MAX_HEADERS = 32 * 1024
"""Bytes of all names and values."""

_BEARER = re.compile(r"Bearer +([\w.~+/-]+=*) *", re.IGNORECASE | re.ASCII)


def in_turn(guards: Sequence[_Coroutine]) -> Guard:
    """Returns the guards as one. Litestar copies the route's handler for each guard it knows, with each request."""

    async def guard(connection: ASGIConnection, handler: BaseRouteHandler) -> None:  # type: ignore[type-arg]
        for each in guards:
            await each(connection, handler)

    return guard


class AddressTooLong(MostradorError):
    """The path and the query have more than MAX_ADDRESS bytes."""

    code = "address_too_long"

    def __init__(self) -> None:
        super().__init__(f"The address may have at most {MAX_ADDRESS} bytes; ask for less at once.", limit=MAX_ADDRESS)


class HeadersTooLarge(MostradorError):
    """The headers have more than MAX_HEADERS bytes together."""

    code = "headers_too_large"

    def __init__(self) -> None:
        super().__init__(f"The headers may have at most {MAX_HEADERS} bytes together; send fewer.", limit=MAX_HEADERS)


# Guards are coroutines: Litestar would run plain functions in threads, where what they bind to the log is lost.
async def well_formed(connection: ASGIConnection, _: BaseRouteHandler) -> None:  # type: ignore[type-arg]
    """The guard against addresses and headers that are too long, and against what PostgreSQL cannot look up: NUL."""
    scope = connection.scope
    if len(scope["path"]) + len(scope["query_string"]) > MAX_ADDRESS:
        raise AddressTooLong
    if sum([len(name) + len(value) for name, value in scope["headers"]]) > MAX_HEADERS:
        raise HeadersTooLarge
    if "\0" in scope["path"] or b"%00" in scope["query_string"]:
        raise InvalidInput("address", "The address has a NUL character in it; remove it.")


def access_guard(tokens: Tokens, verify_key: Verify) -> _Coroutine:
    """Returns the guard of all routes. A route says `scope=…` in its decorator: a scope, or several of which one
    will do. One that says nothing cannot be called."""

    async def guard(connection: ASGIConnection, handler: BaseRouteHandler) -> None:  # type: ignore[type-arg]
        if "OPTIONS" in getattr(handler, "http_methods", ()):
            return  # says only which methods there are
        if handler.opt["scope"] == PUBLIC:
            return
        wanted = scopes_of(handler)
        claims = await caller_of(connection.headers, tokens, verify_key)
        connection.scope["auth"] = claims
        structlog.contextvars.bind_contextvars(person=claims.actor, store=claims.store_id, terminal=claims.terminal_id)
        if claims.scopes.isdisjoint(wanted):
            named = " or ".join(sorted(wanted))
            raise ScopeMissing(f"A {claims.role} may not do this; it needs the right {named}.", scope=named)

    return guard


def scopes_of(handler: BaseRouteHandler) -> frozenset[Scope]:
    """Returns the rights of which a route that is not PUBLIC asks for one."""
    scope: Scope | frozenset[Scope] = handler.opt["scope"]
    return frozenset({scope}) if isinstance(scope, Scope) else scope


async def caller_of(headers: Headers, tokens: Tokens, verify_key: Verify) -> Claims:
    """Returns who says who they are, in one way and no other.

    Raises TokenRefused, KeyRefused, or DatabaseAway and its like.
    """
    bearer, key = headers.get("authorization"), headers.get(KEY)
    if key is not None:
        if bearer is not None:
            raise InvalidInput(KEY, f"{KEY} and Authorization are two callers; send one of them.")
        return await verify_key(key)
    match = _BEARER.fullmatch(bearer or "")
    if match is None:
        raise TokenRefused(f"This needs a caller: send the header Authorization: Bearer <access token>, or {KEY}.")
    return tokens.verify(match[1])
