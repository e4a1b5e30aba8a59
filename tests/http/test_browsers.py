"""What browsers are told: which web sites may call, and to stay with https."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from backend.settings import Settings

from .fixtures import server_of
from .shop import Shop, assert_problem

SITE = "https://shop.example"
PREFLIGHT = {
    "Origin": SITE,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization, idempotency-key",
}


@pytest.fixture
def shop_url(furnished_sqlite: str) -> str:
    """Browsers are the same on every database."""
    return furnished_sqlite


@pytest.fixture
async def open_shop(shop: Shop, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Another server of the shop, which one web site may call."""
    settings = Settings.load(
        _env_file=None,
        database_url=shop.database_url,
        nats_url="",
        signing_key_file=tmp_path / "key.pem",
        cors_origins=f"{SITE}, http://localhost:5173",
        trusted_proxies="127.0.0.1",
    )
    async with server_of(settings) as client:
        yield client


def about_browsers(answer: httpx.Response) -> set[str]:
    return {name for name in answer.headers if name.startswith("access-control-")}


async def test_no_site_may_call_unless_it_is_named(shop: Shop) -> None:
    preflight = await shop.client.options("reservations", headers=PREFLIGHT)
    answer = await shop.get("products", shop.auth | {"Origin": SITE})
    assert answer.status_code == 200
    assert about_browsers(preflight) == about_browsers(answer) == set()


async def test_a_named_site_may_ask_and_read(shop: Shop, open_shop: httpx.AsyncClient) -> None:
    preflight = await open_shop.options("reservations", headers=PREFLIGHT)
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == SITE
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert "idempotency-key" in preflight.headers["access-control-allow-headers"]

    answer = await open_shop.get("products", headers=shop.auth | {"Origin": SITE})
    assert answer.headers["access-control-allow-origin"] == SITE
    assert answer.headers["vary"] == "Origin"
    exposed = answer.headers["access-control-expose-headers"]
    assert {"ETag", "Link", "RateLimit", "X-Request-Id"} <= set(exposed.replace(" ", "").split(","))
    assert "access-control-allow-credentials" not in answer.headers
    refused = await open_shop.get("products", headers={"Origin": SITE})
    assert_problem(refused, 401, "token_refused")
    assert refused.headers["access-control-allow-origin"] == SITE  # the page may read why


async def test_another_site_may_not(shop: Shop, open_shop: httpx.AsyncClient) -> None:
    for origin in ("https://evil.example", "https://shop.example.evil.example", "http://shop.example", "null"):
        preflight = await open_shop.options("reservations", headers=PREFLIGHT | {"Origin": origin})
        answer = await open_shop.get("products", headers=shop.auth | {"Origin": origin})
        assert origin in assert_problem(preflight, 400, "bad_request")["detail"]
        assert "access-control-allow-origin" not in {*preflight.headers, *answer.headers}
    more = PREFLIGHT | {"Access-Control-Request-Headers": "x-other"}
    refused = await open_shop.options("reservations", headers=more)
    assert "x-other" in assert_problem(refused, 400, "bad_request")["detail"]
    patch = await open_shop.options("reservations", headers=PREFLIGHT | {"Access-Control-Request-Method": "PATCH"})
    assert "PATCH" in assert_problem(patch, 400, "bad_request")["detail"]
    usual = PREFLIGHT | {"Access-Control-Request-Headers": "Accept, Accept-Language, content-type"}
    assert (await open_shop.options("reservations", headers=usual)).status_code == 204


async def test_whoever_came_over_https_stays_there(open_shop: httpx.AsyncClient) -> None:
    header = "strict-transport-security"
    behind = await open_shop.get("stores", headers={"X-Forwarded-Proto": "https"})
    assert behind.headers[header] == "max-age=31536000"
    assert (await open_shop.get("https://shop/api/v1/stores")).headers[header] == "max-age=31536000"
    assert header not in (await open_shop.get("stores")).headers
