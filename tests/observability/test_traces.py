"""One trace from the terminal's call to the message on NATS, over a real server; and that off nothing is loaded."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import nats as nats_client
import pytest
from litestar.types import Receive as ReceiveMessage
from litestar.types import Scope, Send
from msgspec import structs
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from structlog.contextvars import bound_contextvars, get_contextvars

from backend.auth.keys import load_signing_key
from backend.auth.tokens import Tokens
from backend.database.engine import open_database
from backend.http.envelope import envelope
from backend.ids import new_id
from backend.model.commands import Line, Receive
from backend.observability import traces as tracing
from backend.server import running
from backend.settings import Settings
from backend.terminal.api import Api
from tests.http.shop import Shop, furnish
from tests.ledger import shop as ledger_shop
from tests.servers import HOST, NatsServer
from tests.terminal.fake_server import SESSION


def settings_of(url: str, tmp_path: Path, **more: object) -> Settings:
    return Settings.load(_env_file=None, database_url=url, signing_key_file=tmp_path / "key.pem", **more)


def receive(product: str) -> Receive:
    return Receive(id=new_id(), store_id="norte", lines=(Line(product, 3),))


def named(spans: Sequence[ReadableSpan], name: str) -> list[ReadableSpan]:
    return [span for span in spans if span.name == name]


@pytest.mark.slow
async def test_one_trace_from_the_tills_key_to_the_event(sqlite_url: str, nats: NatsServer, tmp_path: Path) -> None:
    await furnish(sqlite_url)
    settings = settings_of(sqlite_url, tmp_path, nats_url=nats.url)
    exporter = InMemorySpanExporter()
    listener = await nats_client.connect(nats.url)
    events = await listener.subscribe("inventory.norte.>")
    await listener.flush()
    sent: list[str] = []

    async with tracing.recording(exporter):
        async with running(settings) as app:
            transport = httpx.ASGITransport(app)  # type: ignore[arg-type]

            class Spy(httpx.AsyncBaseTransport):
                async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
                    sent.append(request.headers["traceparent"])
                    return await transport.handle_async_request(request)

            till = Api("http://shop", Spy())
            shop = Shop(httpx.AsyncClient(), Tokens(load_signing_key(settings.signing_key_file)), sqlite_url)
            token = shop.supervisor["Authorization"].removeprefix("Bearer ")
            till.use(structs.replace(SESSION, access_token=token))
            async with asyncio.timeout(30):
                event = None
                while event is None:  # until the relay is connected, events wait for its sweep and have no trace
                    await till.send([receive("milk")])
                    message = await events.next_msg(10)
                    event = (message.headers or {}).get("traceparent")
            await till.close()
        await listener.close()

    spans = exporter.get_finished_spans()
    _, trace, publish_id, flags = event.split("-")
    request, batch, publish = (
        next(span for span in named(spans, name) if f"{span.context.trace_id:032x}" == trace)
        for name in ("POST /api/v1/commands", "ledger batch", "publish")
    )
    key = next(header for header in sent if header.split("-")[1] == trace)
    assert f"{request.parent.span_id:016x}" == key.split("-")[2]  # type: ignore[union-attr]
    assert batch.parent.span_id == request.context.span_id  # type: ignore[union-attr]
    assert publish.parent.span_id == batch.context.span_id  # type: ignore[union-attr]
    assert (f"{publish.context.span_id:016x}", flags) == (publish_id, "01")
    assert request.attributes["http.response.status_code"] == 200  # type: ignore[index]


async def test_a_batch_is_linked_to_all_its_commands(sqlite_url: str) -> None:
    exporter = InMemorySpanExporter()
    database = open_database(sqlite_url)
    await ledger_shop.open_shop(database)

    async def command(path: str) -> None:
        with tracing.request("POST", path, []):
            await ledger.submit(ledger_shop.receive(tea=1))

    async with tracing.recording(exporter), ledger_shop.running_ledger(database) as ledger:
        await asyncio.gather(command("/1"), command("/2"), ledger.submit(ledger_shop.receive(jam=1)))
    await database.close()
    spans = exporter.get_finished_spans()
    (batch,) = named(spans, "ledger batch")
    first, second = sorted(named(spans, "POST"), key=lambda span: str(span.attributes))
    assert batch.attributes["mostrador.commands"] == 3  # type: ignore[index]
    assert batch.parent.span_id == first.context.span_id  # type: ignore[union-attr]
    assert [link.context.span_id for link in batch.links] == [second.context.span_id]


async def test_a_share_of_the_traces_is_recorded_whole_or_not_at_all(sqlite_url: str, tmp_path: Path) -> None:
    await furnish(sqlite_url)
    settings = settings_of(sqlite_url, tmp_path)
    exporter = InMemorySpanExporter()
    async with tracing.recording(exporter, 0.5), running(settings) as app:
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://shop/api/v1/") as client:
            shop = Shop(client, Tokens(load_signing_key(settings.signing_key_file)), sqlite_url)
            for trace in ("f" * 32, f"{'f' * 16}{'0' * 15}1"):  # the sampler looks at the last half
                command = {"type": "receive", "id": str(new_id()), "store_id": "norte"}
                body = {"commands": [command | {"lines": [{"product_id": "milk", "quantity": 1}]}]}
                header = {"traceparent": f"00-{trace}-00000000000000aa-01"}
                assert (await shop.post("commands", body, shop.supervisor | header)).status_code == 200
    spans = exporter.get_finished_spans()
    assert {f"{span.context.trace_id:032x}"[16:] for span in spans} == {f"{'0' * 15}1"}
    assert {span.name for span in spans} == {"POST /api/v1/commands", "ledger batch"}


async def test_a_collector_gets_them(sqlite_url: str, tmp_path: Path) -> None:
    with collector() as (endpoint, received):
        async with running(settings_of(sqlite_url, tmp_path, otel_exporter_otlp_endpoint=endpoint)) as app:
            transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
            async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
                assert (await client.get("/health/live")).status_code == 200
    (batch,) = received
    (resource,) = batch.resource_spans
    assert [x.value.string_value for x in resource.resource.attributes if x.key == "service.name"] == ["mostrador"]
    assert [span.name for scope in resource.scope_spans for span in scope.spans] == ["GET /health/live"]


async def test_the_logs_of_a_request_name_its_trace() -> None:
    async def traced(**headers: str) -> str:
        seen: list[str] = []

        async def app(_: Scope, __: ReceiveMessage, send: Send) -> None:
            seen.append(get_contextvars().get("trace_id", ""))
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b"", "more_body": False})

        transport = httpx.ASGITransport(envelope(app))  # type: ignore[arg-type]
        with bound_contextvars(trace_id=""):
            async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
                await client.get("/", headers=headers)
        return seen[0]

    trace = "ab" * 16
    sent = {"traceparent": f"00-{trace}-00000000000000aa-01"}
    assert await traced(**sent) == trace
    assert await traced(traceparent="00-00-00") == ""
    async with tracing.recording(InMemorySpanExporter()):
        assert await traced(**sent) == trace
        assert len(await traced()) == 32


@contextmanager
def collector() -> Iterator[tuple[str, list[Any]]]:
    """An OTLP collector: its address, and what it was sent."""
    received: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            received.append(ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://{HOST}:{server.server_port}", received
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.slow
def test_nothing_of_it_is_loaded_while_it_is_off() -> None:
    """But what Redis's client loads by itself when it is installed: its metrics."""
    parts = ("opentelemetry.sdk.trace", "opentelemetry.exporter")
    program = f"import sys, backend.server; print([m for m in sys.modules if m.startswith({parts})])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
