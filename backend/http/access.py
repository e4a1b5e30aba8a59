"""The guards in front of every route; the one that matters reads the scope that the route declares."""

import re
from collections.abc import Awaitable, Callable, Sequence

import structlog
from litestar.connection import ASGIConnection
from litestar.datastructures import Headers
from litestar.handlers import BaseRouteHandler
from litestar.types import Guard

from backend.auth.roles import Scope, ScopeMissing, TokenRefused
from backend.auth.tokens import Claims, Tokens
from backend.machines.keys import Keys
from backend.model.errors import InvalidInput

PUBLIC = "public"
"""The declared scope of a route that asks for no token."""

KEY = "X-API-Key"
"""The header of machines."""

_Coroutine = Callable[[ASGIConnection, BaseRouteHandler], Awaitable[None]]  # type: ignore[type-arg]

_BEARER = re.compile(r"Bearer +([\w.~+/-]+=*) *", re.IGNORECASE | re.ASCII)


def in_turn(guards: Sequence[_Coroutine]) -> Guard:
    """The guards as one. Litestar copies the route's handler for each guard it knows, with each request."""

    async def guard(connection: ASGIConnection, handler: BaseRouteHandler) -> None:  # type: ignore[type-arg]
        for each in guards:
            await each(connection, handler)

    return guard


# Guards are coroutines: Litestar would run plain functions in threads, where what they bind to the log is lost.
async def well_formed(connection: ASGIConnection, _: BaseRouteHandler) -> None:  # type: ignore[type-arg]
    """The guard against addresses that a database cannot look up: PostgreSQL knows no NUL character."""
    if "\0" in connection.scope["path"] or b"%00" in connection.scope["query_string"]:
        raise InvalidInput("address", "The address has a NUL character in it; remove it.")


def access_guard(tokens: Tokens, keys: Keys) -> _Coroutine:
    """The guard of all routes. A route says `scope=…` in its decorator; one that says nothing cannot be called."""

    async def guard(connection: ASGIConnection, handler: BaseRouteHandler) -> None:  # type: ignore[type-arg]
        if "OPTIONS" in getattr(handler, "http_methods", ()):
            return  # says only which methods there are
        wanted: Scope | str = handler.opt["scope"]
        if wanted == PUBLIC:
            return
        claims = await _caller(connection.headers, tokens, keys)
        connection.scope["auth"] = claims
        structlog.contextvars.bind_contextvars(person=claims.actor, store=claims.store_id, terminal=claims.terminal_id)
        if wanted not in claims.scopes:
            raise ScopeMissing(f"A {claims.role} may not do this; it needs the right {wanted}.", scope=str(wanted))

    return guard


async def _caller(headers: Headers, tokens: Tokens, keys: Keys) -> Claims:
    """Who says who they are, in one way and no other."""
    bearer, key = headers.get("authorization"), headers.get(KEY)
    if key is not None:
        if bearer is not None:
            raise InvalidInput(KEY, f"{KEY} and Authorization are two callers; send one of them.")
        return await keys.verify(key)
    match = _BEARER.fullmatch(bearer or "")
    if match is None:
        raise TokenRefused(f"This needs a caller: send the header Authorization: Bearer <access token>, or {KEY}.")
    return tokens.verify(match[1])
