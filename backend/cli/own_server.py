"""A private server for one command: on the database that is meant, for as long as the command needs it."""

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from backend.embedded.children import HOST, start_child, stop_child
from backend.embedded.servers import last_words


@asynccontextmanager
async def server_on(database_url: str) -> AsyncIterator[str]:
    """Runs `mostrador serve` on a free port of this machine and yields its URL.

    Raises what the server said when it does not start: no database, or one with another schema.
    """
    with TemporaryDirectory(prefix="mostrador-") as directory:
        log = Path(directory) / "serve.log"
        command = [sys.executable, "-P", "-m", "backend.main", "serve", "--database-url", database_url]
        options = ["--host", HOST, "--port", "0", "--json", "--stop-when-stdin-closes"]
        settings = {
            "SIGNING_KEY_FILE": str(Path(directory) / "signing-key.pem"),
            "RATE_LIMIT_REQUESTS": "0",
            "ENABLE_METRICS": "false",
            "LOG_LEVEL": "warning",
        }
        # In this directory, which a relative path of a database begins at.
        child = await start_child([*command, *options], log, environment=settings, talks=True, directory=Path.cwd())
        try:
            assert child.stdout is not None
            ready = await child.stdout.readline()
            if not ready:
                await child.wait()
                raise last_words("serve", log, 0)
            url: str = json.loads(ready)["url"]
            yield url
        finally:
            await stop_child(child)
