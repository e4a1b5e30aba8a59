"""Several workers behind one port: all of them answer, a dead one is replaced, and none outlives its parent."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from backend.cli import errors
from backend.main import mostrador
from tests.eventually import eventually

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="Windows shares no port between processes"),
]
PROGRAM = [sys.executable, "-c", "from backend.main import main; main()", "serve", "--json", "--port", "0"]


class Parent:
    """A running `mostrador serve --workers 2`."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process, self.url = process, url

    @property
    def workers(self) -> set[int]:
        return {child.pid for child in psutil.Process(self.process.pid).children()}

    def answered_by(self) -> int:
        """The process that answers a new connection."""
        return int(httpx.get(f"{self.url}/health").json()["instance_id"].rpartition("-")[2])


@pytest.fixture
def parent(sqlite_url: str, tmp_path: Path) -> Iterator[Parent]:
    command = [*PROGRAM, "--workers", "2", "--data", str(tmp_path), "--database-url", sqlite_url]
    environment = os.environ | {"NATS_URL": "", "ENABLE_METRICS": "false"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=tmp_path, env=environment, text=True) as process:
        assert process.stdout is not None
        yield Parent(process, json.loads(process.stdout.readline())["url"])
        process.kill()


async def test_all_answer_a_dead_one_is_replaced_and_sigterm_ends_them(parent: Parent) -> None:
    first = parent.workers
    assert len(first) == 2
    await eventually(lambda: parent.answered_by() == min(first))
    await eventually(lambda: parent.answered_by() == max(first))

    dead = min(first)
    os.kill(dead, 9)
    await eventually(lambda: len(parent.workers - {dead}) == 2)
    (new,) = parent.workers - first
    await eventually(lambda: parent.answered_by() == new)

    last = parent.workers
    parent.process.terminate()
    assert parent.process.wait(60) == 0
    assert not [pid for pid in last if psutil.pid_exists(pid)]


async def test_workers_end_with_a_parent_that_is_killed(parent: Parent) -> None:
    workers = [psutil.Process(pid) for pid in parent.workers]
    parent.process.kill()
    parent.process.wait(60)
    await eventually(lambda: not any(worker.is_running() for worker in workers))


def test_workers_that_cannot_start_are_one_failure(
    process_wide: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = ["serve", "--json", "--workers", "2", "--port", "0", "--data", str(tmp_path)]
    assert errors.run(mostrador, arguments) == 1
    shown: list[dict[str, Any]] = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    codes = [line["code"] for line in shown if "code" in line]
    assert codes[-1] == "worker_failed"
    assert set(codes[:-1]) == {"database_not_migrated"}
