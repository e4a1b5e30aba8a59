"""`mostrador stores`: the stores of the shop, listed, founded and renamed."""

from pathlib import Path

import click

from backend.database.engine import Database
from backend.database.reads import reading
from backend.model.commands import StoreId
from backend.model.errors import InvalidInput, UnknownStore
from backend.stores.queries import all_stores, store_name
from backend.stores.routes import StoreBody
from backend.stores.schemas import StoreShape
from backend.stores.service import name_store

from .office import CALLER, ORIGIN, body_of, in_database, office_options, show, tell


class _Store(StoreBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    id: StoreId


@click.group()
def stores() -> None:
    """The stores of the shop.

    \b
    Examples:
      mostrador stores list
      mostrador stores add 3 Puerto
      mostrador stores change 3 "Puerto Viejo"
    """


@stores.command(name="list")
@office_options
def list_(database_url: str | None, data: Path | None, as_json: bool) -> None:
    """List the stores.

    \b
    Example:
      mostrador stores list --json
    """

    async def use(db: Database) -> list[StoreShape]:
        async with reading(db) as connection:
            return [StoreShape(*store) for store in await all_stores(connection)]

    show(as_json, in_database(database_url, data, use), ("id", "name"), "There is no store yet; see: mostrador init")


@stores.command()
@click.argument("store_id")
@click.argument("name")
@office_options
def add(store_id: str, name: str, database_url: str | None, data: Path | None, as_json: bool) -> None:
    """Found the store STORE_ID, which people call NAME. There is no way to take it away again.

    \b
    Example:
      mostrador stores add 3 Puerto
    """
    store = _checked(store_id, name)

    async def use(db: Database) -> None:
        async with reading(db) as connection:
            there = await store_name(connection, store_id)
        if there not in (None, name):
            change = f"mostrador stores change {store_id} NAME"
            raise InvalidInput("store_id", f"There is a store {store_id} already, {there}; rename it with: {change}")
        await name_store(db, CALLER, ORIGIN, store)

    in_database(database_url, data, use)
    tell(as_json, store, f"There is a store {store_id}, {name}.")


@stores.command()
@click.argument("store_id")
@click.argument("name")
@office_options
def change(store_id: str, name: str, database_url: str | None, data: Path | None, as_json: bool) -> None:
    """Give the store STORE_ID another NAME.

    \b
    Example:
      mostrador stores change 3 "Puerto Viejo"
    """
    store = _checked(store_id, name)

    async def use(db: Database) -> None:
        async with reading(db) as connection:
            if await store_name(connection, store_id) is None:
                raise UnknownStore(store_id)
        await name_store(db, CALLER, ORIGIN, store)

    in_database(database_url, data, use)
    tell(as_json, store, f"Store {store_id} is called {name} now.")


def _checked(store_id: str, name: str) -> StoreShape:
    body = body_of(_Store, id=store_id, name=name)
    return StoreShape(body.id, body.name)
