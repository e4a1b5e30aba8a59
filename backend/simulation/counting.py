"""Rolling counts: a section of the store is counted each day, while the terminal goes on selling."""

from datetime import datetime

from backend.ids import new_id
from backend.model.commands import MAX_LINES
from backend.model.counts import COUNT_LINE, How, LineBody, LineStatus
from backend.model.counts import Scope as What
from backend.model.verbs.count_open import CountOpen
from backend.model.verbs.count_post import CountPost
from backend.model.verbs.count_scan import CountScan

from .shelves import Place
from .store import CLERK, SUPERVISOR, Store


class Counting:
    """The counts of one store. They are blind: whoever counts sees the units, not the ledger's number."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open: list[CountOpen] = []

    async def begin(self, products: tuple[str, ...]) -> datetime | None:
        """Opens the counts of a section; returns the ledger's time of it, None if there is nothing to count."""
        self._open = [
            CountOpen(
                id=new_id(),
                store_id=self._store.id,
                scope=What.CYCLE,
                products=products[start : start + MAX_LINES],
            )
            for start in range(0, len(products), MAX_LINES)
        ]
        answers = await self._store.do(self._open, SUPERVISOR)
        return answers[0].at if answers else None

    async def scan(self) -> None:
        """Counts every product: the clerk what lies on the shelf, the supervisor what lies elsewhere in the store."""
        store = self._store
        on_shelf, elsewhere = [], []
        for count in self._open:
            for product in count.products:
                units = store.shelves.at(Place.SHELF, store.id, product)
                on_shelf.append(self._scanned(count, product, units))
                if more := store.shelves.in_store(store.id, product) - units:
                    elsewhere.append(self._scanned(count, product, more))
        await store.do(on_shelf)
        await store.do(elsewhere, SUPERVISOR)
        store.tally.counted_lines += len(on_shelf)

    async def post(self) -> None:
        """Posts the counts. What differs too much is counted a second time, and posted then."""
        store = self._store
        for answer in await store.do([self._posted(count, count.products) for count in self._open], SUPERVISOR):
            again = [
                document.read(LineBody)
                for document in answer.documents
                if document.kind == COUNT_LINE.name and document.status == LineStatus.RECOUNT
            ]
            if again:
                count = next(count for count in self._open if count.id == again[0].count_id)
                products = tuple([line.product_id for line in again])
                scans = [
                    self._scanned(count, product, store.shelves.in_store(store.id, product), How.RECOUNT)
                    for product in products
                ]
                await store.do(scans, CLERK)
                await store.do([self._posted(count, products)], SUPERVISOR)
                store.tally.recounted_lines += len(products)
        for count in self._open:
            for product in count.products:
                store.shelves.unpack(store.id, product)
        self._open = []

    def _scanned(self, count: CountOpen, product: str, units: int, how: How = How.ADD) -> CountScan:
        return CountScan(
            id=new_id(), store_id=self._store.id, count_id=count.id, product_id=product, units=units, how=how
        )

    def _posted(self, count: CountOpen, products: tuple[str, ...]) -> CountPost:
        return CountPost(
            id=new_id(),
            store_id=self._store.id,
            count_id=count.id,
            products=products,
            finish=True,
            approved_by=SUPERVISOR,
        )
