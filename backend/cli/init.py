"""`mostrador init`: found a shop of one's own in an empty database, and say what to do next."""

import asyncio
import json
import os
from pathlib import Path
from typing import TextIO
from zoneinfo import ZoneInfo

import click
from msgspec import to_builtins

from backend.auth.pins import Pins, check_secret
from backend.database.engine import migrate, open_database, parse_url
from backend.database.errors import named
from backend.embedded.building import building
from backend.embedded.choice import OWN, remember
from backend.embedded.files import shop_files
from backend.shop.service import TIME_ZONE, Founded, Founding, check_founding, found_shop
from backend.stores.schemas import StoreShape

from .options import database_options, database_url_of
from .secret import secret_of, secret_option


@click.command()
@click.option(
    "--store",
    "stores",
    multiple=True,
    metavar="ID=NAME",
    required=True,
    help="A store and what people call it; once for each store.",
)
@click.option("--admin", metavar="NAME", required=True, help="Who signs in as the first admin.")
@click.option("--display-name", default="", help="The admin's name as others see it; default: NAME.")
@secret_option
@click.option("--name", default="", help="The shop's name; default: that of its first store.")
@click.option("--currency", help="Three letters of ISO 4217; default: EUR.")
@click.option("--time-zone", metavar="ZONE", help="Such as Europe/Madrid; default: this machine's.")
@database_options
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def init(
    stores: tuple[str, ...],
    admin: str,
    display_name: str,
    secret_file: TextIO | None,
    name: str,
    currency: str | None,
    time_zone: str | None,
    database_url: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Found a shop in an empty database: its tables, its stores and its first admin.

    All of it happens or none. Run again with the same words it changes nothing, and it never touches a database that
    has another shop. The admin's secret has at least 8 characters.

    \b
    Examples:
      mostrador init --store 1=Centro --store 2=Norte --admin eva
      mostrador init --store 1=Centro --admin eva --secret-file eva.secret --currency EUR --time-zone Europe/Madrid
    """
    founding = Founding(
        tuple(map(_store, stores)), admin, display_name, name, currency, time_zone, time_zone_here=time_zone_here()
    )
    check_founding(founding)
    secret = secret_of(secret_file, f"Secret of {admin}, at least 8 characters")
    check_secret(admin, "admin", secret)
    url, own = database_url_of(database_url, data), shop_files(data)
    done = found_in(url, founding, secret)
    is_own = parse_url(url) == parse_url(own.database_url)
    if is_own and done.created:
        remember(own, OWN)
    if as_json:
        click.echo(json.dumps({"database": named(url), **to_builtins(done)}))
    else:
        click.echo(_sentence(url, done))
        click.echo(_next_steps(f" --data {data}" if data else "", is_own=is_own))


def found_in(url: str, founding: Founding, secret: str) -> Founded:
    """Found the shop in the database `url`, which may be absent or without tables.

    A SQLite file that is absent appears only when the shop is in it. Raises what `migrate` and `found_shop` raise.
    """
    parsed = parse_url(url)
    whole = Path(parsed.database or "")
    if parsed.get_backend_name() != "sqlite" or whole.exists():
        return asyncio.run(_fill(url, founding, secret))
    with building(whole) as half:
        return asyncio.run(_fill(f"sqlite:///{half}", founding, secret))


async def _fill(url: str, founding: Founding, secret: str) -> Founded:
    await migrate(url)
    db = open_database(url)
    try:
        return await found_shop(db, Pins(), founding, secret)
    finally:
        await db.close()


def _store(text: str) -> StoreShape:
    store_id, _, name = text.partition("=")
    return StoreShape(store_id.strip(), name.strip() or store_id.strip())


def time_zone_here() -> str:
    """Returns the name of this machine's time zone: by TZ, or by what /etc/localtime links to; else UTC."""
    linked = str(Path("/etc/localtime").resolve()).partition("/zoneinfo/")[2]
    for name in (os.environ.get("TZ", ""), linked):
        try:
            return ZoneInfo(name).key
        except (ValueError, OSError, KeyError):
            continue
    return TIME_ZONE


def _sentence(url: str, done: Founded) -> str:
    stores = ", ".join(f"{store.id} {store.name}" for store in done.stores)
    about = f"stores {stores}; currency {done.shop.currency}, time zone {done.shop.time_zone}; admin {done.admin}"
    if not done.created:
        return f"{named(url)} has this shop already ({about}); nothing was changed."
    return f"{named(url)} has the shop {done.shop.name} now: {about}."


def _next_steps(data: str, *, is_own: bool) -> str:
    steps = [
        (f"mostrador import products FILE.csv{data}", "the catalogue; --help tells the columns"),
        (f"mostrador import stock FILE.csv{data}", "what lies on the shelves"),
        (f"mostrador users add ana --role clerk --store ID{data}", "whoever is to sell"),
        (f"mostrador{data}", "open the counter") if is_own else ("mostrador serve", "then: mostrador --server URL"),
    ]
    width = max(len(command) for command, _ in steps)
    return "\n".join(["Next:", *(f"  {command:<{width}}   {what}" for command, what in steps)])
