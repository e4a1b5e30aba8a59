"""The files of one machine's shop, and the locks that say who uses them. Quick to import.

mostrador.db      the shop           keeper.json   where the running keeper listens; its secrets
signing-key.pem   access tokens      keeper.lock   held by the running keeper
nats/             its files          terminals/    T1.lock, T2.lock, … held by the running terminals
logs/             of the children    shop.json      whether it is a demo, one's own, or another server's
"""

import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from backend.model.errors import MostradorError
from backend.private_files import make_private_directory

MAX_LOG_BYTES = 5_000_000
"""A log that is larger when the servers start is put aside, over the one put aside before."""


class DataNotWritable(MostradorError):
    """The data directory cannot be used."""

    code = "data_not_writable"


@dataclass(frozen=True)
class ShopFiles:
    """The data directory `root` and the names in it."""

    root: Path

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.root / "mostrador.db"

    @property
    def database_url(self) -> str:
        """The SQLAlchemy URL of the database."""
        return f"sqlite+aiosqlite:///{self.database}"

    @property
    def state(self) -> Path:
        """What a keeper tells terminals (see `keeper.State`); may be left behind by one that was killed."""
        return self.root / "keeper.json"

    @property
    def keeper_lock(self) -> Path:
        """Held by the one keeper."""
        return self.root / "keeper.lock"

    @property
    def nats(self) -> Path:
        """The directory of nats-server's configuration and streams."""
        return self.root / "nats"

    @property
    def signing_key(self) -> Path:
        """The key of the access tokens; kept, so that people stay signed in over a restart."""
        return self.root / "signing-key.pem"

    @property
    def enrolment(self) -> Path:
        """Which terminal of a fleet this is, with its key; only after `mostrador enrol`."""
        return self.root / "enrolment.json"

    @property
    def choice(self) -> Path:
        """What was chosen on the first start (see `backend.embedded.choice`)."""
        return self.root / "shop.json"

    def pid(self, name: str) -> Path:
        """Names the child process `name` while it runs, and after its keeper was killed."""
        return self.root / f"{name}.pid"

    def log(self, name: str) -> Path:
        """Returns the log of the process `name`."""
        return self.root / "logs" / f"{name}.log"

    def prepare(self) -> None:
        """Make the directories, for their owner only. Raises DataNotWritable."""
        try:
            for directory in (self.root, self.nats, self.root / "logs", self.root / "terminals"):
                make_private_directory(directory)
            probe = self.root / f".writable-{os.getpid()}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            reason = error.strerror or str(error)
            raise DataNotWritable(
                f"The data directory {self.root} cannot be written ({reason}); choose another with --data DIR.",
                path=str(self.root),
            ) from error

    def put_logs_aside(self) -> None:
        """Keep the logs from growing for ever."""
        for log in (self.root / "logs").glob("*.log"):
            if log.stat().st_size > MAX_LOG_BYTES:
                log.replace(log.with_suffix(".log.old"))


def shop_files(data: Path | None = None) -> ShopFiles:
    """Returns the files in `data`, else in $MOSTRADOR_DATA, else in the platform's own place for a user's data."""
    chosen = data or os.environ.get("MOSTRADOR_DATA")
    if chosen:
        return ShopFiles(Path(chosen).expanduser().absolute())
    from platformdirs import user_data_path

    return ShopFiles(user_data_path("mostrador", appauthor=False))


class FileLock:
    """An exclusive lock of the operating system: it ends with the process that holds it, however that ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def acquire(self) -> bool:
        """Take the lock without waiting; False when another process, or another lock of this one, holds it."""
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        if _locked(file):
            self._file = file
            return True
        os.close(file)
        return False

    def release(self) -> None:
        """Let go of the lock; does nothing when it is not held. The file stays: removing it would be a race."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


@dataclass(frozen=True)
class TerminalId:
    """The number of a terminal of this machine, taken until `release` or the end of the process."""

    name: str
    lock: FileLock

    def release(self) -> None:
        """Leave the number to the next terminal."""
        self.lock.release()


def claim_terminal(files: ShopFiles) -> TerminalId:
    """Returns the first of T1, T2, … that no running terminal has."""
    for number in count(1):
        lock = FileLock(files.root / "terminals" / f"T{number}.lock")
        if lock.acquire():
            return TerminalId(f"T{number}", lock)
    raise AssertionError("numbers do not end")


def write_private(path: Path, text: str) -> None:
    """Replace the file in one step; only its owner can read it."""
    new = path.with_suffix(f".{os.getpid()}.new")
    with suppress(FileNotFoundError):
        new.unlink()
    file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as out:
        out.write(text)
    new.replace(path)


if sys.platform == "win32":
    import msvcrt

    def _locked(file: int) -> bool:
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _locked(file: int) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
