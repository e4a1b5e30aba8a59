"""What the tools on a database share: which database they mean, and how they print."""

from collections.abc import Callable
from pathlib import Path

import click
from rich.console import Console

from backend.embedded.files import shop_files
from backend.settings import DatabaseSettings


def database_options(command: Callable[..., object]) -> Callable[..., object]:
    """Add `--database-url` and `--data` to a command; `database_url_of` says which database they name."""
    command = click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="Data directory of the shop on this machine (MOSTRADOR_DATA).",
    )(command)
    return click.option(
        "--database-url",
        metavar="URL",
        help="postgresql://… or sqlite:///… (DATABASE_URL); default: this machine's shop.",
    )(command)


def database_url_of(database_url: str | None, data: Path | None) -> str:
    """Returns the URL of the database that is meant: the one that is named, or else that of this machine's shop."""
    return named_database(database_url, data) or shop_files(data).database_url


def named_database(database_url: str | None, data: Path | None) -> str | None:
    """Returns the database that is named: by option, or by environment or `.env` unless `--data` chooses a shop; or
    None.

    This is the one rule of all tools; docs/run.md tells it to people.
    """
    if database_url:
        return database_url
    return None if data is not None else DatabaseSettings.load().database_url or None


def console() -> Console:
    """Standard output for tables: as wide as the terminal, and never cut when it goes to a file or a pipe."""
    plain = Console(highlight=False)
    return plain if plain.is_terminal else Console(highlight=False, width=200)
