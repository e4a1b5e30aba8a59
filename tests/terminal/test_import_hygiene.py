"""The core knows nothing of screens, of the server or of its database: checked in a fresh interpreter."""

import subprocess
import sys

FORBIDDEN = {"textual", "tui", "sqlalchemy", "litestar", "alembic", "asyncpg", "aiosqlite"}


def imported_by(code: str) -> set[str]:
    """The top-level packages that running `code` imports."""
    program = f"{code}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return set(run.stdout.split())


def test_the_core_imports_neither_screens_nor_server() -> None:
    modules = imported_by(
        "import pkgutil, importlib, backend.terminal as core\n"
        "for found in pkgutil.walk_packages(core.__path__, 'backend.terminal.'): importlib.import_module(found.name)"
    )
    assert {"httpx", "sqlite3"} <= modules
    assert not modules & FORBIDDEN


def test_the_copy_of_a_terminal_loads_nothing_of_the_server() -> None:
    modules = imported_by("import backend.terminal.cache.intake")
    assert "sqlite3" in modules
    assert not modules & FORBIDDEN


def test_the_first_screen_waits_for_nothing_it_does_not_paint() -> None:
    modules = imported_by("import tui.app")
    assert "textual" in modules
    assert not modules & (FORBIDDEN - {"textual", "tui"} | {"httpx", "nats", "sqlite3", "truststore"})
