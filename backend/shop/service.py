"""Founding a shop in an empty database: its stores, its first admin, its currency and its time zone, all or nothing."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from msgspec import Struct, ValidationError, convert

from backend.auth.pins import Pins
from backend.database.audit_trail import Origin, record
from backend.database.engine import Database
from backend.database.errors import named
from backend.database.writes import writing
from backend.model.commands import StoreId
from backend.model.errors import InvalidInput, MostradorError
from backend.people.service import admin_hash, put_admin
from backend.stores.queries import all_stores, found_store
from backend.stores.schemas import StoreName, StoreShape

from .queries import Shop, add_shop, find_shop, is_admin, lock_founding

CURRENCY, TIME_ZONE = "EUR", "UTC"
"""Of a shop about which nobody says more."""
# fmt: off
_OTHER_DECIMALS = frozenset({
    "BHD", "BIF", "CLF", "CLP", "DJF", "GNF", "IQD", "ISK", "JOD", "JPY", "KMF", "KRW", "KWD",
    "LYD", "OMR", "PYG", "RWF", "TND", "UGX", "UYI", "UYW", "VND", "VUV", "XAF", "XOF", "XPF",
})
# fmt: on
"""Currencies of ISO 4217 whose smallest unit is no hundredth; prices here have two decimals."""


_BY = Origin("system:cli")


class AnotherShop(MostradorError):
    """The database has a shop that is not the one that is to be founded."""

    code = "another_shop"


class Founding(Struct, frozen=True):
    """What a founder says. `currency` and `time_zone` are None where they say nothing, and `name` is then empty."""

    stores: tuple[StoreShape, ...]
    admin: str
    display_name: str = ""
    name: str = ""
    currency: str | None = None
    time_zone: str | None = None
    time_zone_here: str = TIME_ZONE
    """For a new shop whose founder names no time zone."""


class Founded(Struct, frozen=True):
    """A shop with its stores and its first admin; `created` tells whether it was founded now or before."""

    shop: Shop
    stores: tuple[StoreShape, ...]
    admin: str
    created: bool


async def found_shop(db: Database, pins: Pins, founding: Founding, secret: str) -> Founded:
    """Found the shop in an empty database. Done again with the same words it changes nothing, the secret included.

    What people have changed since does not count: more stores, another name of one. Raises InvalidInput, AnotherShop,
    DatabaseAway and its like.
    """
    check_founding(founding)
    pin_hash = await admin_hash(pins, founding.admin, founding.display_name, secret)
    async with writing(db) as connection:
        await lock_founding(connection)
        shop, stores = await find_shop(connection), dict(await all_stores(connection))
        created = shop is None and not stores
        if not created:
            _check_same(db, founding, shop, stores, admin=await is_admin(connection, founding.admin))
        if shop is None:
            currency, time_zone = founding.currency or CURRENCY, founding.time_zone or founding.time_zone_here
            shop = await add_shop(connection, founding.name or founding.stores[0].name, currency, time_zone)
            await record(connection, _BY, "shop.found", "shop", after=shop)
        if created:
            for store in founding.stores:
                await found_store(connection, store.id, store.name)
                await record(connection, _BY, "store.create", f"store:{store.id}", store_id=store.id, after=store)
            await put_admin(connection, founding.admin, founding.display_name, pin_hash)
    return Founded(shop, founding.stores, founding.admin, created)


def check_founding(founding: Founding) -> None:
    """Raises InvalidInput for stores, a name, a currency or a time zone that no shop may have."""
    if not founding.stores:
        raise InvalidInput("store", "A shop needs a store; name one, such as: --store 1=Centro")
    seen = set[str]()
    for store in founding.stores:
        _check("store", store.id, StoreId, "a store's id has at most 32 letters, digits, - and _")
        _check("store", store.name, StoreName, "a store's name has at most 200 characters and no line breaks")
        if store.id in seen:
            raise InvalidInput("store", f"The store {store.id} is named twice; give each an id of its own.")
        seen.add(store.id)
    if founding.name:
        _check("name", founding.name, StoreName, "a shop's name has at most 200 characters and no line breaks")
    if founding.currency is not None:
        _check_currency(founding.currency)
    if founding.time_zone is not None:
        _check_time_zone(founding.time_zone)


def _check(field: str, value: str, form: object, rule: str) -> None:
    try:
        convert(value, form)
    except ValidationError as error:
        raise InvalidInput(field, f"{value!r} will not do: {rule}.") from error


def _check_currency(currency: str) -> None:
    if len(currency) != 3 or not (currency.isascii() and currency.isalpha() and currency.isupper()):
        raise InvalidInput("currency", f"{currency!r} is no currency; give its three capital letters, such as EUR.")
    if currency in _OTHER_DECIMALS:
        raise InvalidInput("currency", f"Prices have two decimals here, and those of {currency} have not.")


def _check_time_zone(time_zone: str) -> None:
    try:
        ZoneInfo(time_zone)
    except (ValueError, OSError) as error:  # a name with .. in it, a directory of the database
        raise InvalidInput("time_zone", f"{time_zone!r} is no time zone; give one such as Europe/Madrid.") from error
    except KeyError as error:
        raise InvalidInput("time_zone", f"There is no time zone {time_zone!r}; give one such as UTC.") from error


def _check_same(db: Database, founding: Founding, shop: Shop | None, stores: dict[str, str], *, admin: bool) -> None:
    """Raises AnotherShop unless what is there may have grown out of this founding."""
    differs = list(_differences(founding, shop, stores, admin=admin))
    if differs:
        name = f" {shop.name!r}" if shop else ""
        raise AnotherShop(
            f"{named(db.url)} has the shop{name} already, and {differs[0]}; use an empty database for another shop."
        )


def _differences(founding: Founding, shop: Shop | None, stores: dict[str, str], *, admin: bool) -> Sequence[str]:
    missing = [store for store in founding.stores if store.id not in stores]
    found = [f"it has no store {missing[0].id}"] if missing else []
    if not admin:
        found.append(f"{founding.admin} is no admin of it")
    if shop is not None:
        said = {"currency": founding.currency, "time_zone": founding.time_zone, "name": founding.name or None}
        for field, value in said.items():
            if value is not None and value != (there := getattr(shop, field)):
                found.append(f"its {field.replace('_', ' ')} is {there}, not {value}")
    return found
