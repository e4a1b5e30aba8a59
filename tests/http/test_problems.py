import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import structlog

from backend.api import create_api
from backend.auth.keys import load_signing_key
from backend.auth.tokens import Tokens
from backend.database.engine import open_database
from backend.database.errors import DatabaseAway, DatabaseDamaged
from backend.http.envelope import envelope
from backend.ledger.lanes import Ledger, LedgerClosed, LedgerFull
from backend.model.answers import Answer
from backend.model.books import Request
from backend.webhooks.sealing import Sealer

from .shop import Shop, assert_problem

LINE = {"product_id": "milk", "quantity": 1}
RESERVE = {"store_id": "norte", **LINE}
RECEIVE = (
    b'{"type":"receive","id":"0197a2b4-7c1e-7d3a-9f00-2b6c5d4e3f21","store_id":"norte",'
    b'"lines":[{"product_id":"milk","quantity":1}]}'
)
SELL = {"store_id": "norte", "lines": [LINE | {"unit_price": 1.29}]}


@pytest.fixture
def shop_url(furnished_sqlite: str) -> str:
    """What is refused before the database is asked is the same on each of them."""
    return furnished_sqlite


BAD: list[tuple[str, Any, str, str]] = [
    ("reservations", RESERVE | {"quantity": 0}, "invalid_quantity", "quantity"),
    ("reservations", RESERVE | {"quantity": -1}, "invalid_quantity", "quantity"),
    ("reservations", RESERVE | {"quantity": 1.5}, "invalid_quantity", "quantity"),
    ("reservations", RESERVE | {"quantity": 10**30}, "invalid_quantity", "quantity"),
    ("reservations", RESERVE | {"quantity": "1"}, "invalid_quantity", "quantity"),
    ("reservations", RESERVE | {"quantity": True}, "invalid_quantity", "quantity"),
    ("reservations", RESERVE | {"quantity": None}, "invalid_input", "quantity"),
    ("reservations", {"store_id": "norte"}, "invalid_input", "product_id"),
    ("reservations", RESERVE | {"store_id": "nor te"}, "invalid_input", "store_id"),
    ("reservations", RESERVE | {"store_id": ""}, "invalid_input", "store_id"),
    ("reservations", RESERVE | {"store_id": 7}, "invalid_input", "store_id"),
    ("reservations", RESERVE | {"product_id": "a\0b"}, "invalid_input", "product_id"),
    ("reservations", RESERVE | {"ttl_seconds": 0}, "invalid_quantity", "ttl_seconds"),
    ("reservations", RESERVE | {"ttl_minutes": 10**9}, "invalid_quantity", "ttl_minutes"),
    ("reservations", RESERVE | {"ttl_seconds": 5, "ttl_minutes": 5}, "invalid_input", "ttl_minutes"),
    ("reservations", RESERVE | {"lines": [LINE]}, "invalid_input", "lines"),
    ("reservations", {"store_id": "norte", "lines": []}, "empty_basket", "lines"),
    ("reservations", {"store_id": "norte", "lines": [LINE] * 501}, "invalid_input", "lines"),
    ("reservations", {"store_id": "norte", "lines": [LINE, LINE | {"x": 1}]}, "invalid_input", "lines[1].x"),
    ("reservations", RESERVE | {"id": "17"}, "invalid_input", "id"),
    ("reservations", RESERVE | {"colour": "red"}, "invalid_input", "colour"),
    ("reservations", RESERVE | {"customer_id": "x" * 201}, "invalid_input", "customer_id"),
    ("reservations", [], "invalid_input", "body"),
    ("reservations", None, "invalid_input", "body"),
    ("reservations", b"{", "malformed_json", "body"),
    ("reservations", b"\xff\xfe", "malformed_json", "body"),
    ("reservations", b'{"store_id": "\xff"}', "malformed_json", "body"),
    ("reservations", b'{"store_id": "\\ud800"}', "malformed_json", "body"),
    ("reservations", b"[" * 100_000, "invalid_input", "body"),
    ("reservations", b'{"replaces": NaN}', "malformed_json", "body"),
    (
        "reservations",
        b'{"store_id":"norte","product_id":"milk","quantity":1,"quantity":2}',
        "invalid_input",
        "quantity",
    ),
    (
        "reservations",
        b'{"store_id":"norte","quantity":1, "product_id":"a","quantit\\u0079":1}',
        "invalid_input",
        "quantity",
    ),
    (
        "reservations",
        b'{"store_id":"norte","lines":[{"product_id":"a","quantity":1, "product_id":"b"}]}',
        "invalid_input",
        "product_id",
    ),
    ("commands", b'{"commands":[],"commands":[' + RECEIVE + b"]}", "invalid_input", "commands"),
    ("commands", b'{"commands":[' + RECEIVE.replace(b"}]", b',"quantity":2}]') + b"]}", "invalid_input", "quantity"),
    ("sales", SELL | {"lines": []}, "empty_basket", "lines"),
    ("sales", SELL | {"lines": [LINE]}, "invalid_input", "lines[0].unit_price"),
    ("sales", SELL | {"lines": [LINE | {"unit_price": "dear"}]}, "invalid_input", "lines[0].unit_price"),
    ("sales", SELL | {"receipt_number": "1 2"}, "invalid_input", "receipt_number"),
    ("sales", SELL | {"receipt_number": "12\n"}, "invalid_input", "receipt_number"),
    ("sales", SELL | {"holds": ["x"]}, "invalid_input", "holds[0]"),
    ("commands", {"commands": []}, "invalid_input", "commands"),
    ("commands", {"commands": [{"id": str(uuid4())}]}, "invalid_input", "commands[0].type"),
    ("commands", {"commands": [{"type": "steal"}]}, "invalid_input", "commands[0].type"),
]


