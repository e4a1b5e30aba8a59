"""Connections that say nothing, half or too little, or are too many: each ends, is counted and is told of."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from litestar.types import Receive, Scope, Send
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from backend.http.limits import Connections, Limits
from backend.http.listener import listening, serve_until
from tests.eventually import eventually
from tests.servers import HOST

QUICK = Limits(head_seconds=0.2, body_seconds=0.2, stall_seconds=0.2)
GET = b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"
LARGE = 64 * 1024 * 1024
"""More than the kernel keeps for a client that does not read."""


@pytest.fixture(autouse=True)
def looked_through_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.http.listener.LOOK_TICKS", 1)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Reads the whole body, and answers when it is there; /large does not wait."""
    if scope["path"] == "/large":
        body = b"x" * LARGE
    else:
        while (message := await receive())["type"] == "http.request" and message["more_body"]:
            pass
        body = b"done"
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(body)).encode())]}
    )
    await send({"type": "http.response.body", "body": body, "more_body": False})


@asynccontextmanager
async def served(limits: Limits) -> AsyncIterator[int]:
    """The application behind `limits`; its port."""
    stop, started = asyncio.Event(), asyncio.Event()
    with listening(HOST, 0) as listener:
        port: int = listener.getsockname()[1]
        task = asyncio.create_task(serve_until(stop, app, listener, on_started=started.set, limits=limits))
        await started.wait()
        try:
            yield port
        finally:
            stop.set()
            await task


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection until the end of the block."""
    reader, writer = await asyncio.open_connection(HOST, port, limit=1024)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def answer(reader: asyncio.StreamReader) -> tuple[str, dict[str, Any]]:
    """All that comes until the server closes: the status line, and the problem."""
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    return head.partition(b"\r\n")[0].decode(), json.loads(body or b"{}")


def cut(reason: str) -> float:
    return REGISTRY.get_sample_value("mostrador_connections_cut_total", {"reason": reason}) or 0.0


@pytest.mark.parametrize(
    ("start", "reason", "status"),
    [
        (b"", "silent", ""),
        (b"GET /x HT", "head", "HTTP/1.1 408 Request Timeout"),
        (b"GET /x HTTP/1.1\r\nHost: x\r\n", "head", "HTTP/1.1 408 Request Timeout"),
        (b"\r\n", "head", "HTTP/1.1 408 Request Timeout"),
        (POST, "body", "HTTP/1.1 408 Request Timeout"),
    ],
)
async def test_what_is_not_sent_in_time_is_cut_counted_and_told(start: bytes, reason: str, status: str) -> None:
    before = cut(reason)
    with capture_logs() as logs:
        async with served(QUICK) as port:
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(start)
            line, problem = await answer(reader)
            writer.close()
            await eventually(lambda: any(entry["event"] == "connections_cut" for entry in logs))
    assert line == status
    assert problem.get("code") == ("request_timeout" if status else None)
    assert cut(reason) == before + 1
    (told,) = (entry for entry in logs if entry["event"] == "connections_cut")
    assert told[reason] == 1
    assert told["last_address"] == HOST


@pytest.mark.parametrize(("start", "drop"), [(b"GET /x HTTP/1.1\r\nX: ", b"x"), (POST, b" "), (b"", b"\r\n")])
async def test_a_trickle_does_not_put_it_off(start: bytes, drop: bytes) -> None:
    before = cut("head") + cut("body")
    async with served(QUICK) as port:
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(start)

        async def trickle() -> None:
            while True:
                writer.write(drop)
                await asyncio.sleep(0.02)

        trickling = asyncio.create_task(trickle())
        with suppress(ConnectionResetError):  # it sent on while it was answered
            assert (await answer(reader))[0] == "HTTP/1.1 408 Request Timeout"
        trickling.cancel()
        writer.close()
    assert cut("head") + cut("body") == before + 1


async def test_a_second_half_request_is_cut_without_a_word_into_the_first_answer() -> None:
    async with served(QUICK) as port:
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(GET + b"GET /x HTTP")
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
    assert head.startswith(b"HTTP/1.1 200 ")
    assert body.startswith(b"done")


async def test_an_idle_connection_may_be_used_again_and_ends_by_itself() -> None:
    before = cut("silent")
    async with served(Limits(head_seconds=0.1, keep_alive_seconds=1)) as port:
        reader, writer = await asyncio.open_connection(HOST, port)
        for _ in range(3):
            writer.write(GET)
            assert (await reader.readuntil(b"done")).startswith(b"HTTP/1.1 200 ")
        assert await reader.read() == b""
        writer.close()
    assert cut("silent") == before  # it has sent something


async def test_who_does_not_read_the_answer_is_cut() -> None:
    before = cut("stalled")
    async with served(QUICK) as port:
        reader, writer = await asyncio.open_connection(HOST, port, limit=1024)
        writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        await eventually(lambda: cut("stalled") == before + 1)
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(LARGE)
        writer.close()


async def test_one_too_many_is_told_so_and_comes_in_when_another_leaves() -> None:
    async with served(Limits(connections=2)) as port:  # one of an address, the half
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(GET)
        assert (await reader.readuntil(b"done")).startswith(b"HTTP/1.1 200 ")
        async with connected(port) as (another, _):
            line, problem = await answer(another)
        assert line == "HTTP/1.1 429 Too Many Requests"
        assert (problem["code"], problem["limit"]) == ("too_many_connections", 1)
        writer.close()
        await reader.read()

        async def comes_in() -> bool:
            async with connected(port) as (reader, writer):
                writer.write(GET)
                return await reader.read(12) == b"HTTP/1.1 200"

        await eventually(comes_in)


async def test_a_proxy_s_connections_are_limited_only_with_all_others() -> None:
    limits = Limits(connections=3, per_address=1, proxies=(ip_network("127.0.0.0/8"),))
    async with served(limits) as port, AsyncExitStack() as kept:
        for _ in range(3):
            reader, writer = await kept.enter_async_context(connected(port))
            writer.write(GET)
            assert (await reader.readuntil(b"done")).startswith(b"HTTP/1.1 200 ")
        reader, _ = await kept.enter_async_context(connected(port))
        line, problem = await answer(reader)
    assert (line, problem["code"]) == ("HTTP/1.1 503 Service Unavailable", "busy")


def test_a_network_of_ipv6_is_one_address_and_ipv4_has_one_form() -> None:
    with listening(HOST, 0) as listener:
        connections = Connections(Limits(per_address=2), listener)
    for host in ("2001:db8::1", "2001:db8::2", "192.0.2.1", "::ffff:192.0.2.1"):
        assert connections.admit(host) is None
    assert connections.admit("2001:db8::3") == connections.admit("192.0.2.1") == "address"
    assert connections.admit("2001:db8:0:1::1") is None
    connections.leave("2001:db8::1")
    assert connections.admit("2001:db8::3") is None


@pytest.mark.parametrize("hosts", [b"", b"Host: x\r\nHost: y\r\n"])
async def test_http_1_1_names_one_host(hosts: bytes) -> None:
    async with served(Limits()) as port:
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(b"GET /x HTTP/1.1\r\n%s\r\n" % hosts)
        line, problem = await answer(reader)
        writer.close()
    assert (line, problem["code"]) == ("HTTP/1.1 400 Bad Request", "bad_request")
    assert "Host" in problem["detail"]


async def test_http_1_0_need_not_name_a_host() -> None:
    async with served(Limits()) as port:
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(b"GET /x HTTP/1.0\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
        writer.close()


PROGRAM = """
import asyncio, os, resource, sys
import structlog
from backend.http.limits import Limits
from backend.http.listener import listening, serve_until

structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
kept = []

async def app(scope, receive, send):
    try:
        while scope["path"] == "/exhaust":
            kept.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        pass
    while scope["path"] == "/free" and kept:
        os.close(kept.pop())
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})

async def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    with listening("127.0.0.1", 0) as listener:
        say = lambda: print(listener.getsockname()[1], flush=True)
        await serve_until(asyncio.Event(), app, listener, on_started=say, limits=Limits(head_seconds=0.5))

import uvloop
uvloop.run(main())
"""


@pytest.fixture
def small_server(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A process that may open 256 files: its port, and its log."""
    log = tmp_path / "log"
    with (
        log.open("w") as output,
        subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=output, text=True) as process,
    ):
        assert process.stdout is not None
        yield int(process.stdout.readline()), log
        process.kill()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
async def test_without_a_free_file_it_says_so_and_recovers(small_server: tuple[int, Path]) -> None:
    port, log = small_server
    assert "connections_limited_by_files" in log.read_text()
    # As many silent ones as there are files: the most of one address are kept, and end.
    async with AsyncExitStack() as kept:
        silent = [await kept.enter_async_context(connected(port)) for _ in range(256)]
        answers = [line for line, _ in await asyncio.gather(*(answer(reader) for reader, _ in silent))]
    assert answers.count("") == 64
    assert answers.count("HTTP/1.1 429 Too Many Requests") == 192
    await eventually(lambda: "connections_cut" in log.read_text())

    async with connected(port) as (reader, writer):
        writer.write(b"GET /exhaust HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        await eventually(lambda: "files_exhausted" in log.read_text())
        writer.write(b"GET /free HTTP/1.1\r\nHost: x\r\n\r\n")
        await eventually(lambda: "files_free_again" in log.read_text())
    async with connected(port) as (reader, writer):
        writer.write(GET)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
