"""`mostrador terminals`: the terminals of the stores, made with a code to enrol them, listed and removed."""

from pathlib import Path

import click

from backend.database.engine import Database
from backend.terminals.queries import Terminal, terminals_after
from backend.terminals.service import TerminalBody, delete_terminal, make_terminal

from .office import CALLER, ORIGIN, body_of, everything, in_database, office_options, show, tell

_COLUMNS = ("store_id", "terminal_id", "name", "key_id", "code_expires_at", "last_used_at")


@click.group()
def terminals() -> None:
    """The terminals of the stores that have keys of their own.

    \b
    Examples:
      mostrador terminals list
      mostrador terminals add 1 T7 --name "By the door"
      mostrador terminals remove 1 T7
    """


@terminals.command(name="list")
@click.option("--store", metavar="ID", help="Only those of this store.")
@office_options
def list_(store: str | None, database_url: str | None, data: Path | None, as_json: bool) -> None:
    """List the terminals: those with a key id are enrolled, the others wait for their code until it expires.

    \b
    Example:
      mostrador terminals list --store 1 --json
    """
    stores = None if store is None else [store]

    async def use(db: Database) -> list[Terminal]:
        return await everything(
            db,
            lambda connection, last, limit: terminals_after(
                connection, stores, (last.store_id, last.terminal_id) if last else ("", ""), limit
            ),
        )

    show(as_json, in_database(database_url, data, use), _COLUMNS, "There is no terminal with a key of its own.")


@terminals.command()
@click.argument("store_id")
@click.argument("terminal_id")
@click.option("--name", metavar="TEXT", help="What people call it; default: TERMINAL_ID.")
@office_options
def add(
    store_id: str, terminal_id: str, name: str | None, database_url: str | None, data: Path | None, as_json: bool
) -> None:
    """Make a terminal of a store, and print the code to type at it. For one that still waits: another code.

    \b
    Example:
      mostrador terminals add 1 T7 --name "By the door"
    """
    body = body_of(TerminalBody, store_id=store_id, terminal_id=terminal_id, name=name)
    made = in_database(database_url, data, lambda db: make_terminal(db, CALLER, ORIGIN, body, None))
    how = f"mostrador enrol {made.code} --server URL"
    tell(as_json, made, f"Type this at terminal {terminal_id} of store {store_id} within 15 minutes: {how}")


@terminals.command()
@click.argument("store_id")
@click.argument("terminal_id")
@office_options
def remove(store_id: str, terminal_id: str, database_url: str | None, data: Path | None, as_json: bool) -> None:
    """Remove a terminal, revoke its key and end its sessions, within two seconds on every server.

    \b
    Example:
      mostrador terminals remove 1 T7
    """
    gone = in_database(database_url, data, lambda db: delete_terminal(db, CALLER, ORIGIN, store_id, terminal_id))
    tell(as_json, gone.terminal, f"Terminal {terminal_id} of store {store_id} is removed.")
