"""The headless server as a process of its own, to be killed and started again on its port."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.servers import HOST, free_port


class Server:
    """`mostrador serve` on `database_url`, without NATS. It stops when this process ends, however it ends."""

    def __init__(self, database_url: str, directory: Path, **settings: str) -> None:
        """`settings` are further variables of its environment."""
        self.url = f"http://{HOST}:{free_port()}"
        self._database_url = database_url
        self._directory = directory
        self._settings = settings
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it; it answers a little later."""
        program = [sys.executable, "-c", "from backend.main import main; main()", "serve", "--json"]
        where = ["--port", self.url.rpartition(":")[2], "--database-url", self._database_url]
        settings = {"SIGNING_KEY_FILE": str(self._directory / "key.pem"), "LOG_LEVEL": "warning"}
        settings["RATE_LIMIT_REQUESTS"] = "0"  # a replay sends as fast as it can
        with (self._directory / "server.log").open("a") as log:
            self._process = subprocess.Popen(
                [*program, *where, "--stop-when-stdin-closes"],
                cwd=self._directory,
                env={
                    **{k: v for k, v in os.environ.items() if not k.startswith("NATS_")},
                    **settings,
                    **self._settings,
                },
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def wait_until_ready(self) -> None:
        """Return when it answers."""
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the server did not start: {(self._directory / 'server.log').read_text()}"
        assert json.loads(line)["event"] == "ready"

    def kill(self) -> None:
        """Kill it without a chance to clean up."""
        assert self._process is not None
        self._process.kill()
        self._gone(self._process)

    def freeze(self) -> None:
        """Stop its process: its connections stay open, and nothing answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen process go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Stop it as an operator would."""
        assert self._process is not None
        self._process.terminate()
        self._gone(self._process)

    @staticmethod
    def _gone(process: subprocess.Popen[str]) -> None:
        process.communicate()
