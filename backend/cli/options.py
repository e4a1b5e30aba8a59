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
    """The URL of the database that is meant: by option, by environment or `.env`, or this machine's shop."""
    if database_url:
        return database_url
    if data is None and (configured := DatabaseSettings.load().database_url):
        return configured
    return shop_files(data).database_url


def console() -> Console:
    """Standard output for tables: as wide as the terminal, and never cut when it goes to a file or a pipe."""
    plain = Console(highlight=False)
    return plain if plain.is_terminal else Console(highlight=False, width=200)
