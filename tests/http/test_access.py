"""Walks all routes of the application: what each asks of its caller."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
import structlog
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from backend.api import create_api
from backend.auth.keys import load_signing_key
from backend.auth.roles import ROLES
from backend.auth.tokens import AUDIENCE, ISSUER
from backend.database.engine import open_database
from backend.http.access import PUBLIC, scopes_of
from backend.ledger.lanes import Ledger
from backend.model.scopes import Scope
from backend.webhooks.sealing import Sealer

from .samples import NAMED, fields_of, sample
from .shop import Shop, assert_problem

OPEN = {
    "/docs",
    "/problems",
    "/problems/{code}",
    "/health",
    "/health/live",
    "/health/ready",
    "/api/v1/auth/sign-in",
    "/api/v1/auth/refresh",
    "/api/v1/auth/sign-out",
    "/api/v1/auth/pin",
    "/api/v1/openapi.json",
    "/api/v1/stores",
    "/api/v1/shop",
    "/api/v1/terminals/enrol",
    "/.well-known/jwks.json",
}


def application(shop: Shop) -> Litestar:
    """The application with the same routes, not started."""
    return create_api(
        db=open_database(shop.database_url),
        ledger=Ledger([], lambda _: None),
        tokens=shop.tokens,
        sealer=Sealer([b"any"]),
        stopping=lambda: False,
        instance_id="walk",
        default_ttl=1,
        require_if_match=True,
        live_url="",
    )


def routes(shop: Shop) -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    """Method, path with its parameters' names, and handler of every route."""
    for route in application(shop).routes:
        assert isinstance(route, HTTPRoute)
        path = re.sub(r":\w+}", "}", route.path_format) if ":" in route.path_format else route.path_format
        for handler in route.route_handlers:
            for method in handler.http_methods:
                if method != "OPTIONS":
                    yield str(method), path, handler


async def call(shop: Shop, method: str, path: str, headers: dict[str, str]) -> int:
    url = "http://shop" + re.sub(r"{\w+}", "x", path)
    answer = await shop.client.request(method, url, headers={"Content-Type": "application/json"} | headers)
    assert "Traceback" not in answer.text
    return answer.status_code


@pytest.fixture
def shop_url(furnished_sqlite: str) -> str:
    """Who may call is the same on every database."""
    return furnished_sqlite


async def test_every_route_declares_its_scope(shop: Shop) -> None:
    walked = list(routes(shop))
    assert len(walked) > 15
    for method, path, handler in walked:
        scope = handler.opt.get("scope")
        assert scope == PUBLIC or scopes_of(handler) <= set(Scope), f"{method} {path} declares {scope}"
        assert scope != PUBLIC or path in OPEN, f"{method} {path} declares {scope}"


async def test_every_scope_but_one_guards_something_and_that_one_is_said_to_guard_nothing(shop: Shop) -> None:
    guarding = {scope for *_, handler in routes(shop) if handler.opt["scope"] != PUBLIC for scope in scopes_of(handler)}
    within = {
        Scope.PRICES_OVERRIDE,
        Scope.SALES_SETTLE,
        Scope.RETURNS_APPROVE,
    }  # asked for by what is said in a request, not by its address
    assert set(Scope) - guarding - within == {Scope.METRICS_READ}
    document = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")
    assert "`metrics:read` guards nothing" in document


