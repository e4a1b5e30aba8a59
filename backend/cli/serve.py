"""`mostrador serve`: the headless server, until it is told to stop."""

import asyncio
import gc
import json
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import click

from backend.http.limits import open_more_files
from backend.http.workers import run_workers
from backend.observability.logs import configure_logging
from backend.server import serve as run_server
from backend.settings import Settings

from .options import database_options, database_url_of

NATS_PID_FILE = "MOSTRADOR_NATS_PID_FILE"
"""Set by the keeper of the embedded servers: names the process to end with us if the keeper dies and cannot do it."""

Run = Callable[[asyncio.Event, Callable[[str], None]], Awaitable[None]]
"""Serves until the event is set, and calls the function with the URL once requests are answered."""


@click.command()
@click.option("--host", metavar="ADDRESS", help="Address to listen on (SERVER_HOST).")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on, 0 for any free one (SERVER_PORT).")
@database_options
@click.option("--json", "as_json", is_flag=True, help="Say when it is ready as one line of JSON.")
@click.option(
    "--workers", type=click.IntRange(1, 64), default=1, help="Processes that share the port; one for each core."
)
@click.option("--listener", type=int, hidden=True, help="The open port that a parent hands to its workers.")
@click.option("--worker", type=int, default=0, hidden=True, help="The number of a worker, from 0.")
@click.option("--stop-when-stdin-closes", is_flag=True, help="Stop as soon as whoever started it is gone.")
def serve(
    host: str | None,
    port: int | None,
    database_url: str | None,
    data: Path | None,
    as_json: bool,
    workers: int,
    listener: int | None,
    worker: int,
    stop_when_stdin_closes: bool,
) -> None:
    """Run the headless server until Ctrl-C or SIGTERM.

    Settings come from the environment and from .env; see .env.example.

    \b
    Example:
      mostrador serve --host 0.0.0.0 --workers 4
    """
    overrides = {
        "server_host": host,
        "server_port": port,
        "database_url": database_url_of(database_url, data),
        "database_driver": "",  # that has been asked
        "signing_key_file": data / "signing-key.pem" if data else None,
    }
    settings = Settings.load(**{name: value for name, value in overrides.items() if value is not None})
    configure_logging(settings.log_level, settings.log_format)
    open_more_files()
    if settings.metrics_port:
        settings = settings.model_copy(update={"metrics_port": settings.metrics_port + worker})

    def on_ready(url: str) -> None:
        # All that exists now lives as long as the process. Looked through at every full collection, it would cost a
        # batch of commands more than their decoding does.
        gc.collect()
        gc.freeze()
        click.echo(json.dumps({"event": "ready", "url": url}) if as_json else f"Mostrador serves {url}")

    run = partial(run_workers, settings, workers) if workers > 1 else partial(run_server, settings, descriptor=listener)
    with asyncio.Runner(loop_factory=_event_loop()) as runner:
        runner.run(_until_told(run, on_ready, stop_when_stdin_closes))


async def _until_told(run: Run, on_ready: Callable[[str], None], stop_when_stdin_closes: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    orphaned = threading.Event()

    def told_to_stop(*_: object) -> None:
        loop.call_soon_threadsafe(stop.set)

    def starter_gone() -> None:
        orphaned.set()
        with suppress(RuntimeError):  # the loop has ended already
            told_to_stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, told_to_stop)
    if stop_when_stdin_closes:
        threading.Thread(target=_wait_for_end_of_stdin, args=[starter_gone], daemon=True).start()
    await run(stop, on_ready)
    if orphaned.is_set():
        _end_nats()


def _wait_for_end_of_stdin(then: Callable[[], None]) -> None:
    # The kernel closes the pipe with its last writer, even one that was killed. os.read, because a thread inside
    # sys.stdin would hold its lock while the interpreter wants to exit.
    with suppress(OSError):
        while os.read(0, 1024):
            pass
    then()


def _end_nats() -> None:
    with suppress(OSError, ValueError):
        os.kill(int(Path(os.environ.get(NATS_PID_FILE, "")).read_text()), signal.SIGTERM)


def _event_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop
