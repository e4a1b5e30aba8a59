"""Child processes that never outlive their owner.

On Linux the kernel ends them with it. Everywhere, the server watches its standard input: end of file means that its
owner is gone, and then it ends nats-server too (see `backend.cli.serve`).
"""

import asyncio
import os
import random
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from backend.private_files import open_private

HOST = "127.0.0.1"
STOP_SECONDS = 10.0
"""How long a child may take to stop before it is killed."""


async def start_child(
    command: Sequence[str],
    log: Path,
    *,
    environment: Mapping[str, str] | None = None,
    talks: bool = False,
    directory: Path | None = None,
) -> Process:
    """Start a process in `directory`, by default the one above its log's.

    A child that `talks` is written to on its standard input and read from on its standard output. Raises OSError when
    the program cannot be run.
    """
    with open_private(log, "ab") as out:
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=PIPE if talks else DEVNULL,
            stdout=PIPE if talks else out,
            stderr=out,
            cwd=directory or log.parent.parent,
            env={**os.environ, **(environment or {})},
            preexec_fn=_die_with_owner if sys.platform == "linux" else None,
        )


async def stop_child(process: Process) -> None:
    """Ask a child to stop; kill it when it does not."""
    if process.returncode is not None:
        return
    if sys.platform == "win32" and process.stdin is not None:
        process.stdin.close()  # there is no polite signal: `terminate` kills
    else:
        with suppress(ProcessLookupError):
            process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def end_left_behind(pid_file: Path, named: Path) -> None:
    """End the process in `pid_file` if `named` stands in its command line: it outlived an owner that was killed.

    Where command lines cannot be read (Windows) nothing is ended; its port stays taken, and another one is used.
    """
    if sys.platform == "win32":
        return
    try:
        pid = int(await asyncio.to_thread(pid_file.read_text))
    except (OSError, ValueError):
        return  # it stopped in order
    how = signal.SIGTERM
    deadline = asyncio.get_running_loop().time() + STOP_SECONDS
    while str(named) in await _command_line(pid):
        if asyncio.get_running_loop().time() > deadline:
            how = signal.SIGKILL
        with suppress(ProcessLookupError):
            os.kill(pid, how)
        await asyncio.sleep(0.05)


async def _command_line(pid: int) -> str:
    """Returns how a process was started; empty when it is gone, or when there is no `ps` to ask."""
    command = ("ps", "-ww", "-o", "args=", "-p", str(pid))
    try:
        ps = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=DEVNULL)
    except OSError:
        return ""
    output, _ = await ps.communicate()
    return output.decode(errors="replace")


def free_port(preferred: int = 0) -> int:
    """Returns `preferred` if nobody listens there, else another loopback port.

    Ports lie below the range of outgoing connections, so no client takes one while a child is being restarted.
    """
    port = preferred or random.randrange(20_000, 32_000)
    while not _is_free(port):
        port = random.randrange(20_000, 32_000)
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        if sys.platform != "win32":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # closed connections do not count
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


if sys.platform == "linux":
    import ctypes

    _libc = ctypes.CDLL(None)
    _PR_SET_PDEATHSIG = 1

    def _die_with_owner() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
else:

    def _die_with_owner() -> None:
        pass
