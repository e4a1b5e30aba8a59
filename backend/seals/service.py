"""Sealing the days that are over, and finding the first that was changed since."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.auth.keys import key_id
from backend.database.engine import Database
from backend.database.errors import translated
from backend.database.partitions import CLOCK_STEP
from backend.database.reads import moment, reading
from backend.database.writes import writing
from backend.stores.queries import require_store

from .chain import Seal, first_changed, head_of, marks_of, signed
from .queries import (
    add_seal,
    archived_until,
    day_of,
    days_of,
    digests_of,
    last_seal,
    seals_of,
    start_of,
    store_ids,
)

SETTLES = timedelta(hours=1)
"""How long after midnight a day is still left open: a batch that was decided before it may be committed after it."""


class Break(Struct, frozen=True):
    """Where the chain of a store does not hold. `product_id` and `version` name the movement, if one is known."""

    store_id: str
    day: str
    what: str
    product_id: str = ""
    version: int = 0


class Chain(Struct, frozen=True):
    """What was looked at. The history is the sealed one when `breaks` is empty."""

    stores: int
    seals: int
    movements: int
    archived_days: int
    """Sealed days whose movements are in files now; `verify --archives` proves those."""
    sealed_until: str
    """The last day that every store with seals has sealed; empty if there are none."""
    breaks: tuple[Break, ...]
    """The first of each store: after it nothing is known."""


async def seal_days(db: Database, key: Ed25519PrivateKey) -> list[Seal]:
    """Seal every day of every store that is over and not sealed yet. Returns the new seals.

    Two who seal at once do not seal twice: the second waits for the store's row, and finds it sealed.
    """
    made: list[Seal] = []
    async with reading(db) as connection:
        stores = await store_ids(connection)
        before = start_of(day_of(await moment(connection) - SETTLES))
    for store_id in stores:
        async with writing(db) as connection:
            await require_store(connection, store_id, lock=True)
            made += await _seal_store(connection, key, store_id, before)
    return made


async def _seal_store(
    connection: AsyncConnection, key: Ed25519PrivateKey, store_id: str, before: datetime
) -> list[Seal]:
    last = await last_seal(connection, store_id)
    since = day_of(start_of(last.day) + timedelta(days=1)) if last else ""
    made: list[Seal] = []
    async for day in days_of(connection, store_id, since, before):
        previous = last.head if last else ""
        digests = await digests_of(connection, store_id, day)
        head = head_of(previous, digests)
        signature = key.sign(signed(store_id, day, len(digests), previous, head))
        name = key_id(key.public_key())
        last = Seal(store_id, day, len(digests), previous, head, marks_of(digests), name, signature)
        await add_seal(connection, last)
        made.append(last)
    return made


async def check_chain(db: Database, keys: Iterable[Ed25519PublicKey]) -> Chain:
    """Recompute every seal from the movements. Raises DatabaseAway and its like."""
    known = {key_id(key): key for key in keys}
    breaks: list[Break] = []
    seals = movements = archived = 0
    until: list[str] = []
    with translated(db.url):
        async with db.snapshot.connect() as connection:
            stores = await store_ids(connection)
            files_until = await archived_until(connection)
            for store_id in stores:
                found = await seals_of(connection, store_id)
                seals += len(found)
                movements += sum(seal.movements for seal in found)
                archived += sum(_archived(seal, files_until) for seal in found)
                if found:
                    until.append(found[-1].day)
                if (broken := await _first_break(connection, found, known, files_until)) is not None:
                    breaks.append(broken)
    return Chain(len(stores), seals, movements, archived, min(until, default=""), tuple(breaks))


def _archived(seal: Seal, files_until: datetime | None) -> bool:
    return files_until is not None and start_of(seal.day) < files_until + CLOCK_STEP


async def _first_break(
    connection: AsyncConnection,
    seals: list[Seal],
    keys: Mapping[str, Ed25519PublicKey],
    files_until: datetime | None,
) -> Break | None:
    previous = ""
    for seal in seals:
        if seal.previous != previous:
            return Break(seal.store_id, seal.day, "the seal does not follow the one before it; a seal is missing")
        if wrong := _signature(seal, keys):
            return Break(seal.store_id, seal.day, wrong)
        if not _archived(seal, files_until) and (broken := await _recomputed(connection, seal)) is not None:
            return broken
        previous = seal.head
    return await _unsealed(connection, seals, files_until)


def _signature(seal: Seal, keys: Mapping[str, Ed25519PublicKey]) -> str:
    key = keys.get(seal.key_id)
    if key is None:
        return (
            f"the seal is signed with the key {seal.key_id}, which is not among the server's; see SIGNING_KEYS_ACCEPTED"
        )
    try:
        key.verify(seal.signature, seal.signed)
    except InvalidSignature:
        return "the signature of the seal is wrong"
    return ""


async def _recomputed(connection: AsyncConnection, seal: Seal) -> Break | None:
    digests = await digests_of(connection, seal.store_id, seal.day)
    if head_of(seal.previous, digests) == seal.head:
        return None
    there = len(digests)
    counted = "" if there == seal.movements else f"; {seal.movements} movements were sealed, {there} are there"
    changed = first_changed(seal, digests)
    if changed is None:
        return Break(seal.store_id, seal.day, f"the last movements of the day are gone{counted}")
    what = f"this movement is not the one that was sealed{counted}"
    return Break(seal.store_id, seal.day, what, changed.product_id, changed.version)


async def _unsealed(connection: AsyncConnection, seals: list[Seal], files_until: datetime | None) -> Break | None:
    """Finds a movement on a day that had none when the days around it were sealed."""
    if not seals:
        return None
    store_id, known = seals[0].store_id, {seal.day for seal in seals}
    since = day_of(files_until + CLOCK_STEP) if files_until else ""
    async for day in days_of(connection, store_id, since, start_of(seals[-1].day)):
        if day not in known:
            digests = await digests_of(connection, store_id, day)
            what = "movements were added to a day that had none when it was sealed"
            return Break(store_id, day, what, digests[0].product_id, digests[0].version)
    return None
