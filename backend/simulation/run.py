"""The month: all stores work at once, day after day, straight through the ledger. Days are rounds, without a clock."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from datetime import timedelta
from random import Random
from time import monotonic

from msgspec import Struct
from sqlalchemy import select

from backend.database.engine import Database, migrate, open_database
from backend.database.tables import stores as stores_table
from backend.demo.shop import AnotherShop, add_catalogue
from backend.demo.source import BASKETS, products
from backend.ledger.lanes import open_ledger
from backend.proof.books import Proof, prove
from backend.replay.baskets import read_baskets

from .counting import Counting
from .plan import Plan, StoreDay, make_plan
from .receiving import BackDoor
from .report import Unlike, corrected, missing, surplus, unlike_injected, unlike_shelves
from .selling import Terminal
from .shelves import Shelves
from .spoiling import tidy
from .store import Store, Tally
from .trucks import Trucks

STEPS = ("catalogue", "opening", "days", "proof")
OUTAGE = timedelta(minutes=1)
"""How long before its count was opened a sale was made that the ledger hears of after the scan."""
WEEK = 7
TRUCKS_LEAVE, SMALL_TRUCKS, CASES_SETTLED = 0, 3, 5
"""Days of the week."""

Watcher = Callable[[str, int, int], None]
"""Called with one of STEPS, how much of it is done, and how much there is."""


class Month(Struct, frozen=True):
    """What came of a month. It is flawless when nothing is unlike what it should be."""

    seed: int
    days: int
    stores: int
    products: int
    """Products of all stores, counted once in each."""
    seconds: float
    commands_per_second: float
    done: Tally
    units_vanished: int
    """Stolen, or never come though the receipt says so; the ledger was not told."""
    units_found_missing: int
    """By counts."""
    units_appeared: int
    units_found_surplus: int
    unlike: tuple[Unlike, ...]
    proof: Proof

    @property
    def flawless(self) -> bool:
        """Whether the proof holds, every shelf has what the ledger says, and counts found exactly what was injected."""
        return not self.unlike and not self.proof.drifts


class _Branch:
    """A store with everybody who works in it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.terminal = Terminal(store)
        self.door = BackDoor(store)
        self.counting = Counting(store)

    async def work(self, today: StoreDay, tomorrow: StoreDay | None) -> None:
        """Does a day's work. Selling goes on between the scan of a shelf and the posting of its count."""
        luck, half = Random(today.luck), len(today.customers) // 2
        store = self.store
        store.shelves.vanish(store.id, today.stolen)
        await self.door.receive()
        await self.terminal.finish_yesterday(luck)
        opened_at = await self.counting.begin(today.counted)
        await self.terminal.serve(today.customers[:half])
        await self.counting.scan()
        await self.terminal.tell(opened_at and opened_at - OUTAGE)
        await self.terminal.serve(today.customers[half:])
        await self.terminal.tell(None)
        await self.counting.post()
        watched = [line.product_id for line in today.deliveries] + [*today.counted]
        await tidy(store, today.spoiled, dict.fromkeys(watched), luck)
        if tomorrow is not None:
            await self.door.order(tomorrow.deliveries)


async def simulate(url: str, days: int, stores: int, seed: int, watch: Watcher) -> Month:
    """Simulates the month in an empty database, and proves it.

    Raises AnotherShop for a database that has a shop, and LedgerDisagrees when the ledger refuses what is possible.
    """
    plan = make_plan(read_baskets(BASKETS).baskets, days, stores, seed)
    await migrate(url)
    db = open_database(url)
    try:
        await _found(db, plan, watch)
        shelves, tally = Shelves(), Tally()
        started = monotonic()
        await _live(db, plan, shelves, tally, watch)
        return await _concluded(db, plan, shelves, tally, monotonic() - started, watch)
    finally:
        await db.close()


async def _found(db: Database, plan: Plan, watch: Watcher) -> None:
    async with db.engine.connect() as connection:
        if (await connection.execute(select(stores_table.c.id).limit(1))).first():
            raise AnotherShop("This database has a shop; name an empty one, or none, to simulate a month.")
    known = {product for units in plan.opening.values() for product in units}
    chain = sorted({basket.store_id for basket in read_baskets(BASKETS).baskets}, key=int)
    await add_catalogue(db, [product for product in products() if product.id in known], chain, watch)


async def _live(db: Database, plan: Plan, shelves: Shelves, tally: Tally, watch: Watcher) -> None:
    ledger = open_ledger(db, lambda _messages: None)
    await ledger.start()
    try:
        stores = {name: Store(name, ledger, shelves, tally) for name in plan.stores}
        branches = {name: _Branch(store) for name, store in stores.items()}
        await _all(branch.door.open_with(plan.opening[name]) for name, branch in branches.items())
        watch("opening", 1, 1)
        trucks = Trucks()
        for number, today in enumerate(plan.days):
            watch("days", number, len(plan.days))
            tomorrow = plan.days[number + 1] if number + 1 < len(plan.days) else {}
            await _all(branch.work(today[name], tomorrow.get(name)) for name, branch in branches.items())
            await _drive(trucks, stores, plan, number)
        watch("days", len(plan.days), len(plan.days))
    finally:
        await ledger.close()


async def _all(work: Iterable[Coroutine[object, object, None]]) -> None:
    """Lets all stores work at once. The first that fails ends it."""
    try:
        async with asyncio.TaskGroup() as stores:
            for one in work:
                stores.create_task(one)
    except ExceptionGroup as group:
        raise group.exceptions[0] from group


async def _drive(trucks: Trucks, stores: dict[str, Store], plan: Plan, number: int) -> None:
    """Does what belongs to two stores, one after the other: the trucks of yesterday, of today, and the open cases."""
    luck = Random(f"{plan.seed}/{number}/trucks")
    await trucks.arrive(luck)
    if number % WEEK == CASES_SETTLED:
        await trucks.find_out(luck)
    if number % WEEK not in (TRUCKS_LEAVE, SMALL_TRUCKS) or len(stores) == 1:
        return
    names = list(stores)
    for name, to in zip(names, names[1:] + names[:1], strict=True):
        go = trucks.send if number % WEEK == TRUCKS_LEAVE else trucks.hand_over
        await go(stores[name], stores[to], plan.opening[name], luck)


async def _concluded(db: Database, plan: Plan, shelves: Shelves, tally: Tally, seconds: float, watch: Watcher) -> Month:
    watch("proof", 0, 1)
    proof = await prove(db)
    found, injected = await corrected(db, plan.stores), {key: n for key, n in shelves.untold.items() if n}
    unlike = await unlike_shelves(db, shelves) + unlike_injected(found, injected)
    watch("proof", 1, 1)
    return Month(
        seed=plan.seed,
        days=len(plan.days),
        stores=len(plan.opening),
        products=sum(map(len, plan.opening.values())),
        seconds=round(seconds, 1),
        commands_per_second=round(tally.commands / seconds, 1),
        done=tally,
        units_vanished=missing(injected.values()),
        units_found_missing=missing(found.values()),
        units_appeared=surplus(injected.values()),
        units_found_surplus=surplus(found.values()),
        unlike=tuple(unlike),
        proof=proof,
    )
