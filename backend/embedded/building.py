"""A new database file that appears only when it is whole. Quick to import."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from backend.model.errors import MostradorError
from backend.private_files import make_private_directory

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
    make_private_directory(whole.parent)
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
