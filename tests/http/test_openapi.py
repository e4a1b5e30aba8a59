"""The OpenAPI document says what the code does: its routes, scopes, bodies and examples, and docs/api.md agrees."""

import logging
import re
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from backend.http.docs.document import describe
from backend.model.scopes import Scope

from .described import document
from .shop import Shop
from .test_access import routes

API_DOC = Path(__file__).parents[2] / "docs" / "api.md"
HEADING = re.compile(r"^#+ `(GET|POST|PUT|PATCH|DELETE) (/\S*)`", re.MULTILINE)


@pytest.fixture
def shop_url(furnished_sqlite: str) -> str:
    """The document is the same on every database."""
    return furnished_sqlite


async def test_every_route_is_in_the_document_and_in_the_documentation(shop: Shop) -> None:
    described = await document(shop.client)
    assert described["openapi"].startswith("3.1.")
    operations = {(method.upper(), path) for path, item in described["paths"].items() for method in item}
    assert operations == {(method, path) for method, path, _ in routes(shop)}
    written = HEADING.findall(API_DOC.read_text("utf-8"))
    assert len(written) == len(set(written)), "docs/api.md has a route twice"
    assert set(written) == operations, "docs/api.md and the routes differ; each route is a heading '### `GET /path`'"


async def test_every_operation_says_who_may_and_what_can_go_wrong(shop: Shop) -> None:
    for path, item in (await document(shop.client))["paths"].items():
        for method, operation in item.items():
            name = f"{method.upper()} {path}"
            assert operation["description"].endswith("."), f"{name}: say what it does in the docstring of its function"
            for scheme in operation["security"]:
                assert set(scheme) < {"bearer", "key"}, name
                assert {scope for scopes in scheme.values() for scope in scopes} < set(Scope), name
            refusals = {int(status): r for status, r in operation["responses"].items() if status >= "4"}
            assert {400, 500, 503} <= refusals.keys(), name
            assert (401 in refusals and 403 in refusals) or not operation["security"], name


async def test_every_example_is_what_its_type_takes(shop: Shop) -> None:
    bodies = {path: handler for _, path, handler in routes(shop) if handler.parsed_data_field is not None}
    described = (await document(shop.client))["paths"]
    for method, path, handler in routes(shop):
        operation = described[path][method.lower()]
        if handler.parsed_data_field is not None:
            example = operation["requestBody"]["content"]["application/json"]["example"]
            try:
                msgspec.convert(example, handler.parsed_data_field.annotation)
            except msgspec.ValidationError as error:
                pytest.fail(f"{method} {path}: its example is wrong ({error}); give the decorator example={{…}}")
    assert len(bodies) > 5


async def test_bodies_are_described_with_their_bounds(shop: Shop) -> None:
    schemas: dict[str, Any] = (await document(shop.client))["components"]["schemas"]
    line = schemas["Line"]
    assert line["additionalProperties"] is False
    assert line["properties"]["quantity"] == {"type": "integer", "minimum": 1, "maximum": 1_000_000}
    assert schemas["SoldLine"]["properties"]["unit_price"]["type"] == "number"
    assert schemas["SoldLine"]["properties"]["unit_price"]["maximum"] == 1_000_000
    assert schemas["ReservationShape"]["properties"]["expires_at"]["format"] == "date-time"
    assert schemas["StockShape"]["properties"]["last_updated"]["anyOf"][0]["format"] == "date-time"
    assert set(schemas["Problem"]["required"]) >= {"type", "status", "code", "retryable", "request_id"}


async def test_everything_that_is_referred_to_is_there(shop: Shop) -> None:
    described = await document(shop.client)
    components = {f"#/components/{kind}/{name}" for kind, named in described["components"].items() for name in named}
    referred = set(re.findall(r'"\$ref":"([^"]+)"', msgspec.json.encode(described).decode()))
    assert len(referred) > 100
    assert referred <= components


async def test_describing_leaves_the_logging_of_the_process_alone(shop: Shop) -> None:
    described = [handler for _, path, handler in routes(shop) if path == "/health"]
    before = logging.getLogger().handlers[:], threading.active_count()
    describe(described, "1")
    assert (logging.getLogger().handlers, threading.active_count()) == before
