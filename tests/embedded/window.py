"""A real terminal window with `mostrador` in it, for tests that look at what is painted and press keys."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .shop import DEADLINE_SECONDS

_ON_ITS_TERMINAL = (
    "import fcntl, os, sys, termios\n"
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    "os.execv(sys.executable, [sys.executable, '-m', 'backend.main', *sys.argv[1:]])"
)
CTRL_Q = b"\x11"
QUIET_SECONDS = 0.4
"""Less than a cursor takes to blink: a screen that is quiet for so long has painted all it had to."""


class Window:
    """A terminal window with `mostrador` in it."""

    def __init__(self, process: "subprocess.Popen[bytes]", screen: int) -> None:
        self.process = process
        self._screen = screen
        self._seen = b""

    def wait_for(self, text: bytes) -> None:
        """Read what is painted until `text` has been."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while text not in self._seen:
            assert time.monotonic() < deadline, f"{text!r} was never painted"
            if select.select([self._screen], [], [], 1.0)[0]:
                self._seen += os.read(self._screen, 65536)

    def type(self, keys: bytes) -> None:
        """Send keys."""
        os.write(self._screen, keys)

    def press(self, key: bytes) -> None:
        """Send a key that moves the focus, and return when what it does is painted: keys behind it come too early."""
        painted = len(self._seen)
        self.type(key)
        deadline = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline:
            if select.select([self._screen], [], [], QUIET_SECONDS)[0]:
                self._seen += os.read(self._screen, 65536)
            elif len(self._seen) > painted:
                return
        raise AssertionError(f"nothing was painted for {key!r}")

    def rest(self) -> str:
        """Everything that is written until the program ends."""
        written = self._seen
        while True:
            try:
                more = os.read(self._screen, 65536)
            except OSError:  # Linux says so when nobody has the other side any more
                more = b""
            if not more:
                return written.decode(errors="replace")
            written += more


@contextmanager
def window(*arguments: str, cwd: Path | None = None, **environment: str) -> Iterator[Window]:
    """`mostrador` in a terminal window, which is closed at the end."""
    screen, terminal = pty.openpty()
    command = [sys.executable, "-c", _ON_ITS_TERMINAL, *arguments]
    process = subprocess.Popen(
        command,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        cwd=cwd,
        env={**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", **environment},
    )
    os.close(terminal)
    try:
        yield Window(process, screen)
    finally:
        os.close(screen)
        process.wait()