REORDERING = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
CONTROLS = [chr(code) for code in (*range(32), *range(0x7F, 0xA0), 0x2028, 0x2029)]


@pytest.mark.parametrize("path", ["stock/milk/norte/adjust", "commands", "reservations"])
async def test_a_control_character_in_text_is_named_with_its_field(shop: Shop, path: str) -> None:
    for character in (*REORDERING, *CONTROLS):
        text = f"broken{character}enob"
        adjust = {"type": "adjust", "id": str(uuid4()), "store_id": "norte", "product_id": "milk", "adjustment": 1}
        body, field = {
            "stock/milk/norte/adjust": ({"adjustment": 1, "reason": text}, "reason"),
            "commands": ({"commands": [adjust | {"reason": "x"}, adjust | {"reason": text}]}, "commands[1].reason"),
            "reservations": (RESERVE | {"customer_id": text}, "customer_id"),
        }[path]
        problem = assert_problem(await shop.post(path, body, shop.admin), 400, "invalid_input")
        assert problem["field"] == field
        assert f"{field} has the control character U+{ord(character):04X} in it" in problem["detail"]


async def test_text_of_any_script_is_no_control_character(shop: Shop) -> None:
    for text in ("Año nº 5 – «ñandú»", "שבור", "مكسور", "破損", "👩\u200d🔧 x\u00a0y"):
        answer = await shop.post(
            "commands", {"commands": [json.loads(RECEIVE) | {"document_id": text}]}, shop.supervisor
        )
        assert answer.status_code == 200, answer.text


async def test_a_description_may_have_lines_but_nothing_that_reorders_them(shop: Shop) -> None:
    body = {"sku": "NEW-1", "name": "New", "price": 1, "category": "x"}
    bad = await shop.post("products", body | {"description": "a\nb\u202ec"}, shop.admin)
    assert "description has the control character U+202E" in assert_problem(bad, 400, "invalid_input")["detail"]


async def test_what_is_behind_a_control_character_need_not_be_json(shop: Shop) -> None:
    for rest in (b"", b"[" * 50_000, b"1,}"):
        body = b'{"customer_id":"a\\u202eb","lines":' + rest
        assert (await shop.post("reservations", body)).status_code == 400


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "json"],
)
async def test_a_body_of_another_type_is_refused(shop: Shop, kind: str) -> None:
    answer = await shop.post("reservations", RESERVE, {"Content-Type": kind})
    problem = assert_problem(answer, 415, "unsupported_media_type")
    assert problem["field"] == "Content-Type"
    assert kind in problem["detail"]


async def test_json_by_any_of_its_names_is_taken_and_so_is_no_name(shop: Shop) -> None:
    bad = json.dumps(RESERVE | {"colour": 1}).encode()  # so that nothing happens
    for kind in ("application/json", "Application/JSON; charset=utf-8", "application/vnd.shop+json"):
        assert_problem(await shop.post("reservations", bad, {"Content-Type": kind}), 400, "invalid_input")
    answer = await shop.client.post("reservations", content=bad, headers=shop.auth)
    assert "content-type" not in answer.request.headers
    assert_problem(answer, 400, "invalid_input")


async def test_a_bad_body_is_refused_with_the_field_in_the_sentence(shop: Shop, subtests: pytest.Subtests) -> None:
    for path, body, code, field in BAD:
        with subtests.test(path=path, body=str(body)[:80]):
            problem = assert_problem(await shop.post(path, body), 400, code)
            assert problem["field"] == field
            assert field in problem["detail"]


async def test_confirm_of_nothing_and_of_too_little(shop: Shop) -> None:
    await shop.receive("milk", 1)
    path = f"reservations/{(await shop.reserve())['id']}/confirm"
    assert assert_problem(await shop.post(path, {"lines": []}), 400, "empty_basket")["field"] == "lines"
    assert (await shop.post(path, b"null")).status_code == 200


