"""Event streams whose clients vanish, at any moment, leave no broken task behind in the server's process."""

import asyncio
from pathlib import Path

import pytest

from backend.auth.keys import load_signing_key
from backend.auth.tokens import Tokens
from tests.servers import HOST, NatsServer

from .processes import ServerProcess

pytestmark = pytest.mark.slow

ROUNDS, STREAMS = 12, 20


def log_of(directory: Path) -> str:
    """What the server wrote."""
    [log] = directory.glob("server-*.log")
    return log.read_text(encoding="utf-8")


async def open_and_vanish(port: int, token: str, after: float) -> None:
    """Ask for a stream and cut the connection a moment later, whatever has come until then."""
    _, writer = await asyncio.open_connection(HOST, port)
    head = f"GET /api/v1/events/stream?store_id=S1 HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {token}\r\n\r\n"
    writer.write(head.encode())
    await asyncio.wait({asyncio.create_task(writer.wait_closed())}, timeout=after)
    writer.transport.abort()


async def test_streams_that_are_cut_leave_no_task_behind(sqlite_url: str, nats: NatsServer, tmp_path: Path) -> None:
    tokens = Tokens(load_signing_key(tmp_path / "signing-key.pem"))
    token, _ = tokens.issue(user="ana", role="clerk", stores=["S1"], store_id="S1", terminal_id="T1", session_id="s1")
    server = ServerProcess(tmp_path, sqlite_url, nats.url)
    await server.start()
    for number in range(ROUNDS):
        after = 0.3 * number / ROUNDS
        await asyncio.gather(*(open_and_vanish(server.port, token, after) for _ in range(STREAMS)))
    assert await server.stop() == 0
    said = log_of(tmp_path)
    assert "Task was destroyed" not in said
    assert "Traceback" not in said
    assert "never retrieved" not in said
