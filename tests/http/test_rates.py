"""Limits on how often somebody may ask, and the headers that tell of them."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from backend.auth.keys import load_signing_key
from backend.auth.tokens import Tokens
from backend.http.rates import ADDRESS_FACTOR
from backend.observability.metrics import RATE_LIMITED
from backend.server import running
from backend.settings import Settings

from .shop import PIN, Shop, assert_problem

Opened = Callable[[int], AbstractAsyncContextManager[Shop]]


@pytest.fixture
def opened(furnished_sqlite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opened:
    """Opens a shop with so many requests a minute, in which the clock stands."""
    monkeypatch.setattr("backend.cache.counts.time", lambda: 630.0)

    @asynccontextmanager
    async def shop(requests: int) -> AsyncIterator[Shop]:
        settings = Settings.load(
            _env_file=None,
            database_url=furnished_sqlite,
            signing_key_file=tmp_path / "key.pem",
            rate_limit_requests=requests,
        )
        tokens = Tokens(load_signing_key(settings.signing_key_file))
        async with running(settings) as app:
            transport = httpx.ASGITransport(app, client=("192.0.2.7", 1))  # type: ignore[arg-type]
            async with httpx.AsyncClient(transport=transport, base_url="http://shop/api/v1/") as client:
                yield Shop(client, tokens, furnished_sqlite)

    return shop


async def test_answers_tell_the_limits_and_what_is_left(opened: Opened) -> None:
    async with opened(5) as shop:
        answer = await shop.get("products/milk")
        assert answer.status_code == 200
        assert answer.headers["ratelimit-policy"] == '"address";q=50;w=60, "caller";q=5;w=60'
        assert answer.headers["ratelimit"] == '"caller";r=4;t=60'
        answer = await shop.get("products/none")
        assert (answer.status_code, answer.headers["ratelimit"]) == (404, '"caller";r=3;t=60')
        answer = await shop.client.head("products/milk", headers=shop.auth)
        assert answer.headers["ratelimit"] == '"caller";r=2;t=60'


async def test_one_too_many_is_told_when_to_come_again(opened: Opened) -> None:
    refused = RATE_LIMITED.labels("caller")._value.get()
    async with opened(5) as shop:
        for _ in range(5):
            assert (await shop.get("products/milk")).status_code == 200
        answer = await shop.get("products/milk")
        problem = assert_problem(answer, 429, "rate_limited")
        assert problem["retryable"]
        assert (problem["policy"], problem["limit"], problem["window_seconds"]) == ("caller", 5, 60)
        seconds = int(answer.headers["retry-after"])
        assert problem["retry_after"] == seconds
        assert 0 < seconds <= 121
        assert answer.headers["ratelimit"] == f'"caller";r=0;t={seconds}'
        # Whoever else calls from there goes on.
        assert (await shop.get("products/milk", shop.supervisor)).status_code == 200
    assert RATE_LIMITED.labels("caller")._value.get() == refused + 1


async def test_strangers_are_counted_by_their_address(opened: Opened) -> None:
    async with opened(1) as shop:
        for _ in range(ADDRESS_FACTOR):
            answer = await shop.client.get("products")
            assert answer.status_code == 401
        assert answer.headers["ratelimit"] == '"address";r=0;t=60'
        answer = await shop.client.get("products")
        assert assert_problem(answer, 429, "rate_limited")["policy"] == "address"
        # A balancer's questions are never refused.
        health = await shop.client.get("http://shop/health/ready")
        assert (health.status_code, "ratelimit" in health.headers) == (200, False)


async def test_signing_in_has_a_limit_of_its_own(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.http.rates.SIGN_INS", 2)
    async with opened(6000) as shop:
        body = {"user": "ana", "pin": PIN, "store_id": "norte", "terminal_id": "T1"}
        for _ in range(2):
            assert (await shop.post("auth/sign-in", body)).status_code == 200
        answer = await shop.post("auth/sign-in", body)
        assert assert_problem(answer, 429, "rate_limited")["policy"] == "sign-in"
        assert (await shop.get("products/milk")).status_code == 200


async def test_zero_means_no_limit(opened: Opened) -> None:
    async with opened(0) as shop:
        answer = await shop.get("products/milk")
        assert "ratelimit" not in answer.headers
