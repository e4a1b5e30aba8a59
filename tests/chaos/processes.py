"""`mostrador serve` as an operator starts it, to be killed and started again on the same port."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from tests.servers import HOST, free_port, launched


class ServerProcess:
    """One headless server. `directory` keeps its signing key and its log; servers of a fleet share it."""

    def __init__(self, directory: Path, database_url: str, nats_url: str, **settings: str) -> None:
        """`settings` are more environment variables."""
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}/api/v1/"
        self._log = directory / f"server-{self.port}.log"
        self._environment = {
            **os.environ,
            "DATABASE_URL": database_url,
            "NATS_URL": nats_url,
            "SIGNING_KEY_FILE": str(directory / "signing-key.pem"),
            "SERVER_PORT": str(self.port),
            "RATE_LIMIT_REQUESTS": "0",
            **settings,
        }
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it; returns when it answers."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *launched([sys.executable, "-m", "backend.main", "serve", "--json"]),
                env=self._environment,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdout is not None
        ready = await self._process.stdout.readline()
        assert ready, self._log.read_text(encoding="utf-8")
        assert json.loads(ready)["event"] == "ready"

    async def kill(self) -> None:
        """kill -9."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """Ask it to stop, as an operator does; its exit code."""
        return await self._end(signal.SIGTERM)

    async def _end(self, how: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(how)
        await process.communicate()
        assert process.returncode is not None
        return process.returncode
