"""One counter of the replay: it sells one basket after the other, holding its goods first as a clerk's screen does."""

from collections.abc import Sequence
from uuid import UUID

from msgspec import Struct, structs

from backend.ids import new_id
from backend.model.answers import Answer, Code, Refusal
from backend.model.commands import Line, SaleLine
from backend.model.verbs.reserve import Reserve
from backend.model.verbs.sell import Sell

from .baskets import Basket
from .sender import Sender

HOLD_SECONDS = 900
PRICE_REASON = "the price that was paid"
"""The baskets were sold at the prices of their day, which need not be the catalogue's."""


class Sold(Struct):
    """What became of the baskets, summed over all counters."""

    baskets: int = 0
    """Baskets of which at least one unit was sold."""
    lines: int = 0
    units: int = 0
    refused_units: int = 0
    """Asked for and not there."""
    errors: list[str] = []
    """Refusals for any other reason. There must be none."""


class Counter:
    """Sells through `sender`; its receipts are numbered without gaps in a series of their own."""

    def __init__(self, sender: Sender, series: str, sold: Sold) -> None:
        self._sender = sender
        self._series = series
        self._sold = sold
        self._last_receipt = 0

    async def sell(self, basket: Basket) -> None:
        """Sell what there is of the basket: all of it, or what is available of the lines that are short."""
        lines = basket.lines
        while lines:
            reserve = Reserve(
                id=new_id(),
                store_id=basket.store_id,
                lines=tuple([Line(line.product_id, line.quantity) for line in lines]),
                ttl_seconds=HOLD_SECONDS,
            )
            held = (await self._sender.send([reserve]))[0]
            if held.refusal is None:
                refusal = await self._finish(basket.store_id, lines, reserve.id)
            else:
                refusal = held.refusal
            if refusal is None:
                return
            if refusal.code is not Code.INSUFFICIENT_STOCK or not refusal.lines:
                self._sold.errors.append(f"basket {basket.id}: {refusal.code}: {refusal.message}")
                return
            lines = self._without(lines, refusal)

    async def _finish(self, store_id: str, lines: Sequence[SaleLine], hold: UUID) -> Refusal | None:
        sell = Sell(
            id=new_id(),
            store_id=store_id,
            lines=tuple(lines),
            holds=(hold,),
            receipt_number=f"{self._series}-{self._last_receipt + 1:06}",
            price_reason=PRICE_REASON,
        )
        answer: Answer = (await self._sender.send([sell]))[0]
        if answer.refusal is None:
            self._last_receipt += 1
            self._sold.baskets += 1
            self._sold.lines += len(lines)
            self._sold.units += sum(line.quantity for line in lines)
        return answer.refusal

    def _without(self, lines: Sequence[SaleLine], refusal: Refusal) -> tuple[SaleLine, ...]:
        kept = within(lines, {short.product_id: short.available for short in refusal.lines})
        self._sold.refused_units += sum(x.quantity for x in lines) - sum(x.quantity for x in kept)
        return kept


def within(lines: Sequence[SaleLine], available: dict[str, int]) -> tuple[SaleLine, ...]:
    """Returns the lines cut down to what is `available` of the products named there, the first lines served first."""
    left = dict(available)
    kept = []
    for line in lines:
        units = min(line.quantity, max(0, left.get(line.product_id, line.quantity)))
        if line.product_id in left:
            left[line.product_id] -= units
        if units:
            kept.append(structs.replace(line, quantity=units))
    return tuple(kept)
