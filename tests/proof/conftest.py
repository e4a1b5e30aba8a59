"""A small shop with a history that the real ledger wrote, on both databases."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import insert

from backend.database.engine import Database
from backend.database.tables import products, stores, users
from backend.ids import new_id
from backend.ledger.lanes import open_ledger
from backend.model.books import Request
from backend.model.commands import Adjust, Cancel, Command, Confirm, Line, Receive, Reserve, SaleLine, Sell
from backend.model.stock import Who

ANA = Who("ana", "T1")
LUIS = Who("luis", "T2")


class Shop:
    """Store 292 with bread and milk; `hold` is still open, for three of bread."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.hold = new_id()
        self.sale = new_id()

    def history(self) -> Sequence[tuple[Command, Who]]:
        """Received 100 + 40, sold 4 + 1 of a hold, confirmed 2, cancelled 5, holds 3, corrected by -6."""
        confirmed, cancelled, sold = new_id(), new_id(), new_id()
        lines = (Line(product_id="bread", quantity=100), Line(product_id="milk", quantity=40))
        return [
            (Receive(id=new_id(), store_id="292", lines=lines, document_id="D-1"), LUIS),
            (_reserve(sold, 1), ANA),
            (
                Sell(
                    id=self.sale,
                    store_id="292",
                    lines=(SaleLine("bread", 4, 150), SaleLine("bread", 1, 100), SaleLine("milk", 2, 99)),
                    holds=(sold,),
                    receipt_number="T1-1",
                ),
                ANA,
            ),
            (_reserve(confirmed, 2), ANA),
            (Confirm(id=new_id(), store_id="292", reservation_id=confirmed), ANA),
            (_reserve(cancelled, 5), ANA),
            (Cancel(id=new_id(), store_id="292", reservation_id=cancelled), ANA),
            (_reserve(self.hold, 3, 4), ANA),
            (Adjust(id=new_id(), store_id="292", product_id="milk", adjustment=-6, reason="broken bottles"), LUIS),
        ]


def _reserve(hold_id: UUID, bread: int, milk: int = 0) -> Reserve:
    lines = (Line("bread", bread), *([Line("milk", milk)] if milk else []))
    return Reserve(id=hold_id, store_id="292", lines=lines, ttl_seconds=900)


@pytest.fixture
async def shop(database: Database) -> Shop:
    """The shop after its history."""
    now = datetime.now(UTC)
    product = {"price_cents": 150, "created_at": now, "updated_at": now}
    async with database.writer.begin() as connection:
        await connection.execute(insert(stores).values(id="292", name="Centro", created_at=now))
        rows = [{"id": x, "sku": f"sku-{x}", "name": x.title(), "search_text": x} for x in ("bread", "milk")]
        await connection.execute(insert(products), [row | product for row in rows])
        user = {"name": "ana", "display_name": "Ana", "role": "clerk", "pin_hash": "", "created_at": now}
        await connection.execute(insert(users).values(user))
    shop = Shop(database)
    ledger = open_ledger(database, lambda outgoing: None)
    await ledger.start()
    for command, who in shop.history():
        answer = await ledger.submit(Request(command, who))
        assert answer.accepted, answer.refusal
    await ledger.close()
    return shop
