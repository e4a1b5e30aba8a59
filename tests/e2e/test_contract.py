"""The public contract, walked over a real socket by a client that knows nothing but the table of routes.

It speaks plain JSON, as an existing client does: no If-Match, ids that are no UUIDs, empty bodies.
"""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any

import httpx
import pytest

from backend.ids import new_id
from tests.approvals.walk import every_step as corrected
from tests.http.described import operation_of
from tests.http.shop import PIN, forget_trade, furnish
from tests.servers import PostgresServer
from tests.transfers.walk import every_step

from .server import Server
from .walk import every_other_step

pytestmark = pytest.mark.slow

Json = dict[str, Any]
STOCK = {
    "product_id",
    "store_id",
    "quantity",
    "reserved_qty",
    "available_qty",
    "min_stock",
    "max_stock",
    "reorder_point",
}
STOCK |= {"reorder_qty", "version", "last_updated", "product_name", "product_sku"}
HOLD = {"id", "product_id", "store_id", "customer_id", "quantity", "status", "expires_at", "created_at", "updated_at"}
PRODUCT = {"id", "sku", "name", "description", "category", "price", "created_at", "updated_at"}
NO_UUID = "res-000017"


class Client:
    """An admin's connection. What it expects and does not get fails with the answer's text."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def __call__(self, method: str, path: str, status: int, body: Any = None, **headers: str) -> Any:
        answer = self.http.request(
            method, path, json=body, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        if status >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
            assert {"type", "title", "status", "detail", "code", "retryable", "request_id"} <= answer.json().keys()
        return answer.json() if answer.content else None


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shop_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A furnished database for all tests of this file, in turn on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("shop") / "mostrador.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        url = f"sqlite+aiosqlite:///{path}"
    else:
        postgres: PostgresServer = request.getfixturevalue("postgres")
        url = postgres.url(postgres.create_database(request.getfixturevalue("postgres_template")))
    asyncio.run(furnish(url))
    return url


@pytest.fixture(scope="module")
def server(shop_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(shop_url, tmp_path_factory.mktemp("server"), REQUIRE_IF_MATCH="false")
    server.start()
    server.wait_until_ready()
    yield server
    server.stop()


@pytest.fixture
def api(shop_url: str, server: Server) -> Iterator[Client]:
    """The client, in a shop without stock."""
    asyncio.run(forget_trade(shop_url))
    with httpx.Client(base_url=f"{server.url}/api/v1", timeout=30) as http:
        signed_in = Client(http)(
            "POST",
            "/auth/sign-in",
            200,
            {"user": "root", "pin": PIN, "store_id": "norte", "terminal_id": "T1"},
        )
        http.headers["Authorization"] = f"Bearer {signed_in['access_token']}"
        yield Client(http)


def clerk_of(api: Client) -> Callable[[str, Any], Any]:
    """Posts as ana, a clerk of the store norte."""
    person = {"user": "ana", "pin": PIN, "store_id": "norte", "terminal_id": "T2"}
    token = api("POST", "/auth/sign-in", 200, person)["access_token"]
    return lambda path, body: api("POST", path, 201, body, Authorization=f"Bearer {token}")


def has(value: Json, fields: set[str]) -> Json:
    """`value`, whose quantities are JSON integers and whose times have an offset, with at least these fields."""
    assert fields <= value.keys(), f"{fields - value.keys()} missing in {value}"
    for name in value.keys() & {"quantity", "reserved_qty", "available_qty", "version"}:
        assert type(value[name]) is int
    for name in value.keys() & {"last_updated", "expires_at", "created_at", "updated_at"}:
        assert datetime.fromisoformat(value[name]).tzinfo is not None
    return value


def test_health_needs_no_token(server: Server) -> None:
    health = httpx.get(f"{server.url}/health").json()
    assert {"status", "timestamp", "version", "instance_id", "database", "db_driver"} <= health.keys()
    assert (health["status"], health["database"]) == ("healthy", "healthy")
    assert httpx.get(f"{server.url}/health/live").is_success
    assert httpx.get(f"{server.url}/health/ready").is_success


def test_products(api: Client) -> None:
    new = {"sku": "TEA-1", "name": "Té verde", "description": "20 bolsitas", "category": "Bebidas", "price": 2.35}
    tea = has(api("POST", "/products", 201, new), PRODUCT)
    assert {key: tea[key] for key in new} == new
    assert api("POST", "/products", 409, new)["code"] == "sku_taken"
    assert api("POST", "/products", 400, {"sku": "TEA-2"})["field"] == "name"
    assert api("GET", f"/products/{tea['id']}", 200)["price"] == 2.35
    assert api("GET", "/products/sku/TEA-1", 200)["id"] == tea["id"]
    assert api("PUT", f"/products/{tea['id']}", 200, new | {"price": 2})["price"] == 2
    assert api("PUT", "/products/none", 404, new)["code"] == "unknown_product"

    page = api("GET", "/products?page=1&page_size=2", 200)
    assert (len(page["products"]), page["total"], page["page"], page["page_size"], page["total_pages"]) == (
        2,
        5,
        1,
        2,
        3,
    )
    assert len(api("GET", "/products?limit=3&offset=3", 200)["products"]) == 2
    assert [p["sku"] for p in api("GET", "/products?category=Bebidas", 200)["products"]] == ["TEA-1"]
    assert [p["sku"] for p in api("GET", "/products?q=verde", 200)["products"]] == ["TEA-1"]

    assert api("DELETE", f"/products/{tea['id']}", 204) is None
    assert api("DELETE", f"/products/{tea['id']}", 404)["code"] == "unknown_product"
    assert api("GET", f"/products/{NO_UUID}", 404)["code"] == "unknown_product"


def test_stock(api: Client) -> None:
    milk = {"product_id": "milk", "store_id": "tienda-nueva"}  # a store that nobody created before
    assert has(api("POST", "/stock", 201, milk | {"initial_quantity": 40}), STOCK)["quantity"] == 40
    assert api("POST", "/stock", 400, milk | {"initial_quantity": -1})["field"] == "initial_quantity"
    assert (
        api("POST", "/stock", 404, milk | {"product_id": NO_UUID, "initial_quantity": 1})["code"] == "unknown_product"
    )

    one = has(api("GET", "/stock/milk/tienda-nueva", 200), STOCK)
    assert (one["available_qty"], one["reserved_qty"], one["product_sku"]) == (40, 0, "MILK")
    assert api("GET", f"/stock/{NO_UUID}/norte", 404)["code"] == "unknown_product"
    assert api("GET", "/stock/milk/nowhere", 404)["code"] == "unknown_store"

    levels = {"min_stock": 5, "max_stock": 80, "reorder_point": 50, "reorder_qty": 20}
    put = has(api("PUT", "/stock/milk/tienda-nueva", 200, {"quantity": 45, **levels}), STOCK)
    assert {key: put[key] for key in ("quantity", *levels)} == {"quantity": 45, **levels}
    moved = api("PUT", "/stock/milk/tienda-nueva", 412, {"quantity": 1}, If_Match='"1"')
    assert moved["current"]["quantity"] == 45

    broken = {"adjustment": -5, "reason": "broken"}
    assert api("POST", "/stock/milk/tienda-nueva/adjust", 200, broken)["quantity"] == 40
    assert (
        api("POST", "/stock/milk/tienda-nueva/adjust", 409, broken | {"adjustment": -41})["code"]
        == "insufficient_stock"
    )

    there = {"product_id": "milk", "from_store_id": "tienda-nueva", "to_store_id": "norte", "reason": "asked for"}
    api("POST", "/stock/transfer", 200, there | {"quantity": 10})
    assert api("POST", "/stock/transfer", 400, there | {"quantity": 31})["lines"][0]["available"] == 30
    assert (
        api("POST", "/stock/transfer", 404, there | {"product_id": NO_UUID, "quantity": 1})["code"] == "unknown_product"
    )

    chain = api("GET", "/stock/product/milk", 200)
    assert (chain["total_quantity"], chain["total_reserved"], chain["total_available"]) == (40, 0, 40)
    assert {row["store_id"]: row["quantity"] for row in chain["stores"]}.items() >= {
        ("tienda-nueva", 30),
        ("norte", 10),
    }
    store = api("GET", "/stock/store/tienda-nueva", 200)
    assert (store["store_id"], store["count"], [has(x, STOCK)["product_id"] for x in store["items"]]) == (
        "tienda-nueva",
        1,
        ["milk"],
    )
    low = api("GET", "/stock/low-stock?threshold=30", 200)
    assert (low["threshold"], low["count"]) == (30, len(low["items"]))
    assert ("milk", "norte") in {(x["product_id"], x["store_id"]) for x in low["items"]}
    assert [x["store_id"] for x in api("GET", "/stock/low-stock", 200)["items"]] == ["tienda-nueva"]

    enough = api("GET", "/stock/milk/norte/availability?quantity=10", 200)
    assert (enough["sufficient"], enough["available"], enough["requested"]) == (True, 10, 10)
    assert api("GET", "/stock/milk/norte/availability?quantity=11", 200)["sufficient"] is False
    assert api("GET", "/stock/milk/norte/availability", 400)["field"] == "quantity"


def test_reservations(api: Client) -> None:
    api("POST", "/stock", 201, {"product_id": "milk", "store_id": "norte", "initial_quantity": 10})
    wanted = {"product_id": "milk", "store_id": "norte", "customer_id": "cust-1", "quantity": 4, "ttl_minutes": 15}
    hold = has(api("POST", "/reservations", 201, wanted), HOLD)
    assert (hold["status"], hold["quantity"], hold["customer_id"]) == ("PENDING", 4, "cust-1")
    assert api("POST", "/reservations", 409, wanted | {"quantity": 7})["lines"][0]["available"] == 6
    assert api("POST", "/reservations", 404, wanted | {"product_id": NO_UUID})["code"] == "unknown_product"
    assert api("POST", "/reservations", 400, {"product_id": "milk", "store_id": "norte"})["field"] == "quantity"
    assert api("GET", f"/reservations/{hold['id']}", 200) == hold
    for act in ("confirm", "cancel", "extend"):
        assert api("POST", f"/reservations/{NO_UUID}/{act}", 404)["code"] == "unknown_reservation"

    seconds = has(
        api("POST", "/reservations", 201, {**wanted, "ttl_minutes": None, "ttl_seconds": 60, "quantity": 2}), HOLD
    )
    assert (
        api("POST", f"/reservations/{seconds['id']}/extend", 200, {"ttl_seconds": 600})["expires_at"]
        > seconds["expires_at"]
    )
    part = {"lines": [{"product_id": "milk", "quantity": 1}]}
    assert api("POST", f"/reservations/{seconds['id']}/confirm", 200, part)["status"] == "CONFIRMED"
    assert api("GET", "/stock/milk/norte", 200)["quantity"] == 9

    # An old client's way: a content type, and nothing behind it.
    empty = api.http.post(f"/reservations/{hold['id']}/cancel", headers={"Content-Type": "application/json"})
    assert (empty.status_code, empty.json()["status"]) == (200, "CANCELLED")
    assert api("POST", f"/reservations/{hold['id']}/confirm", 409)["state"] == "CANCELLED"

    left = api("POST", "/reservations", 201, wanted)
    pending = api("GET", "/reservations/store/norte/pending", 200)
    assert (pending["store_id"], pending["count"], pending["reservations"][0]["id"]) == ("norte", 1, left["id"])
    listed = api("GET", "/reservations/product/milk/store/norte?status=CANCELLED", 200)
    assert (listed["product_id"], listed["store_id"], listed["status"], listed["count"]) == (
        "milk",
        "norte",
        "CANCELLED",
        1,
    )
    assert api("GET", "/reservations/stats", 200) == {
        "total_reservations": 3,
        "pending_reservations": 1,
        "confirmed_reservations": 1,
        "cancelled_reservations": 1,
        "by_status": {"PENDING": 1, "CONFIRMED": 1, "CANCELLED": 1, "EXPIRED": 0},
    }


def test_every_change_sent_three_times_at_once_happens_once(api: Client) -> None:
    """A second client retries everything in parallel with the same key: all copies get the same answer."""
    described = api("GET", "/openapi.json", 200)
    sent = set()
    with ThreadPoolExecutor(3) as threads:

        def thrice(method: str, path: str, body: Json) -> Json:
            key = {"Idempotency-Key": str(new_id())}

            def send(_: int) -> httpx.Response:
                while True:
                    answer = api.http.request(method, path, json=body, headers=key)
                    if not (answer.status_code == 409 and answer.json()["code"] == "still_running"):
                        return answer

            found = operation_of(described, method, f"/api/v1{path}")
            assert found is not None
            sent.add((method, found[0]))
            answers = list(threads.map(send, range(3)))
            assert len({(answer.status_code, answer.text) for answer in answers}) == 1, [x.text for x in answers]
            assert answers[0].is_success, answers[0].text
            done: Json = answers[0].json()
            return done

        tea = thrice("POST", "/products", {"sku": "TEA", "name": "Té", "price": 1})["id"]
        thrice("POST", "/stock", {"product_id": tea, "store_id": "norte", "initial_quantity": 100})
        thrice("POST", f"/stock/{tea}/norte/adjust", {"adjustment": -10, "reason": "broken"})
        transfer = {"product_id": tea, "from_store_id": "norte", "to_store_id": "sur", "quantity": 20, "reason": ""}
        thrice("POST", "/stock/transfer", transfer)
        thrice("PUT", f"/stock/{tea}/sur", {"quantity": 25})
        hold = {"product_id": tea, "store_id": "norte", "quantity": 5, "ttl_seconds": 600}
        confirmed, cancelled = (thrice("POST", "/reservations", hold)["id"] for _ in range(2))
        thrice("POST", f"/reservations/{confirmed}/extend", {"ttl_seconds": 900})
        thrice("POST", f"/reservations/{confirmed}/confirm", {})
        thrice("POST", f"/reservations/{cancelled}/cancel", {})
        line = {"product_id": tea, "quantity": 3, "unit_price": 1}
        thrice("POST", "/sales", {"store_id": "norte", "lines": [line], "receipt_number": "T1-1"})
        receive = {
            "type": "receive",
            "id": str(new_id()),
            "store_id": "sur",
            "lines": [{"product_id": tea, "quantity": 7}],
        }
        thrice("POST", "/commands", {"commands": [receive]})
        every_step(partial(thrice, "POST"))
        corrected(partial(thrice, "POST"), clerk_of(api))
        every_other_step(thrice)
        person = {"name": "eva", "display_name": "Eva", "role": "clerk", "pin": "9630", "stores": ["norte"]}
        thrice("POST", "/users", person)
        thrice("PUT", "/users/eva", {"display_name": "Eva Sanz"})
        thrice("POST", "/keys", {"name": "Web shop", "scopes": ["stock:read"], "stores": ["norte"]})
        code = thrice("POST", "/terminals", {"store_id": "norte", "terminal_id": "T9"})["code"]
        thrice("POST", "/terminals/enrol", {"code": code})
        thrice("POST", "/webhooks", {"url": "https://example.org/hook", "store_id": "norte"})
        assert thrice("PUT", f"/products/{tea}", {"price": 2})["version"] == 2
        thrice("POST", f"/products/{tea}/barcodes", {"barcode": "TEA-BOX", "quantity": 12})
        thrice("PUT", f"/products/{tea}/prices", {"price": 1.5, "store_id": "norte"})

    operations = {(method.upper(), path): x for path, item in described["paths"].items() for method, x in item.items()}
    keyed = {key for key, x in operations.items() if "Idempotency-Key" in {p["name"] for p in x["parameters"]}}
    commands = ("POST", "/api/v1/commands")  # which have ids of their own
    replay = (
        "POST",
        "/api/v1/webhooks/{webhook_id}/dead-letters/{event_id}/replay",
    )  # tests/webhooks
    assert sent == keyed - {replay} | {commands}
    sessions = {("POST", f"/api/v1/auth/{act}") for act in ("sign-in", "refresh", "sign-out", "grants")}
    assert {key for key in operations if key[0] == "POST"} - keyed == {commands, *sessions}
    acts = api("GET", "/audit?store_id=*", 200)["acts"] + api("GET", "/audit?store_id=norte", 200)["acts"]
    done = [(act["action"], act["subject"]) for act in acts]
    assert {act for act, _ in done} >= {"product.update", "user.update", "key.create", "terminal.create", "sell"}
    assert len(done) == len(set(done))

    assert (api("GET", f"/stock/{tea}/norte", 200)["quantity"], api("GET", f"/stock/{tea}/sur", 200)["quantity"]) == (
        62,
        32,
    )
    moved = api("GET", f"/movements?store_id=norte&product_id={tea}", 200)["movements"]
    assert [step["kind"] for step in reversed(moved)][:3] == ["set_stock", "adjust", "transfer_out"]
    assert len(moved) == 8
    assert len(api("GET", f"/movements?store_id=sur&product_id={tea}", 200)["movements"]) == 3
    counts: dict[str, Callable[[], int]] = {
        "products": lambda: api("GET", "/products?q=TEA", 200)["total"],
        "sales": lambda: [x["receipt_number"] for x in api("GET", "/sales?store_id=norte", 200)["sales"]].count("T1-1"),
        "users": lambda: [user["name"] for user in api("GET", "/users", 200)["users"]].count("eva"),
        "keys": lambda: [key["name"] for key in api("GET", "/keys", 200)["keys"]].count("Web shop"),
        "terminals": lambda: len(api("GET", "/terminals", 200)["terminals"]),
        "webhooks": lambda: len(api("GET", "/webhooks", 200)["webhooks"]),
    }
    assert {name: count() for name, count in counts.items()} == dict.fromkeys(counts, 1)
