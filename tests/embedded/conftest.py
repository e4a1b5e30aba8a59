"""An empty shop to keep servers for."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.embedded.files import ShopFiles

from .shop import NOTHING_RUNS, counts, wait_until


@pytest.fixture
def files(sqlite_template: Path, tmp_path: Path) -> Iterator[ShopFiles]:
    """A migrated shop without products. Whatever a test did, nothing of it may run on."""
    files = ShopFiles(tmp_path / "shop")
    files.prepare()
    shutil.copyfile(sqlite_template, files.database)
    yield files
    wait_until(lambda: counts(files) == NOTHING_RUNS, "all processes of the shop have ended")
