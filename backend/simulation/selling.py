"""Customers: they buy, hold, order, pick up and bring back."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from random import Random

from msgspec import UNSET, UnsetType

from backend.ids import new_id
from backend.model.commands import MAX_TTL_SECONDS, Command, SaleLine
from backend.model.money import total_of
from backend.model.posting import summed
from backend.model.returns import Condition, ReturnLine
from backend.model.tenders import Tender, TenderKind
from backend.model.verbs.cancel import Cancel
from backend.model.verbs.confirm import Confirm
from backend.model.verbs.order_cancel import OrderCancel
from backend.model.verbs.order_fulfil import OrderFulfil
from backend.model.verbs.order_open import OrderOpen
from backend.model.verbs.reserve import Reserve
from backend.model.verbs.return_goods import GoodsLine, ReturnGoods
from backend.model.verbs.return_sale import ReturnSale
from backend.model.verbs.sell import Sell
from backend.replay.counter import within

from .plan import Customer, Way
from .shelves import Place
from .store import SUPERVISOR, Store, lines_of


class Terminal:
    """The terminal of a store. What waits for the next day, and sales that the ledger has not heard of, wait here."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tomorrow: list[tuple[Customer, Reserve | OrderOpen]] = []
        self._bought: list[Sell] = []
        """Sales of which a unit comes back on the next day."""
        self._unheard: list[tuple[SaleLine, ...]] = []

    async def serve(self, customers: Iterable[Customer]) -> None:
        """Serves customers one after the other. Each takes what there is of a basket."""
        commands: list[Command] = []
        for customer in customers:
            products = {line.product_id for line in customer.lines}
            lines = within(customer.lines, self._store.shelves.free(self._store.id, products))
            if lines:
                commands += self._served(customer, lines)
        await self._store.do(commands)

    def _served(self, customer: Customer, lines: tuple[SaleLine, ...]) -> list[Command]:
        store, units = self._store, summed(lines)
        if customer.way is Way.BUYS:
            store.shelves.take(Place.SHELF, store.id, units)
            return [self._sale(customer, lines)]
        if customer.way is Way.UNHEARD:
            store.shelves.take(Place.SHELF, store.id, units)
            self._unheard.append(lines)
            return []
        if customer.way is Way.ORDERS:
            store.shelves.move(Place.SHELF, Place.PACKED, store.id, units)
            order = OrderOpen(id=new_id(), store_id=store.id, lines=lines_of(units), customer_id="a neighbour")
            self._tomorrow.append((customer, order))
            return [order]
        hold = Reserve(id=new_id(), store_id=store.id, lines=lines_of(units), ttl_seconds=MAX_TTL_SECONDS)
        store.tally.held += sum(units.values())
        if customer.way is Way.HOLDS:
            store.shelves.take(Place.SHELF, store.id, units)
            return [hold, self._sale(customer, lines, hold)]
        if customer.way is Way.LEAVES:
            return [hold, Cancel(id=new_id(), store_id=store.id, reservation_id=hold.id)]
        store.shelves.move(Place.SHELF, Place.ASIDE, store.id, units)
        self._tomorrow.append((customer, hold))
        return [hold]

    def _sale(
        self,
        customer: Customer | None,
        lines: Sequence[SaleLine],
        hold: Reserve | None = None,
        made_at: datetime | UnsetType = UNSET,
    ) -> Sell:
        total = total_of(lines)
        kind = TenderKind.CASH if total < 2_000 else TenderKind.CARD
        sale = Sell(
            id=new_id(),
            store_id=self._store.id,
            lines=tuple(lines),
            holds=(hold.id,) if hold else (),
            tenders=(Tender(kind, total),) if total else UNSET,
            made_at=made_at,
        )
        self._store.tally.sold += sum(line.quantity for line in lines)
        if customer and customer.changes_mind:
            self._bought.append(sale)
        return sale

    async def tell(self, made_at: datetime | None) -> None:
        """Tells the ledger of the sales that it has not heard of, and when they were made, if that matters."""
        sales = [self._sale(None, lines, made_at=made_at or UNSET) for lines in self._unheard]
        self._unheard.clear()
        await self._store.do(sales)

    async def finish_yesterday(self, luck: Random) -> None:
        """Hands over what was held and ordered on the day before, and takes back what customers do not want."""
        store, commands = self._store, list[Command]()
        for customer, waiting in self._tomorrow:
            units = summed(waiting.lines)
            if isinstance(waiting, Reserve):
                store.shelves.take(Place.ASIDE, store.id, units)
                commands.append(Confirm(id=new_id(), store_id=store.id, reservation_id=waiting.id))
                store.tally.sold += sum(units.values())
            elif customer.changes_mind:
                store.shelves.move(Place.PACKED, Place.SHELF, store.id, units)
                commands.append(OrderCancel(id=new_id(), store_id=store.id, order_id=waiting.id))
            else:
                store.shelves.take(Place.PACKED, store.id, units)
                commands.append(OrderFulfil(id=new_id(), store_id=store.id, order_id=waiting.id))
                store.tally.sold += sum(units.values())
        commands += [self._return(sale, luck) for sale in self._bought]
        self._tomorrow.clear()
        self._bought.clear()
        await store.do(commands, SUPERVISOR)

    def _return(self, sale: Sell, luck: Random) -> ReturnSale | ReturnGoods:
        """Returns how one unit of a sale comes back: with its receipt or, now and then, without."""
        store, number = self._store, luck.randrange(len(sale.lines))
        line, condition = sale.lines[number], luck.choice(list(Condition))
        place = Place.SHELF if condition is Condition.SHELF else Place.BACKROOM
        store.shelves.put(place, store.id, {line.product_id: 1})
        store.tally.returned += 1
        if luck.random() < 0.2:
            goods = GoodsLine(line.product_id, 1, line.price_cents, condition, line.price_per)

            return ReturnGoods(
                id=new_id(),
                store_id=store.id,
                lines=(goods,),
                approved_by=SUPERVISOR,
                reason="no receipt",
                refund_by=TenderKind.VOUCHER,
            )
        back = (ReturnLine(number + 1, 1, condition),)
        return ReturnSale(
            id=new_id(), store_id=store.id, sale_id=sale.id, lines=back, refund_by=TenderKind.CASH, reason="unwanted"
        )
