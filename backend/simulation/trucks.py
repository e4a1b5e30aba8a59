"""Trucks between the stores: once a week each store sends goods to the next one, and some do not arrive."""

from collections import Counter
from collections.abc import Iterable
from random import Random
from uuid import UUID

from backend.ids import new_id
from backend.model.commands import Command
from backend.model.discrepancies import CaseOutcome
from backend.model.verbs.transfer import Transfer
from backend.model.verbs.transfer_open import TransferOpen
from backend.model.verbs.transfer_pack import TransferPack
from backend.model.verbs.transfer_receive import TransferReceiptLine, TransferReceive
from backend.model.verbs.transfer_settle import TransferSettle
from backend.model.verbs.transfer_ship import TransferShip

from .shelves import Place, Units
from .store import SUPERVISOR, Store, lines_of

LINES = 20
"""Products on a truck."""


class Trucks:
    """Everything that is on its way, and the cases of what did not arrive."""

    def __init__(self) -> None:
        self._on_the_road: list[tuple[Store, Store, UUID, Units]] = []
        self._cases: list[tuple[Store, Store, UUID, UUID, Units]] = []

    async def send(self, source: Store, to: Store, products: Iterable[str], luck: Random) -> None:
        """Packs and ships half of what lies on the shelf of some products."""
        free = source.shelves.free(source.id, products)
        units = {product: n // 2 for product, n in luck.sample(sorted(free.items()), min(LINES, len(free))) if n >= 2}
        if not units:
            return
        asked = TransferOpen(
            id=new_id(), store_id=source.id, from_store_id=source.id, to_store_id=to.id, lines=lines_of(units)
        )
        pack = TransferPack(id=new_id(), store_id=source.id, transfer_id=asked.id)
        ship = TransferShip(id=new_id(), store_id=source.id, transfer_id=asked.id)
        source.shelves.take(Place.SHELF, source.id, units)
        source.shelves.put(Place.COMING, to.id, units)
        self._on_the_road.append((source, to, asked.id, units))
        await source.do([asked, pack, ship])

    async def hand_over(self, source: Store, to: Store, products: Iterable[str], luck: Random) -> None:
        """Gives a unit of some products to the other store at once, by one command."""
        free = source.shelves.free(source.id, products)
        units = {product: 1 for product in luck.sample(sorted(free), min(3, len(free))) if free[product]}
        if units:
            source.shelves.take(Place.SHELF, source.id, units)
            source.shelves.put(Place.SHELF, to.id, units)
            source.tally.transferred += len(units)
            move = Transfer(id=new_id(), store_id=source.id, to_store_id=to.id, lines=lines_of(units))
            await source.do([move])

    async def arrive(self, luck: Random) -> None:
        """Unloads every truck. What is damaged goes to the back room; what is missing becomes a case."""
        for source, to, transfer, units in self._on_the_road:
            missing: Counter[str] = Counter()
            lines = []
            for product, n in units.items():
                fate = luck.random()
                lost, broken = int(fate < 0.1), int(0.1 <= fate < 0.15)
                missing[product] += lost
                to.shelves.take(Place.COMING, to.id, {product: n - lost})
                to.shelves.put(Place.SHELF, to.id, {product: n - lost - broken})
                to.shelves.put(Place.BACKROOM, to.id, {product: broken})
                to.tally.transferred += n - lost
                lines.append(TransferReceiptLine(product, good=n - lost - broken, damaged=broken, missing=lost))
            receipt = TransferReceive(id=new_id(), store_id=to.id, transfer_id=transfer, lines=tuple(lines))
            if +missing:
                self._cases.append((source, to, receipt.id, transfer, +missing))
                to.tally.discrepancies += 1
            await to.do([receipt])
        self._on_the_road.clear()

    async def find_out(self, luck: Random) -> None:
        """Settles every case: the units are found, have come back, or are lost."""
        for source, to, case, transfer, units in self._cases:
            outcome = luck.choice(list(CaseOutcome))
            to.shelves.take(Place.COMING, to.id, units)
            if outcome is CaseOutcome.FOUND:
                to.shelves.put(Place.SHELF, to.id, units)
            elif outcome is CaseOutcome.RETURNED:
                source.shelves.put(Place.SHELF, source.id, units)
            by = to if outcome is CaseOutcome.FOUND else source
            settle: Command = TransferSettle(
                id=new_id(),
                store_id=by.id,
                discrepancy_id=case,
                transfer_id=transfer,
                outcome=outcome,
                reason="somebody looked",
            )
            await by.do([settle], SUPERVISOR)
        self._cases.clear()
