"""Files and directories that only their owner may read, whatever the umask. Quick to import.

SQLite gives its -wal and -shm files the mode of the database's file, so a database that is private when it is made
stays private. On Windows a file has the rights of its directory.
"""

import os
from pathlib import Path
from typing import BinaryIO, Literal

FILE, DIRECTORY = 0o600, 0o700


def open_private(path: Path, mode: Literal["ab", "wb"]) -> BinaryIO:
    """Opens a file to write to, created for its owner only; one that exists keeps its rights. Raises OSError."""
    return open(path, mode, opener=lambda name, flags: os.open(name, flags, FILE))


def make_private_file(path: Path) -> None:
    """Creates an empty file for its owner only, unless there is one. Raises OSError."""
    open_private(path, "ab").close()


def make_private_directory(path: Path) -> None:
    """Creates a directory for its owner only, and those above it, unless they exist. Raises OSError."""
    for missing in reversed([each for each in (path, *path.parents) if not each.exists()]):
        missing.mkdir(mode=DIRECTORY, exist_ok=True)
