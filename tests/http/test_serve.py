"""The server on a real socket: starting, stopping without losing anything, and what stops it from starting."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import structlog
from sqlalchemy import func, select

from backend.auth.keys import load_signing_key
from backend.auth.tokens import Tokens
from backend.cli import errors
from backend.database.engine import open_database
from backend.database.tables import outbox, reservations
from backend.http.listener import PortTaken, listening, url_of
from backend.main import mostrador
from backend.model.errors import InvalidInput
from backend.server import running, serve
from backend.settings import Settings
from tests.eventually import eventually
from tests.servers import HOST, free_port

from .shop import Shop, furnish

PROGRAM = [sys.executable, "-c", "from backend.main import main; main()", "serve", "--json"]


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[tuple[str, asyncio.Event, asyncio.Task[None]]]:
    """A server on a socket: its URL, the event that stops it, and its task."""
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(settings, stop, ready.set_result))
    await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
    yield ready.result(), stop, task
    stop.set()
    await task


def settings_of(url: str, tmp_path: Path, **more: object) -> Settings:
    chosen = {"nats_url": "", "server_port": 0, "signing_key_file": tmp_path / "key.pem", **more}
    return Settings.load(_env_file=None, database_url=url, **chosen)


async def test_stopping_loses_no_request_that_was_accepted(database_url: str, tmp_path: Path) -> None:
    await furnish(database_url)
    settings = settings_of(database_url, tmp_path)
    tokens = Tokens(load_signing_key(settings.signing_key_file))
    held: set[str] = set()
    enough = asyncio.Event()

    async def hold_until_closed(url: str) -> None:
        async with httpx.AsyncClient(base_url=f"{url}/api/v1/") as client:
            shop = Shop(client, tokens, database_url)
            while True:
                try:
                    answer = await shop.post("reservations", {"store_id": "norte", "product_id": "milk", "quantity": 1})
                except httpx.TransportError:
                    return  # closed between two requests
                assert answer.status_code == 201, answer.text
                held.add(answer.json()["id"])
                if len(held) > 100:
                    enough.set()

    async with serving(settings) as (url, stop, task):
        async with httpx.AsyncClient(base_url=f"{url}/api/v1/") as client:
            await Shop(client, tokens, database_url).receive("milk", 1_000_000)
        clients = [asyncio.create_task(hold_until_closed(url)) for _ in range(16)]
        await enough.wait()
        stop.set()
        await task
        await asyncio.gather(*clients)

    db = open_database(database_url)
    async with db.engine.connect() as connection:
        stored = {str(identity) for identity in await connection.scalars(select(reservations.c.id))}
    await db.close()
    # What was answered is stored, and nothing is stored that nobody was told of.
    assert stored == held


async def test_a_stopping_server_tells_the_balancer(sqlite_url: str, tmp_path: Path) -> None:
    stopping = False
    async with running(settings_of(sqlite_url, tmp_path), lambda: stopping) as app:
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            ready = await client.get("/health/ready")
            assert (ready.status_code, ready.json()["status"]) == (200, "healthy")
            assert ready.json()["db_driver"] == "sqlite"
            stopping = True
            ready = await client.get("/health/ready")
            assert (ready.status_code, ready.json()["status"]) == (503, "stopping")
            assert (await client.get("/health/live")).status_code == 200


def damage(sqlite_url: str) -> None:
    path = Path(sqlite_url.removeprefix("sqlite+aiosqlite:///"))
    path.write_bytes(b"this is no database any more" * 1000)


async def test_a_database_that_is_gone_is_unhealthy(sqlite_url: str, tmp_path: Path) -> None:
    async with running(settings_of(sqlite_url, tmp_path)) as app:
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            damage(sqlite_url)
            health = await client.get("/health")
    assert (health.status_code, health.json()["status"], health.json()["database"]) == (503, "unhealthy", "unhealthy")


async def test_nats_away_at_the_start_keeps_nobody_from_selling(sqlite_url: str, tmp_path: Path) -> None:
    await furnish(sqlite_url)
    settings = settings_of(sqlite_url, tmp_path, nats_url=f"nats://{HOST}:{free_port()}")
    async with serving(settings) as (url, _, _), httpx.AsyncClient(base_url=f"{url}/api/v1/") as client:
        await Shop(client, Tokens(load_signing_key(settings.signing_key_file)), sqlite_url).receive("milk", 1)
    db = open_database(sqlite_url)
    async with db.engine.connect() as connection:
        assert await connection.scalar(select(func.count()).select_from(outbox)) == 1
    await db.close()


async def test_a_client_that_leaves_in_the_middle_of_its_body_is_no_failure(sqlite_url: str, tmp_path: Path) -> None:
    settings = settings_of(sqlite_url, tmp_path)
    shop = Shop(httpx.AsyncClient(), Tokens(load_signing_key(settings.signing_key_file)), sqlite_url)
    head = f"POST /api/v1/commands HTTP/1.1\r\nHost: shop\r\nAuthorization: {shop.auth['Authorization']}\r\n"
    with structlog.testing.capture_logs() as logs:
        async with serving(settings) as (url, _, _):
            _, writer = await asyncio.open_connection(HOST, int(url.rpartition(":")[2]))
            writer.write(f'{head}Content-Length: 1000\r\n\r\n{{"commands": ['.encode())
            writer.close()
            await writer.wait_closed()
            await eventually(lambda: any(entry["event"] == "client_went_away" for entry in logs))
    assert not any(entry["event"] == "request_failed" for entry in logs)


def test_a_port_that_is_taken() -> None:
    with listening(HOST, 0) as first:
        port = first.getsockname()[1]
        assert url_of(first) == f"http://{HOST}:{port}"
        with (
            pytest.raises(PortTaken, match=rf"^Port {port} on {HOST} is taken; .*--port") as refused,
            listening(HOST, port),
        ):
            pass
    assert refused.value.fields == {"port": port, "host": HOST}


@pytest.mark.parametrize("host", ["no.such.host.invalid", "203.0.113.1", ".nowhere"])
def test_a_host_that_is_not_this_machine(host: str) -> None:
    with pytest.raises(InvalidInput, match=rf"^{host} is no address of this machine; .*--host"), listening(host, 0):
        pass


async def test_an_issuer_seed_that_is_none_is_named(sqlite_url: str, tmp_path: Path) -> None:
    seed = tmp_path / "seed"
    seed.write_text("SAAB")
    settings = settings_of(sqlite_url, tmp_path, nats_url="nats://127.0.0.1:4222", nats_issuer_seed_file=seed)
    with pytest.raises(InvalidInput, match=r"^NATS_ISSUER_SEED_FILE: .*seed holds no nkey account seed"):
        async with running(settings):
            pass


def test_what_stops_it_from_starting_is_one_sentence(
    process_wide: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*arguments: str) -> dict[str, object]:
        assert errors.run(mostrador, ["serve", "--json", "--data", str(tmp_path), *arguments]) == 1
        shown = capsys.readouterr()
        assert shown.out == ""
        problem: dict[str, object] = json.loads(shown.err)
        return problem

    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        problem = fails("--port", str(port))
    assert (problem["code"], problem["port"]) == ("port_taken", port)
    problem = fails("--port", "0")
    assert problem["code"] == "database_not_migrated"
    assert "mostrador migrate" in str(problem["message"])


@pytest.mark.slow
def test_it_stops_with_whoever_started_it_and_ends_nats_then(sqlite_url: str, tmp_path: Path) -> None:
    nats = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    (tmp_path / "nats.pid").write_text(str(nats.pid))
    environment = os.environ | {"MOSTRADOR_NATS_PID_FILE": str(tmp_path / "nats.pid"), "NATS_URL": ""}
    command = [
        *PROGRAM,
        "--data",
        str(tmp_path),
        "--database-url",
        sqlite_url,
        "--port",
        "0",
        "--stop-when-stdin-closes",
    ]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd=tmp_path, text=True
    ) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert ready["event"] == "ready"
        assert httpx.get(f"{ready['url']}/health").json()["status"] == "healthy"
        process.communicate(timeout=60)  # closes its standard input
    assert process.returncode == 0
    assert nats.wait(60) != 0
    nats.communicate()


@pytest.mark.slow
def test_sigterm_stops_it(sqlite_url: str, tmp_path: Path) -> None:
    command = [*PROGRAM, "--data", str(tmp_path), "--database-url", sqlite_url, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=tmp_path, text=True) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["event"] == "ready"
        process.terminate()
        assert process.wait(60) == 0
