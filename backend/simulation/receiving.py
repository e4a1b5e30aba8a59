"""The back door: suppliers bring what was ordered the evening before, or nearly."""

from backend.ids import new_id
from backend.model.commands import MAX_LINES, Command
from backend.model.purchases import ExpectedLine, ReceivedLine
from backend.model.verbs.purchase_end import PurchaseEnd
from backend.model.verbs.purchase_open import PurchaseOpen
from backend.model.verbs.purchase_receive import PurchaseReceive
from backend.model.verbs.receive import Receive

from .plan import Delivery, Fate
from .shelves import Place, Units
from .store import SUPERVISOR, Store, lines_of


class BackDoor:
    """Receives the deliveries of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._awaited: list[tuple[PurchaseOpen, tuple[Delivery, ...]]] = []

    async def open_with(self, units: Units) -> None:
        """Fills the shelves for the first time."""
        store, lines = self._store, lines_of(units)
        store.shelves.put(Place.SHELF, store.id, units)
        store.tally.received += sum(units.values())
        await store.do(
            [
                Receive(id=new_id(), store_id=store.id, lines=lines[start : start + MAX_LINES], document_id="opening")
                for start in range(0, len(lines), MAX_LINES)
            ]
        )

    async def order(self, deliveries: tuple[Delivery, ...]) -> None:
        """Orders what is to come on the next day."""
        store = self._store
        for start in range(0, len(deliveries), MAX_LINES):
            part = deliveries[start : start + MAX_LINES]
            lines = tuple([ExpectedLine(line.product_id, line.units, 100) for line in part])
            self._awaited.append(
                (PurchaseOpen(id=new_id(), store_id=store.id, supplier="Mayorista", lines=lines), part)
            )
            store.shelves.put(Place.COMING, store.id, {line.product_id: line.units for line in part})
        await store.do([purchase for purchase, _ in self._awaited], SUPERVISOR)

    async def receive(self) -> None:
        """Receives what was ordered. What has not come will not come any more."""
        commands: list[Command] = []
        for purchase, deliveries in self._awaited:
            told = [line for line in map(self._unload, deliveries) if line.good + line.damaged]
            came = {line.product_id: line.good + line.damaged for line in told}
            if told:
                receipt = PurchaseReceive(
                    id=new_id(), store_id=self._store.id, purchase_id=purchase.id, lines=tuple(told)
                )
                commands.append(receipt)
            if any(came.get(line.product_id, 0) < line.units for line in deliveries):
                commands.append(PurchaseEnd(id=new_id(), store_id=self._store.id, purchase_id=purchase.id))
        self._awaited.clear()
        await self._store.do(commands)

    def _unload(self, delivery: Delivery) -> ReceivedLine:
        """Puts one line where it belongs; returns what the receipt says of it."""
        store, product, fate = self._store, delivery.product_id, delivery.fate
        store.shelves.take(Place.COMING, store.id, {product: delivery.units})
        damaged = fate is Fate.DAMAGED
        came = delivery.units + (fate is Fate.OVER) - (fate is Fate.SHORT)
        store.shelves.put(Place.SHELF, store.id, {product: came - damaged})
        store.shelves.put(Place.BACKROOM, store.id, {product: int(damaged)})
        if fate is Fate.MISCOUNTED:
            store.shelves.vanish(store.id, {product: 1})
        elif fate is Fate.UNWRITTEN:
            store.shelves.appear(store.id, {product: 1})
        store.tally.received += came
        return ReceivedLine(product, good=came - damaged, damaged=int(damaged))
