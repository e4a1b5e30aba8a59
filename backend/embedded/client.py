"""What a terminal does about the private servers of its data directory: join them, or start them first."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Self

from backend.model.errors import MostradorError
from backend.private_files import open_private

from .children import HOST
from .files import ShopFiles
from .keeper import State

JOIN_SECONDS = 30.0
"""How long a keeper may be silent before the terminal gives up."""
GREETING_SECONDS = 2.0
"""A keeper answers a greeting at once; whatever else listens on its old port may not."""
RETRY_SECONDS = 0.02
START_AGAIN_SECONDS = 0.25
"""A keeper that was started ends at once when another one is there, perhaps one that is just stopping."""
RENEW_SECONDS = 5.0
"""Pause after a lost keeper could not be replaced."""

Progress = Callable[[str, int, int], None]
"""Called with the name of a step, how much of it is done, and how much there is."""


class ServersNotStarted(MostradorError):
    """The private servers could not be started; `code` and sentence say why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Lease:
    """Keeps the private servers running until it is closed, or until this process ends in whatever way."""

    def __init__(self, files: ShopFiles, connection: socket.socket, server_url: str) -> None:
        self.server_url = server_url
        """Where the server answers. The port stays when it, or the keeper, has to be started again."""
        self._files = files
        self._connection = connection
        self._closing = threading.Event()
        self._lock = threading.Lock()
        threading.Thread(target=self._renew, name="lease", daemon=True).start()

    def close(self) -> None:
        """Give the lease back. The servers stop when nobody else has one."""
        with self._lock:
            self._closing.set()
            _hang_up(self._connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _renew(self) -> None:
        """Whenever the keeper is lost, join another one or start it: the servers are ending with the lost one."""
        while not self._closing.is_set():
            _line(self._connection)  # the end of the connection, or the news that the servers cannot be kept running
            _hang_up(self._connection)
            while not self._closing.is_set():
                try:
                    connection, url = _join(self._files, lambda *_: None)
                except MostradorError:
                    self._closing.wait(RENEW_SECONDS)
                else:
                    self._adopt(connection, url)
                    break

    def _adopt(self, connection: socket.socket, url: str) -> None:
        with self._lock:
            self._connection, self.server_url = connection, url
            if self._closing.is_set():  # meanwhile
                _hang_up(connection)


def join_or_start(files: ShopFiles, on_progress: Progress) -> Lease:
    """Take a lease on the private servers of a data directory; start them if they do not run, and wait for them.

    The first start builds the demo shop; `on_progress` is told. Blocks: call it in a thread. Raises MostradorError: the
    directory cannot be used, or the code and sentence of whatever could not start.
    """
    files.prepare()
    return Lease(files, *_join(files, on_progress))


def _join(files: ShopFiles, on_progress: Progress) -> tuple[socket.socket, str]:
    deadline, start_at = time.monotonic() + JOIN_SECONDS, 0.0
    while time.monotonic() < deadline:
        connection = _greet(files)
        if connection is not None:
            url = _wait_until_ready(connection, on_progress)
            if url is not None:
                return connection, url
        elif time.monotonic() >= start_at:
            _start_keeper(files)
            start_at = time.monotonic() + START_AGAIN_SECONDS
        time.sleep(RETRY_SECONDS)
    log = files.log("keeper")
    raise ServersNotStarted("server_not_started", f"The shop's private servers did not start; the log {log} says more.")


def _greet(files: ShopFiles) -> socket.socket | None:
    """Returns a lease from the running keeper, if there is one. Its first line is still to be read."""
    state = State.read(files)
    if state is None:
        return None
    try:
        connection = socket.create_connection((HOST, state.port), timeout=GREETING_SECONDS)
    except OSError:
        return None
    try:
        connection.sendall(state.secret.encode() + b"\n")
        if connection.recv(1, socket.MSG_PEEK) == b"{":
            connection.settimeout(JOIN_SECONDS)
            return connection
    except OSError:
        pass
    connection.close()
    return None


def _wait_until_ready(connection: socket.socket, on_progress: Progress) -> str | None:
    """Returns the server's URL; None when the keeper ended without a word, because its last terminal left just then."""
    with ExitStack() as unless_ready:
        unless_ready.callback(connection.close)
        while line := _line(connection):
            news = json.loads(line)
            if "ready" in news:
                unless_ready.pop_all()
                connection.settimeout(None)
                return str(news["ready"])
            if "failed" in news:
                raise ServersNotStarted(news["failed"]["code"], news["failed"]["message"])
            on_progress(news["step"], news["done"], news["total"])
    return None


def _start_keeper(files: ShopFiles) -> None:
    """Start a keeper that outlives this terminal, its window and its Ctrl-C."""
    command = [sys.executable, "-P", "-m", "backend.embedded.keeper", str(files.root)]
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
    with open_private(files.log("keeper"), "ab") as log:
        keeper = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=files.root,
            creationflags=flags,
            start_new_session=True,
        )
    threading.Thread(target=keeper.wait, name="keeper", daemon=True).start()  # so that it leaves no zombie


def _line(connection: socket.socket) -> bytes:
    """Returns the next line from the keeper; empty when the connection has ended."""
    line = b""
    try:
        while not line.endswith(b"\n"):
            # Byte by byte: lines are short and few, and what follows belongs to the next call.
            if not (byte := connection.recv(1)):
                return b""
            line += byte
    except OSError:
        return b""
    return line


def _hang_up(connection: socket.socket) -> None:
    # Shut down first: closing alone does not wake a thread that reads from it.
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
