"""How many requests a minute somebody may send: per caller, per address, and fewer tries at signing in.

The header fields are those of draft-ietf-httpapi-ratelimit-headers-11 (structured fields).
"""

from math import floor
from typing import NamedTuple

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import Scope

from backend.cache.counts import WINDOW, Counts
from backend.model.errors import MostradorError
from backend.observability.metrics import RATE_LIMITED

from .address import client_address, network_of

SIGN_IN = "sign-in"
"""Said as `rate=` by routes that try a secret."""
UNLIMITED = "unlimited"
"""Said as `rate=` by routes that a load balancer asks all the time."""

SIGN_INS = 60
"""Tries a minute from one address: a store opens with all its terminals at once, from one address."""
ADDRESS_FACTOR = 10
"""An address may send so many times what one caller may: the terminals of a store, or a whole office, share theirs."""


class Quota(NamedTuple):
    """A limit: its name in the header fields, and the requests a minute."""

    name: str
    requests: int


class RateLimited(MostradorError):
    """The caller has sent too much."""

    code = "rate_limited"
    retryable = True

    def __init__(self, quota: Quota, seconds: int) -> None:
        super().__init__(
            f"More than {quota.requests} requests in {WINDOW} seconds; send this one again in {seconds} s.",
            policy=quota.name,
            limit=quota.requests,
            window_seconds=WINDOW,
            retry_after=seconds,
        )


class Rates:
    """The limits as two guards: `by_address` before anything is known of the caller, `by_caller` once it is."""

    def __init__(self, counts: Counts, requests: int) -> None:
        """`requests` a minute for one caller."""
        self._counts = counts
        self._caller = Quota("caller", requests)
        self._address = Quota("address", requests * ADDRESS_FACTOR)
        self._sign_in = Quota(SIGN_IN, SIGN_INS)

    async def by_address(self, connection: ASGIConnection, handler: BaseRouteHandler) -> None:  # type: ignore[type-arg]
        """Count the request for its address. Raises RateLimited."""
        rate = handler.opt.get("rate")
        if rate != UNLIMITED:
            network = network_of(client_address(connection))
            self._take(connection, self._address, network)
            if rate == SIGN_IN:
                self._take(connection, self._sign_in, network)

    async def by_caller(self, connection: ASGIConnection, handler: BaseRouteHandler) -> None:  # type: ignore[type-arg]
        """Count the request for whoever was let in: a person at a terminal, or a key. Raises RateLimited."""
        claims = connection.scope.get("auth")
        if claims is not None:
            self._take(connection, self._caller, f"{claims.actor} {claims.terminal_id}")

    def _take(self, connection: ASGIConnection, quota: Quota, who: str) -> None:  # type: ignore[type-arg]
        left, wait = self._counts.take(f"{quota.name} {who}", quota.requests)
        seconds = WINDOW if wait is None else floor(wait) + 1
        told: list[_Told] = connection.scope.setdefault("rates", [])  # type: ignore[typeddict-item]
        told.append((quota, left, seconds))
        if wait is not None:
            RATE_LIMITED.labels(quota.name).inc()
            raise RateLimited(quota, seconds)


_Told = tuple[Quota, int, int]


def rate_headers(scope: Scope) -> list[tuple[bytes, bytes]]:
    """Returns the header fields that tell the limits of an answer: all of them, and what is left of the tightest."""
    told: list[_Told] = scope.get("rates", [])  # type: ignore[assignment]
    if not told:
        return []
    policies = ", ".join([f'"{quota.name}";q={quota.requests};w={WINDOW}' for quota, _, _ in told])
    quota, left, seconds = min(told, key=_left)
    return [
        (b"ratelimit-policy", policies.encode()),
        (b"ratelimit", f'"{quota.name}";r={left};t={seconds}'.encode()),
    ]


def _left(told: _Told) -> int:
    return told[1]
