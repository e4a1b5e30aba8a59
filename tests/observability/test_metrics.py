"""The numbers of a running server, scraped as Prometheus scrapes them."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from time import time

import httpx
import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from backend.auth.keys import load_signing_key
from backend.auth.tokens import Tokens
from backend.database.engine import Database
from backend.database.reads import reading
from backend.observability.metrics import MetricsPortTaken, exposed
from backend.server import running
from backend.settings import Settings
from backend.terminals import reports as tills
from backend.upkeep.backlog import Backlog, read_backlog
from backend.upkeep.watch import Watch
from tests.eventually import eventually
from tests.http.shop import Shop, furnish
from tests.ledger.shop import bury, open_shop, receive, reserve, running_ledger
from tests.servers import HOST, NatsServer

Scrape = Callable[..., float]


def scraped(text: str) -> Scrape:
    """The value of a sample by its name and labels; 0 when it does not exist yet."""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def value(name: str, **labels: str) -> float:
        return sum(x.value for x in samples if x.name == name and labels.items() <= x.labels.items())

    return value


class Watched(Shop):
    """A shop whose server tells its numbers."""

    port = 0

    async def numbers(self) -> Scrape:
        async with httpx.AsyncClient() as prometheus:
            answer = await prometheus.get(f"http://{HOST}:{self.port}/metrics")
        assert answer.headers["content-type"].startswith("text/plain")
        return scraped(answer.text)


@pytest.fixture
async def shop(sqlite_url: str, nats: NatsServer, tmp_path: Path) -> AsyncIterator[Watched]:
    await furnish(sqlite_url)
    settings = Settings.load(
        _env_file=None,
        database_url=sqlite_url,
        nats_url=nats.url,
        signing_key_file=tmp_path / "key.pem",
        enable_metrics=True,
        metrics_port=0,
    )
    with capture_logs() as logs:
        async with running(settings) as app:
            transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
            async with httpx.AsyncClient(transport=transport, base_url="http://shop/api/v1/") as client:
                shop = Watched(client, Tokens(load_signing_key(settings.signing_key_file)), sqlite_url)
                shop.port = next(entry["port"] for entry in logs if entry["event"] == "metrics_served")
                yield shop


async def test_a_server_tells_what_it_did(shop: Watched) -> None:
    before = await shop.numbers()
    await shop.receive("milk", 3)
    hold = {"store_id": "norte", "product_id": "milk", "quantity": 2}
    assert (await shop.post("reservations", hold)).status_code == 201
    assert (await shop.post("reservations", hold)).status_code == 409
    await shop.get("nowhere")

    after = await shop.numbers()

    def grown(name: str, **labels: str) -> float:
        return after(name, **labels) - before(name, **labels)

    route = {"method": "POST", "route": "/api/v1/reservations"}
    assert grown("mostrador_http_requests_total", status="201", **route) == 1
    assert grown("mostrador_http_requests_total", status="409", **route) == 1
    assert grown("mostrador_http_requests_total", status="404", method="GET", route="none") == 1
    assert grown("mostrador_http_request_seconds_count", **route) == 2
    assert grown("mostrador_ledger_commands_total") == 3
    assert grown("mostrador_ledger_refusals_total", code="insufficient_stock") == 1
    assert grown("mostrador_ledger_batch_commands_sum") == 3
    assert grown("mostrador_ledger_batch_seconds_count") == grown("mostrador_ledger_wait_seconds_count") == 3
    assert after("mostrador_ledger_waiting") == 0
    assert after("process_resident_memory_bytes") > 0


async def test_it_tells_how_long_a_message_took_to_nats(shop: Watched) -> None:
    before = await shop.numbers()
    await eventually(lambda: _connected(shop))
    await shop.receive("milk", 3)

    async def published() -> bool:
        now = await shop.numbers()
        return now("mostrador_publish_seconds_count") > before("mostrador_publish_seconds_count")

    await eventually(published)
    now = await shop.numbers()
    # Since `before`: the numbers are the process's, and other tests have published what nobody committed.
    whole, part = (
        now(name) - before(name)
        for name in ("mostrador_commit_to_publish_seconds_sum", "mostrador_publish_seconds_sum")
    )
    assert whole >= part > 0


async def _connected(shop: Watched) -> bool:
    return (await shop.numbers())("mostrador_nats_connected") == 1


async def test_a_terminal_tells_how_much_waits_in_it(shop: Watched) -> None:
    async def says(what: str) -> None:
        assert (await shop.get("stock/milk/norte", shop.auth | {"X-Terminal-Queue": what})).status_code == 200

    terminal = {"store": "norte", "terminal": "T1"}
    begun = time()
    await says("3")
    await says("many")  # nonsense is nobody's report
    now = await shop.numbers()
    assert now("mostrador_terminal_queue_sales", **terminal) == 3
    assert begun <= now("mostrador_terminal_seen_timestamp_seconds", **terminal) <= time()
    assert now("mostrador_terminal_closed_timestamp_seconds", **terminal) == 0
    await says("0 closed")
    now = await shop.numbers()
    assert now("mostrador_terminal_queue_sales", **terminal) == 0
    assert now("mostrador_terminal_closed_timestamp_seconds", **terminal) >= begun


async def test_a_terminal_heard_long_ago_makes_room(shop: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tills, "MOST", 1)
    for store in ("norte", "sur"):
        header = shop.bearer("luis", "supervisor", [store]) | {"X-Terminal-Queue": "0"}
        await shop.get("stock/milk/norte", header)
    now = await shop.numbers()
    assert now("mostrador_terminal_seen_timestamp_seconds", store="norte") == 0
    assert now("mostrador_terminal_seen_timestamp_seconds", store="sur") > 0


async def test_what_waits_in_the_database_is_counted(database: Database) -> None:
    await open_shop(database)
    async with running_ledger(database) as ledger:
        await ledger.submit(receive(tea=9, jam=9))
        held = [await ledger.submit(reserve(tea=1, jam=1)) for _ in range(3)]
        await bury(database, held[0].id)
        async with reading(database) as connection:
            backlog = await read_backlog(connection)
    assert (backlog.holds_live, backlog.holds_due, backlog.outbox_messages) == (2, 1, 4)
    assert backlog.holds_overdue_seconds > 0
    assert backlog.outbox_oldest_seconds > 0

    await Watch(database).look()
    now = scraped(generate_latest().decode())
    assert (now("mostrador_holds", state="live"), now("mostrador_holds", state="due")) == (2, 1)
    assert now("mostrador_outbox_messages") == 4


async def test_nothing_waits_in_an_empty_database(database: Database) -> None:
    async with reading(database) as connection:
        assert await read_backlog(connection) == Backlog(0, 0, 0.0, 0, 0.0)


async def test_a_port_that_is_taken_is_named() -> None:
    async with exposed(HOST, 0) as port:
        with pytest.raises(MetricsPortTaken, match=rf"{HOST}:{port}: .*METRICS_PORT"):
            async with exposed(HOST, port):
                pass
