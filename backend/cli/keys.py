"""`mostrador keys`: the API keys of other programs, made, listed and revoked."""

from pathlib import Path

import click

from backend.auth.roles import EVERY_STORE
from backend.database.engine import Database
from backend.keys.management import NewKeyBody, make_key, revoke_key
from backend.keys.queries import StoredKey, keys_after
from backend.model.scopes import Scope

from .office import CALLER, ORIGIN, body_of, everything, in_database, office_options, show, tell

_COLUMNS = ("id", "name", "scopes", "stores", "terminal_id", "created_by", "expires_at", "last_used_at")


@click.group()
def keys() -> None:
    """The API keys of other programs, and of enrolled terminals.

    \b
    Examples:
      mostrador keys list
      mostrador keys add ERP --scope stock:read --scope catalogue:read --store 1
      mostrador keys remove 8f2k1c0q9x7m
    """


@keys.command(name="list")
@office_options
def list_(database_url: str | None, data: Path | None, as_json: bool) -> None:
    """List the keys, without their secrets.

    \b
    Example:
      mostrador keys list --json
    """

    async def use(db: Database) -> list[StoredKey]:
        return await everything(
            db, lambda connection, last, limit: keys_after(connection, last.id if last else "", None, limit)
        )

    show(as_json, in_database(database_url, data, use), _COLUMNS, "There is no key.")


@keys.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice([scope.value for scope in Scope]),
    help="A right; once for each.",
)
@click.option("--store", "stores", multiple=True, metavar="ID", help="A store to act in; once for each. Default: all.")
@click.option("--valid-days", type=int, metavar="DAYS", help="How long it is valid; default: until it is revoked.")
@office_options
def add(
    name: str,
    scopes: tuple[str, ...],
    stores: tuple[str, ...],
    valid_days: int | None,
    database_url: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Make a key for the program NAME, and print it: it cannot be shown again.

    \b
    Example:
      mostrador keys add ERP --scope stock:read --store 1 --valid-days 365
    """
    body = body_of(NewKeyBody, name=name, scopes=scopes, stores=stores or (EVERY_STORE,), valid_days=valid_days)
    made = in_database(database_url, data, lambda db: make_key(db, CALLER, ORIGIN, body, None))
    tell(as_json, made, f"{name} sends this as X-API-Key; it cannot be shown again: {made.key}")


@keys.command()
@click.argument("key_id")
@office_options
def remove(key_id: str, database_url: str | None, data: Path | None, as_json: bool) -> None:
    """Revoke the key KEY_ID, within two seconds on every server.

    \b
    Example:
      mostrador keys remove 8f2k1c0q9x7m
    """
    in_database(database_url, data, lambda db: revoke_key(db, CALLER, ORIGIN, key_id))
    tell(as_json, {"revoked": key_id}, f"The key {key_id} is revoked.")
