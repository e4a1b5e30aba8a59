"""A shop under load in real processes, and what must be true of it whatever was done to them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, insert, select

from backend.auth.keys import load_signing_key
from backend.auth.tokens import Tokens
from backend.database import tables
from backend.database.engine import Database
from backend.model.events import Message
from backend.model.verbs.confirm import Confirm
from backend.model.verbs.sell import Sell
from backend.proof.books import prove
from tests.events.messages import history, holds
from tests.eventually import eventually
from tests.servers import NatsServer

from .processes import ServerProcess
from .terminals import OPENING, PRODUCTS, STORES, Terminal

TILLS = 6


class Scene:
    """Servers on one database and one NATS, with terminals that sell through them."""

    def __init__(
        self, database: Database, nats: NatsServer, directory: Path, servers: int, settings: Mapping[str, str]
    ) -> None:
        self.servers = [ServerProcess(directory, database.url, nats.url, **settings) for _ in range(servers)]
        self.nats = nats
        self.database = database
        tokens = Tokens(load_signing_key(directory / "signing-key.pem"))
        token, _ = tokens.issue(
            user="luis", role="supervisor", stores=STORES, store_id=STORES[0], terminal_id="T1", session_id="s1"
        )
        self.auth = {"Authorization": f"Bearer {token}"}
        """The header of a supervisor of all stores."""
        urls = [server.url for server in self.servers]
        self.terminals = [
            Terminal(number, urls[number % servers :] + urls[: number % servers], token, STORES[number % len(STORES)])
            for number in range(TILLS)
        ]

    @property
    def answered(self) -> int:
        """Commands that have their answer."""
        return sum(len(terminal.answers) for terminal in self.terminals)

    async def more(self, number: int) -> None:
        """Return when so many more commands have been answered."""
        enough = self.answered + number
        await eventually(lambda: self.answered >= enough, 60)

    async def check(self) -> None:
        """Nothing acknowledged is lost, nothing happened twice, the numbers prove themselves, and NATS knows it all."""
        await eventually(lambda: short_holds_ended(self.database))
        for terminal in self.terminals:
            assert terminal.answers.keys() == terminal.sent.keys()
            assert await terminal.ask_again() == [terminal.answers[command_id] for command_id in terminal.sent]
        assert await on_hand(self.database) == expected_on_hand(self.terminals)
        proof = await prove(self.database)
        assert proof.drifts == ()
        assert await commands_recorded(self.database) == sum(len(terminal.sent) for terminal in self.terminals)
        await eventually(lambda: holds(self.database, 0))
        for server in self.servers:
            assert await server.stop() == 0
        assert picture_of(message for _, _, message in await history(self.nats.url)) == await picture_in(self.database)


@asynccontextmanager
async def selling(
    database: Database, nats: NatsServer, directory: Path, servers: int = 1, **settings: str
) -> AsyncIterator[Scene]:
    """Tills sell during the block. At its end they have all their answers, and everything is checked.

    `settings` are more environment variables of the servers.
    """
    await furnish(database)
    scene = Scene(database, nats, directory, servers, settings)
    try:
        await asyncio.gather(*(server.start() for server in scene.servers))
        await asyncio.gather(*(terminal.receive() for terminal in scene.terminals[: len(STORES)]))
        closing = asyncio.Event()
        async with asyncio.TaskGroup() as terminals:
            for terminal in scene.terminals:
                terminals.create_task(terminal.sell_until(closing))
            await scene.more(500)
            yield scene
            await scene.more(500)
            closing.set()
        await scene.check()
    finally:
        for server in scene.servers:
            await server.kill()


async def furnish(database: Database) -> None:
    now = datetime.now(UTC)
    products = [
        {"id": p, "sku": p, "name": p, "price_cents": 100, "search_text": p, "created_at": now, "updated_at": now}
        for p in PRODUCTS
    ]
    async with database.writer.begin() as connection:
        await connection.execute(insert(tables.stores), [{"id": s, "name": s, "created_at": now} for s in STORES])
        await connection.execute(insert(tables.products), products)


async def short_holds_ended(database: Database) -> bool:
    """Whether only holds of minutes are left: nothing changes by itself any more."""
    hold = tables.reservations.c
    query = select(func.count()).where(
        hold.status == "PENDING", hold.expires_at < datetime.now(UTC) + timedelta(minutes=1)
    )
    async with database.engine.connect() as connection:
        return (await connection.execute(query)).scalar_one() == 0


def expected_on_hand(terminals: Sequence[Terminal]) -> Counter[tuple[str, str]]:
    """What the terminals know from their answers alone."""
    units = Counter({(store, product): OPENING for store in STORES for product in PRODUCTS})
    for terminal in terminals:
        for command_id, command in terminal.sent.items():
            answer = terminal.answers[command_id]
            if not answer.accepted:
                continue
            if isinstance(command, Sell):
                for line in command.lines:
                    units[command.store_id, line.product_id] -= line.quantity
            elif isinstance(command, Confirm) and answer.reservation:
                for held in answer.reservation.lines:
                    units[command.store_id, held.product_id] -= held.confirmed
    return units


async def on_hand(database: Database) -> Counter[tuple[str, str]]:
    stock = tables.stock.c
    async with database.engine.connect() as connection:
        rows = await connection.execute(select(stock.store_id, stock.product_id, stock.on_hand))
        return Counter({(store, product): units for store, product, units in rows})


async def commands_recorded(database: Database) -> int:
    """Of clients: the expiry loop's are not counted."""
    query = select(func.count()).select_from(tables.commands).where(tables.commands.c.kind != "expire")
    async with database.engine.connect() as connection:
        return (await connection.execute(query)).scalar_one()


Picture = dict[tuple[str, ...], tuple[object, ...]]
"""(store, product) → counters and version; (hold,) → status and version; (store, sale) → total."""


def picture_of(messages: Iterable[Message]) -> Picture:
    """What a subscriber knows who applies only what is newer than what it has."""
    picture: Picture = {}
    versions: dict[tuple[str, ...], int] = {}

    def apply(key: tuple[str, ...], version: int, state: tuple[object, ...]) -> None:
        if version > versions.get(key, 0):
            versions[key] = version
            picture[key] = state

    for message in messages:
        for row in message.stock:
            apply((row.store_id, row.product_id), row.version, (row.version, row.on_hand, row.reserved))
        for hold in message.reservations:
            apply((str(hold.id),), hold.version, (hold.version, hold.status))
        for sale in message.sales:
            apply((sale.store_id, str(sale.id)), 1, (sale.total_cents,))
    return picture


async def picture_in(database: Database) -> Picture:
    stock, hold, sale = tables.stock.c, tables.reservations.c, tables.sales.c
    async with database.engine.connect() as connection:
        rows = await connection.execute(
            select(stock.store_id, stock.product_id, stock.version, stock.on_hand, stock.reserved)
        )
        picture: Picture = {(row.store_id, row.product_id): tuple(row[2:]) for row in rows}
        for row in await connection.execute(select(hold.id, hold.version, hold.status)):
            picture[(str(row.id),)] = tuple(row[1:])
        for row in await connection.execute(select(sale.store_id, sale.id, sale.total_cents)):
            picture[row.store_id, str(row.id)] = (row.total_cents,)
    return picture
