"""Several servers on one machine and one port: a parent that listens, and workers that answer.

The parent opens the port and hands it to every worker. A connection waits in the one queue of that port until some
worker takes it, so a worker that dies or restarts takes no waiting connection with it (with a queue for each worker,
SO_REUSEPORT, it would). A worker that dies is started again; workers end with their parent, even one that is killed.
"""

import asyncio
import json
import os
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import structlog

from backend.model.errors import InvalidInput, MostradorError
from backend.settings import Settings

from .listener import listening, url_of

log = structlog.get_logger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds before a dead worker is started again: doubled each time it dies young, so that a broken one costs little."""
YOUNG_SECONDS = 10.0
STOP_SECONDS = 40.0
"""How long a worker may take to stop, beside the time it drains, before it is killed."""


class WorkerFailed(MostradorError):
    """A worker ended before it ever answered; what it said of it is on standard error."""

    code = "worker_failed"


class Workers:
    """`count` processes of `command` that share `listener`."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        listener: socket.socket,
        *,
        count: int,
        drain: float,
    ) -> None:
        """Each worker gets `command` with `--listener` and `--worker`, and `environment` over this process's own."""
        self._command, self._environment, self._listener = command, environment, listener
        self._count, self._patience = count, drain + STOP_SECONDS
        self._stop = asyncio.Event()

    async def run(self, stop: asyncio.Event, on_ready: Callable[[], None]) -> None:
        """Keep all workers running until `stop` is set and they have all ended. `on_ready`: every one answers.

        Raises WorkerFailed when one cannot start at first; then the others are stopped too.
        """
        ready = [asyncio.Event() for _ in range(self._count)]
        keeping: list[asyncio.Future[None]] = [
            asyncio.create_task(self._keep(index, event)) for index, event in enumerate(ready)
        ]
        all_ready = asyncio.ensure_future(asyncio.gather(*(event.wait() for event in ready)))
        stopping = asyncio.create_task(stop.wait())
        try:
            over: set[asyncio.Future[Any]] = {stopping, *keeping}
            await asyncio.wait({all_ready, *over}, return_when=asyncio.FIRST_COMPLETED)
            if all_ready.done():
                on_ready()
            await asyncio.wait(over, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._stop.set()
            stopping.cancel()
            all_ready.cancel()
            failures = await asyncio.gather(*keeping, return_exceptions=True)
            await asyncio.gather(stopping, all_ready, return_exceptions=True)
        for failure in failures:
            if failure is not None:
                raise failure

    async def _keep(self, index: int, ready: asyncio.Event) -> None:
        clock, pause = asyncio.get_running_loop().time, FIRST_PAUSE
        stopping = asyncio.create_task(self._stop.wait())
        while not self._stop.is_set():
            begun = clock()
            process = await self._start(index)
            ended = asyncio.create_task(self._attend(process, ready))
            await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if self._stop.is_set():
                await self._end(process)
                await ended
                return
            if not ready.is_set():
                stopping.cancel()
                raise WorkerFailed(f"Worker {index} ended before it answered; its own message says why.", worker=index)
            log.error("worker_died", worker=index, exit_code=process.returncode)
            pause = FIRST_PAUSE if clock() - begun > YOUNG_SECONDS else min(2 * pause, LONGEST_PAUSE)
            await asyncio.wait({stopping}, timeout=pause)

    async def _start(self, index: int) -> Process:
        descriptor = self._listener.fileno()
        return await asyncio.create_subprocess_exec(
            *self._command,
            f"--listener={descriptor}",
            f"--worker={index}",
            "--stop-when-stdin-closes",  # so it ends with us
            stdin=PIPE,
            stdout=PIPE,
            env={**os.environ, **self._environment},
            pass_fds=[descriptor],
            start_new_session=True,  # Ctrl-C is for the parent, which stops them in order
        )

    async def _attend(self, process: Process, ready: asyncio.Event) -> None:
        """Returns when the worker has ended."""
        assert process.stdout is not None
        if (line := await process.stdout.readline()) and json.loads(line)["event"] == "ready":
            ready.set()
        await process.wait()

    async def _end(self, process: Process) -> None:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), self._patience)
        except TimeoutError:
            log.error("worker_killed", process=process.pid, after_seconds=self._patience)
            with suppress(ProcessLookupError):
                process.kill()


async def run_workers(settings: Settings, count: int, stop: asyncio.Event, on_ready: Callable[[str], None]) -> None:
    """Serve on the settings' port with `count` processes until `stop` is set; like `server.serve` for one.

    Raises WorkerFailed, what `listening` raises, and InvalidInput where a port cannot be shared.
    """
    if sys.platform == "win32":
        raise InvalidInput("workers", "--workers must be 1 on Windows; start several servers behind a load balancer.")
    if settings.enable_metrics and settings.metrics_port + count - 1 > 65535:
        raise InvalidInput(
            "METRICS_PORT", f"METRICS_PORT leaves no port for each of {count} workers; choose a lower one."
        )
    command = [sys.executable, "-m", "backend.main", "serve", "--json"]
    # What options may have said; all else is in the environment or in .env for the workers too.
    scheme, _, path = settings.database_url.partition(":///")
    environment = {
        "SIGNING_KEY_FILE": str(settings.signing_key_file),
        **(
            {"DATABASE_DRIVER": "sqlite", "SQLITE_PATH": path}
            if scheme.startswith("sqlite")
            else {"DATABASE_DRIVER": "postgres", "DATABASE_URL": settings.database_url}
        ),
    }
    with listening(settings.server_host, settings.server_port) as listener:
        workers = Workers(command, environment, listener, count=count, drain=settings.drain_seconds)
        await workers.run(stop, lambda: on_ready(url_of(listener)))
