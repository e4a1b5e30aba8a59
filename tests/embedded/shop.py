"""Real terminals and real servers for the tests: what runs for a shop, and how to wait for it."""

import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.error import URLError

import psutil

from backend.embedded.files import ShopFiles

DEADLINE_SECONDS = 60.0
KEEPER, SERVER, NATS = "keeper", "server", "nats"

_TERMINAL = """
import sys
from pathlib import Path
from backend.embedded.client import join_or_start
from backend.embedded.files import ShopFiles
with join_or_start(ShopFiles(Path(sys.argv[1])), lambda *news: print(*news, file=sys.stderr)) as lease:
    print(lease.server_url, flush=True)
    sys.stdin.read()
"""


class Terminal:
    """A process that holds a lease until it is told to leave, or is killed."""

    def __init__(self, files: ShopFiles) -> None:
        command = [sys.executable, "-c", _TERMINAL, str(files.root)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def joined(self) -> str:
        """Wait for the lease; the server's URL."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def leave(self) -> None:
        """End in order."""
        self._process.communicate()

    def kill(self) -> None:
        """kill -9."""
        self._process.send_signal(signal.SIGKILL)
        self._process.communicate()


@contextmanager
def terminals(files: ShopFiles, count: int = 1) -> Iterator[list[Terminal]]:
    """Some terminals of one shop, started at the same time; the ones that are left at the end are killed."""
    opened = [Terminal(files) for _ in range(count)]
    try:
        yield opened
    finally:
        for terminal in opened:
            terminal.kill()


def running(files: ShopFiles) -> dict[str, list[psutil.Process]]:
    """The processes of the shop, by what they are. Terminals do not count."""
    found: dict[str, list[psutil.Process]] = {KEEPER: [], SERVER: [], NATS: []}
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if not any(word.startswith(str(files.root)) for word in words):
            continue
        if "backend.embedded.keeper" in words:
            found[KEEPER].append(process)
        elif "serve" in words:
            found[SERVER].append(process)
        elif "nats-server" in words[0]:
            found[NATS].append(process)
    return found


def counts(files: ShopFiles) -> dict[str, int]:
    """How many processes of each kind the shop has."""
    return {name: len(processes) for name, processes in running(files).items()}


ALL_RUN = {KEEPER: 1, SERVER: 1, NATS: 1}
NOTHING_RUNS = {KEEPER: 0, SERVER: 0, NATS: 0}


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Look again and again until `condition` holds; fails with `what` when it takes too long."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"still not so: {what}"
        time.sleep(0.02)


def is_healthy(url: str) -> bool:
    """Whether a server answers there."""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
            return bool(json.load(answer)["status"] == "healthy")
    except (URLError, OSError):
        return False