async def test_an_address_that_does_not_exist(shop: Shop) -> None:
    for path in ("nothing", "http://shop/", "http://shop/api/v2/products", "products/a/b/c"):
        assert_problem(await shop.client.get(path, headers=shop.auth), 404, "unknown_route")


async def test_a_method_that_does_not_exist_names_those_that_do(shop: Shop) -> None:
    answer = await shop.client.delete("reservations/x/confirm", headers=shop.auth)
    assert_problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "OPTIONS, POST"
    answer = await shop.client.delete("stock/milk/norte", headers=shop.auth)
    assert answer.headers["allow"] == "GET, OPTIONS, PUT"


async def test_options_and_head(shop: Shop) -> None:
    options = await shop.client.options("products")
    assert options.status_code == 204
    assert options.headers["allow"] == "GET, OPTIONS"
    head = await shop.client.head("products", headers=shop.auth)
    get = await shop.get("products")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]
    assert (await shop.client.head("products")).status_code == 401


async def test_a_body_that_is_too_large(shop: Shop) -> None:
    assert_problem(await shop.post("reservations", b" " * 300_000), 413, "body_too_large")
    assert_problem(await shop.post("commands", b" " * (8 * 1024 * 1024 + 1)), 413, "body_too_large")


async def test_every_answer_has_a_request_id_and_security_headers(shop: Shop) -> None:
    for answer in (await shop.get("stores"), await shop.get("nothing"), await shop.client.get("products")):
        assert answer.headers["x-request-id"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "server" not in answer.headers
    kept = await shop.client.get("stores", headers={"X-Request-Id": "till-1.42"})
    assert kept.headers["x-request-id"] == "till-1.42"
    for forged in ("a b", "x" * 65, '"'):
        assert (await shop.client.get("stores", headers={"X-Request-Id": forged})).headers["x-request-id"] != forged


class Raising(Ledger):
    """A ledger that fails as told."""

    def __init__(self, error: Exception) -> None:
        super().__init__([], lambda _: None)
        self.error = error

    async def submit(self, request: Request) -> Answer:
        raise self.error


async def test_a_bug_is_logged_and_told_without_a_traceback(sqlite_url: str, tmp_path: Path) -> None:
    async with client_of(Raising(RuntimeError("secret details")), sqlite_url, tmp_path) as (client, auth):
        with structlog.testing.capture_logs() as logs:
            answer = await client.post("reservations", json=RESERVE, headers=auth)
        problem = assert_problem(answer, 500, "internal_error")
    assert "secret details" not in json.dumps(problem)
    assert [entry["event"] for entry in logs] == ["request_failed", "request"]
    assert str(logs[0]["exc_info"]) == "secret details"


async def test_what_may_be_tried_again_says_so(sqlite_url: str, tmp_path: Path) -> None:
    for error in (LedgerFull("Too many; wait."), LedgerClosed("Stopping; wait."), DatabaseAway("Gone; wait.")):
        async with client_of(Raising(error), sqlite_url, tmp_path) as (client, auth):
            answer = await client.post("reservations", json=RESERVE, headers=auth)
        assert assert_problem(answer, 503, error.code)["retryable"] is True
        assert answer.headers["retry-after"] == "1"


async def test_where_the_database_is_stays_in_the_log(sqlite_url: str, tmp_path: Path) -> None:
    damaged = DatabaseDamaged("/var/lib/mostrador.db is damaged; restore it from a backup.", lost="stock.version")
    async with client_of(Raising(damaged), sqlite_url, tmp_path) as (client, auth):
        with structlog.testing.capture_logs() as logs:
            answer = await client.post("reservations", json=RESERVE, headers=auth)
    assert_problem(answer, 500, "database_damaged")
    assert "mostrador.db" not in answer.text
    assert "lost" not in answer.json()
    assert "mostrador.db" in logs[0]["detail"]


@asynccontextmanager
async def client_of(
    ledger: Ledger, url: str, tmp_path: Path
) -> AsyncIterator[tuple[httpx.AsyncClient, dict[str, str]]]:
    """A client of the application on top of `ledger`, and the header of a session."""
    tokens = Tokens(load_signing_key(tmp_path / "key.pem"))
    db = open_database(url)
    app = create_api(
        db=db,
        ledger=ledger,
        tokens=tokens,
        sealer=Sealer([b"any"]),
        stopping=lambda: False,
        instance_id="test",
        default_ttl=900,
        require_if_match=True,
        live_url="",
    )
    transport = httpx.ASGITransport(envelope(app))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://shop/api/v1/") as client:
        yield client, Shop(client, tokens, url).auth
    await db.close()
