"""A new database file that appears only when it is whole. Quick to import."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from backend.model.errors import MostradorError

from .files import FileLock


class AlreadyBuilding(MostradorError):
    """Another process builds this very shop now."""

    code = "already_building"
    retryable = True


@contextmanager
def building(whole: Path) -> Iterator[Path]:
    """Gives the block another file to fill, which gets the name `whole` when the block ends well.

    What a block that was broken off has left is removed first. Raises AlreadyBuilding.
    """
    half = Path(f"{whole}.building")
    whole.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = FileLock(whole.with_name(f"{half.name}.lock"))
    if not lock.acquire():
        raise AlreadyBuilding(f"Another process is building {whole}; wait until it is done.", path=str(whole))
    try:
        for leftover in (half, Path(f"{half}-wal"), Path(f"{half}-shm")):
            with suppress(FileNotFoundError):
                leftover.unlink()
        yield half
        half.rename(whole)
    finally:
        lock.release()
