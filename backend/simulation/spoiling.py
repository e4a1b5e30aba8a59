"""The back room: what spoils is kept from being sold, looked at, and thrown away or put on the shelf again."""

from collections.abc import Iterable
from random import Random

from backend.ids import new_id
from backend.model.commands import Command
from backend.model.reasons import ReasonCode
from backend.model.verbs.quarantine import Quarantine
from backend.model.verbs.release import Release
from backend.model.verbs.write_off import Source, WriteOff

from .shelves import Place
from .store import SUPERVISOR, Store, lines_of


async def tidy(store: Store, spoiled: Iterable[str], watched: Iterable[str], luck: Random) -> None:
    """Takes a unit of each `spoiled` product from the shelf, and decides what becomes of some in the back room."""
    commands: list[Command] = []
    for product in spoiled:
        unit = {product: 1}
        if not store.shelves.at(Place.SHELF, store.id, product):
            continue
        if luck.random() < 0.5:
            store.shelves.move(Place.SHELF, Place.BACKROOM, store.id, unit)
            commands.append(
                Quarantine(id=new_id(), store_id=store.id, lines=lines_of(unit), reason_code=ReasonCode.DAMAGE)
            )
        else:
            store.shelves.take(Place.SHELF, store.id, unit)
            commands.append(_thrown_away(store, product, 1, ReasonCode.EXPIRED, Source.AVAILABLE))
    for product in watched:
        units = store.shelves.at(Place.BACKROOM, store.id, product)
        if not units:
            continue
        if luck.random() < 0.2:
            store.shelves.move(Place.BACKROOM, Place.SHELF, store.id, {product: units})
            commands.append(Release(id=new_id(), store_id=store.id, lines=lines_of({product: units})))
        else:
            store.shelves.take(Place.BACKROOM, store.id, {product: units})
            commands.append(_thrown_away(store, product, units, ReasonCode.DAMAGE, Source.UNAVAILABLE))
    await store.do(commands, SUPERVISOR)


def _thrown_away(store: Store, product: str, units: int, code: ReasonCode, source: Source) -> WriteOff:
    store.tally.written_off += units
    return WriteOff(id=new_id(), store_id=store.id, lines=lines_of({product: units}), reason_code=code, source=source)