async def test_no_route_but_the_open_ones_answers_without_a_good_token(
    many_sign_ins: None, shop: Shop, tmp_path: Path
) -> None:
    good = shop.auth["Authorization"].removeprefix("Bearer ")
    kid = jwt.get_unverified_header(good)["kid"]
    claims = jwt.decode(good, options={"verify_signature": False}) | {"exp": int(time.time()) + 60}
    key, other = load_signing_key(tmp_path / "key.pem"), load_signing_key(tmp_path / "other.pem")
    assert (claims["iss"], claims["aud"]) == (ISSUER, AUDIENCE)
    bad = [
        jwt.encode(claims | {"aud": "elsewhere"}, key, "EdDSA", headers={"kid": kid}),
        jwt.encode(claims | {"exp": int(time.time()) - 1}, key, "EdDSA", headers={"kid": kid}),
        jwt.encode(claims, other, "EdDSA", headers={"kid": kid}),
        good[:-4],
    ]
    wrong = [{}, {"Authorization": good}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer"}]
    wrong += [{"Authorization": f"Bearer {token}"} for token in bad]
    wrong += [{"X-API-Key": f"mk_{'0' * 16}.{'A' * 43}"}, {"X-API-Key": good}]
    for method, path, _ in routes(shop):
        for headers in wrong:
            status = await call(shop, method, path, headers)
            assert (status == 401) == (path not in OPEN), f"{method} {path} {headers}: {status}"


async def test_a_lesser_role_is_refused_by_its_scope(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ROLES, "visitor", frozenset())
    for role, scopes in ROLES.items():
        bearer = shop.bearer("eva", role)
        for method, path, handler in routes(shop):
            if path not in OPEN and scopes.isdisjoint(scopes_of(handler)):
                url = "http://shop" + re.sub(r"{\w+}", "x", path)
                problem = assert_problem(await shop.client.request(method, url, headers=bearer), 403, "scope_missing")
                assert problem["scope"] == " or ".join(sorted(scopes_of(handler)))


STORES_FIELDS = {"store_id", "from_store_id", "to_store_id", "stores"}
EVERYBODYS = {
    # What every store has is everybody's to see.
    ("GET", "/api/v1/products"),
    ("GET", "/api/v1/products/{product_id}"),
    ("GET", "/api/v1/products/{product_id}/prices"),
    ("GET", "/api/v1/products/sku/{sku}"),
    ("GET", "/api/v1/products/barcode/{barcode}"),
    ("GET", "/api/v1/stores/{store_id}"),
    ("GET", "/api/v1/stock/{product_id}/{store_id}"),
    ("GET", "/api/v1/stock/{product_id}/{store_id}/availability"),
    ("GET", "/api/v1/stock/store/{store_id}"),
    ("GET", "/api/v1/stock/low-stock"),
    ("GET", "/api/v1/export/stock"),
    # Any store may be asked for goods; the case, which nobody else finds, says whose it is.
    ("POST", "/api/v1/shortfalls/{shortfall_id}/resolve"),
}
"""The routes that name a store and let in people of other stores."""
NEEDED = {
    ("DELETE", "/api/v1/products/{product_id}/prices"): {"valid_from": "2030-01-01T00:00:00Z"},
    ("GET", "/api/v1/sync/changes"): {"after": "1"},
}
"""What else must be in the query, by route."""


async def test_a_token_of_another_store_is_refused(shop: Shop) -> None:
    """Of every route that names a store: in its address, its query or its body."""
    bearer = shop.bearer("eva", "admin", ["norte"])
    refused = set()
    for method, path, handler in routes(shop):
        body = handler.parsed_data_field.annotation if handler.parsed_data_field else None
        query = STORES_FIELDS & handler.parsed_fn_signature.parameters.keys()
        if path in OPEN or not query | (STORES_FIELDS & fields_of(body)):
            continue
        url = re.sub(r"{\w+}", lambda match: NAMED.get(match[0][1:-1], "x"), path)  # type: ignore[arg-type, return-value]
        answer = await shop.client.request(
            method,
            f"http://shop{url}",
            params=({"store_id": "sur"} if "store_id" in query else {}) | NEEDED.get((method, path), {}),
            json=None if body is None else sample(body),
            headers=bearer,
        )
        if (method, path) in EVERYBODYS:
            assert answer.status_code in (200, 400, 404), f"{method} {path}: {answer.text}"
        else:
            assert (answer.status_code, answer.json().get("code")) == (403, "store_not_allowed"), f"{method} {path}"
            refused.add((method, path))
    assert len(refused) >= 5


@pytest.mark.usefixtures("process_wide")
async def test_what_is_logged_of_a_request_names_its_caller(shop: Shop) -> None:
    await shop.get("products")
    said = structlog.contextvars.get_contextvars()
    assert (said["person"], said["store"], said["terminal"]) == ("ana", "norte", "T1")
