"""The keeper: owns the private servers of one data directory, and lives as long as a terminal holds a lease.

    python -m backend.embedded.keeper DIRECTORY

A lease is an open connection to the keeper. The kernel closes it when its terminal ends, even by kill -9; with the last
lease the keeper stops the servers and itself. Terminals read JSON lines from it:

    {"step": "stock", "done": 3, "total": 24}       while the first start builds the demo shop
    {"ready": "http://127.0.0.1:21234"}             once requests are answered
    {"failed": {"code": "…", "message": "…"}}       and nothing after it
"""

import asyncio
import json
import os
import secrets
import sys
from asyncio import StreamReader, StreamWriter
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from backend.model.errors import MostradorError

from .children import HOST
from .files import FileLock, ShopFiles, write_private
from .servers import PrivateServers, end_servers_left_behind

FIRST_LEASE_SECONDS = 10.0
"""A keeper to which nobody comes ends by itself: whoever started it was killed first."""
GREETING_SECONDS = 5.0


@dataclass(frozen=True)
class State:
    """What a terminal needs to take a lease. The ports outlive the keeper: the next one listens there again."""

    port: int
    secret: str
    """Proves that a terminal may read the data directory; other users of this machine cannot."""
    server_port: int = 0
    nats_port: int = 0

    @classmethod
    def read(cls, files: ShopFiles) -> "State | None":
        """Returns what the last keeper wrote, if that can be read. It may be gone."""
        try:
            return cls(**json.loads(files.state.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None


class Keeper:
    """The leases, and the servers that run while there is one."""

    def __init__(self, files: ShopFiles) -> None:
        self._files = files
        self._leases: set[StreamWriter] = set()
        self._secret = secrets.token_urlsafe(32)
        self._news = b""
        self._over = asyncio.Event()

    async def run(self) -> None:
        """Serve leases until the last one is closed, or the servers cannot start."""
        await end_servers_left_behind(self._files)
        before = State.read(self._files) or State(0, "")
        servers = PrivateServers(self._files, self._tell, before.server_port, before.nats_port)
        self._tell({"step": servers.first_step, "done": 0, "total": 1})
        listener = await asyncio.start_server(self._lease, HOST, 0)
        port = listener.sockets[0].getsockname()[1]
        state = State(port, self._secret, servers.server_port, servers.nats_port)
        write_private(self._files.state, json.dumps(asdict(state)))
        work = asyncio.create_task(self._serve(servers))
        work.add_done_callback(self._end_after_bug)
        patience = asyncio.get_running_loop().call_later(FIRST_LEASE_SECONDS, self._end_if_unused)
        try:
            await self._over.wait()
            listener.close()
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work
        finally:
            patience.cancel()
            await servers.stop()
            for lease in self._leases:
                lease.close()

    async def _serve(self, servers: PrivateServers) -> None:
        try:
            await servers.run()
        except MostradorError as error:
            # Terminals hang up when they read this, and the one that started us may still have to come for it.
            self._tell({"failed": {"code": error.code, "message": error.message}})

    async def _lease(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            greeting = await asyncio.wait_for(reader.readline(), GREETING_SECONDS)
            if secrets.compare_digest(greeting.strip(), self._secret.encode()):
                self._leases.add(writer)
                writer.write(self._news)
                await reader.read()
        except (TimeoutError, OSError, ValueError):
            pass  # a connection that broke is a lease that ended
        finally:
            writer.close()
            if writer in self._leases:
                self._leases.remove(writer)
                self._end_if_unused()

    def _tell(self, news: dict[str, object]) -> None:
        """Tell every terminal, and those that come later, the latest news."""
        self._news = json.dumps(news).encode() + b"\n"
        for lease in self._leases:
            lease.write(self._news)

    def _end_after_bug(self, work: asyncio.Task[None]) -> None:
        if not work.cancelled() and work.exception() is not None:
            self._over.set()  # `run` raises it, into the keeper's log

    def _end_if_unused(self) -> None:
        if not self._leases:
            self._over.set()


def main() -> None:
    """Keep the directory of the first argument, unless another keeper does."""
    files = ShopFiles(Path(sys.argv[1]))
    lock = FileLock(files.keeper_lock)
    if lock.acquire():
        files.put_logs_aside()
        asyncio.run(Keeper(files).run())
        lock.release()


if __name__ == "__main__":
    os.umask(0o077)
    main()
