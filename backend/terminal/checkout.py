"""Selling: the journal first, then the server, then the receipt; and what became of sales that had to wait."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Protocol
from uuid import UUID

from msgspec import Struct, structs

from backend.ids import new_id
from backend.model.answers import Answer, Code, Refusal
from backend.model.commands import Command
from backend.model.verbs.sell import Sell

from .cart import Cart
from .journal import LONGEST_RECEIPT_NUMBER, Journal, JournalUnusable, KeptAct, KeptSale
from .queue import FURTHEST_JUMP, Queue
from .receipts.paper import Paper
from .sender import Sender
from .values import Notice

PATIENCE = 3.0
"""Seconds a clerk waits for the server's answer to a sale; after that it is kept and sent in the background."""
PATIENCE_AWAY = 0.5
"""The same while the server is known to be away: one more quick attempt."""
SOLD_OFFLINE = "sold at this price while offline"


class PaperOf(Protocol):
    """Makes the receipt of a sale."""

    def __call__(self, sale: KeptSale, names: tuple[str, ...]) -> Paper:
        """Returns it; `names` are those of the sale's lines, in their order."""


class Outcome(StrEnum):
    """Where a finished sale is: in the server's ledger, kept here until the server answers, or refused by it."""

    SOLD = "sold"
    QUEUED = "queued"
    REFUSED = "refused"


class Receipt(Struct, frozen=True):
    """What the customer gets."""

    number: str
    outcome: Outcome
    total_cents: int
    units: int
    lines: int
    made_at: datetime


class _Pending(Struct):
    sale: KeptSale
    answer: asyncio.Future[Answer] | None
    """None when nobody waits for it any more."""
    renumbered: int = 0
    """How often its receipt number was taken."""


class Checkout:
    """Sells carts through `sender`, and keeps what is unanswered or refused in `journal`; other acts are `queue`'s.

    `say` gets what a person should know about sales that nobody waits for; `changed` is called when counts change;
    `paper` makes the receipt of a sale, whose lines have these names.
    `is_away` tells whether waiting for an answer is of little use. `receipt` is the last one, with where its sale is by
    now; whoever starts the next sale takes it away.
    """

    def __init__(
        self,
        journal: Journal,
        sender: Sender,
        say: Callable[[Notice], None],
        changed: Callable[[], None],
        is_away: Callable[[], bool],
        actor: Callable[[], str] = str,
        paper: PaperOf | None = None,
    ) -> None:
        self._journal, self._sender, self._say, self._changed = journal, sender, say, changed
        self._is_away, self._actor, self._paper = is_away, actor, paper
        self.queue = Queue(journal, sender, say, changed, actor)
        self._pending: dict[object, _Pending] = {}
        self.conflicts: list[KeptSale] = journal.conflicts()
        self.receipt: Receipt | None = None
        self.of_other_stores = 0
        """Acts of stores that who is signed in may not act in; somebody else has to send them."""
        self._in_hand: UUID | None = None
        """The sale that `sell` made last; until it is sent, `resume` must not take it for one that was left behind."""

    @property
    def queued(self) -> int:
        """Sales whose receipt was given and that the server has not answered."""
        return sum(x.answer is None for x in self._pending.values()) + self.of_other_stores

    def resume(self, stores: set[str]) -> int:
        """Send again what an earlier run left unanswered; returns how many. Acts of other stores keep waiting."""
        for act in [*self._journal.conflicts(), *self._left_behind()]:
            if isinstance(act, KeptSale) and _needs_other_number(act):
                self._renumbered(act)
        self.conflicts = self._journal.conflicts()
        kept = self._left_behind()
        ours = [x for x in kept if x.store_id in stores]
        self.of_other_stores = len(kept) - len(ours)
        for act in ours:
            if isinstance(act, KeptSale):
                self._send(act, None)
            else:
                self.queue.send(act)
        return len(ours)

    def _left_behind(self) -> list[KeptAct]:
        under_way = {*self._pending, *self.queue.under_way, self._in_hand}
        return [x for x in self._journal.acts() if x.id not in under_way]

    def _send(self, sale: KeptSale, answer: asyncio.Future[Answer] | None, renumbered: int = 0) -> None:
        self._pending[sale.id] = _Pending(sale, answer, renumbered)
        self._sender.put(sale.commands, self._journal.told(sale))
        self._changed()

    def _renumbered(self, sale: KeptSale, times: int = 0) -> KeptSale | None:
        """Give a sale another receipt number and tell the clerk, who has given the receipt away already.

        None when the disk refuses: the sale is kept as it was, and the next start hears the same answer again.
        """
        try:
            # Another terminal's numbers may go on for long: jump further each time.
            again = self._journal.renumber(sale.id, 2 ** min(times, FURTHEST_JUMP) - 1)
        except JournalUnusable as error:
            self._say(Notice("error", error.code, {"reason": str(error.fields["reason"]), "path": ""}))
            return None
        if self.receipt and self.receipt.number == sale.receipt_number:
            self.receipt = structs.replace(self.receipt, number=again.receipt_number)
        numbers: dict[str, str | int] = {"before": sale.receipt_number, "receipt": again.receipt_number}
        self._say(Notice("warning", "receipt_renumbered", numbers))
        return again

    async def sell(self, cart: Cart) -> Receipt | Refusal:
        """Sell the cart's lines. They leave the cart when there is a receipt; a refusal leaves them in it.

        Raises EmptyBasket, LineShort (nothing was done) and JournalUnusable (the sale could not be kept, so it was not
        made).
        """
        cart.check_sale()
        taken = 0
        while True:
            sale = await self._keep(cart)
            answer = await self._first_answer(sale)
            if answer is None or answer.refusal is None:
                break
            if answer.refusal.code is not Code.RECEIPT_TAKEN:
                await asyncio.to_thread(self._journal.take_back, sale)
                cart.sale_refused(answer.refusal)
                return answer.refusal
            # This terminal's file was lost once, or shares its name with another: jump, further each time.
            await asyncio.to_thread(self._journal.answered, sale.id)
            await asyncio.to_thread(self._journal.skip, sale.store_id, 2**taken - 1)
            taken += 1
        self.receipt = receipt = Receipt(
            sale.receipt_number,
            Outcome.SOLD if answer else Outcome.QUEUED,
            sale.total_cents,
            cart.units,
            len(cart.lines),
            sale.made_at,
        )
        cart.sold()
        if answer:
            await self._forget(sale)
        return receipt

    async def _keep(self, cart: Cart) -> KeptSale:
        made: list[Command] = []

        def make(receipt_number: str) -> list[Command]:
            made.extend(cart.sale(receipt_number, self._journal.now()))
            self._in_hand = made[-1].id
            return made

        try:
            names = {line.product.id: line.product.name for line in cart.lines}
            paper = partial(self._paper, names=tuple(names.values())) if self._paper else None
            return await asyncio.to_thread(
                self._journal.keep, cart.store_id, cart.total_cents, make, names, self._actor(), paper
            )
        except JournalUnusable:
            self._sender.put(made[:-1])  # the cart counts on an answer to these
            raise

    async def _first_answer(self, sale: KeptSale) -> Answer | None:
        """Returns the answer, if it comes while the clerk waits."""
        waited: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._send(sale, waited)
        self._sender.hurry()
        await asyncio.wait([waited], timeout=PATIENCE_AWAY if self._is_away() else PATIENCE)
        if waited.done():
            return waited.result()
        self._pending[sale.id].answer = None
        self._changed()
        return None

    def answered(self, sell: Sell, answer: Answer) -> None:
        """Take in the server's answer to a sale."""
        pending = self._pending.pop(sell.id, None)
        if pending is None:
            return
        if answer.refusal is not None and answer.refusal.code is Code.SEQUENCE_TAKEN:
            self._number_anew(pending)
            return
        if pending.answer is not None:
            pending.answer.set_result(answer)
            return
        sale = pending.sale
        if answer.refusal is not None and answer.refusal.code is Code.RECEIPT_TAKEN:
            if (again := self._renumbered(sale, pending.renumbered)) is not None:
                self._send(again, None, pending.renumbered + 1)
            return
        if self.receipt and self.receipt.number == sale.receipt_number:
            self.receipt = structs.replace(self.receipt, outcome=Outcome.SOLD if answer.accepted else Outcome.REFUSED)
        try:
            if answer.refusal is None:
                self._journal.answered(sale.id)
                self._say(Notice("ok", "sale_arrived", {"receipt": sale.receipt_number}))
            else:
                self._journal.refused(sale.id, answer.refusal)
                self.conflicts = self._journal.conflicts()
                self._say(Notice("error", "sale_conflict", {"receipt": sale.receipt_number}))
        except JournalUnusable as error:
            self._say(Notice("error", error.code, {"reason": str(error.fields["reason"]), "path": ""}))
        self._changed()

    def _number_anew(self, pending: _Pending) -> None:
        """Another act has this sale's number in the queue; the sale itself was not looked at."""
        try:
            again = self.queue.number_anew(pending.sale)
        except JournalUnusable as error:  # it is kept as it was, and the next start hears the same answer again
            self._say(Notice("error", error.code, {"reason": str(error.fields["reason"]), "path": ""}))
            return
        assert isinstance(again, KeptSale)
        self._send(again, pending.answer, pending.renumbered)

    async def _forget(self, sale: KeptSale) -> None:
        try:
            await asyncio.to_thread(self._journal.answered, sale.id)
        except JournalUnusable as error:  # it is sold all the same; the next start hears the same answer again
            self._say(Notice("error", error.code, {"reason": str(error.fields["reason"]), "path": ""}))

    def retry(self, conflict: KeptSale) -> None:
        """A person thinks that the refused sale can be recorded now: send it under a new id."""
        sell = conflict.sell
        # The goods left the shop at this price; the server takes it from whoever may say so.
        is_priced = conflict.refusal is not None and conflict.refusal.code is Code.PRICE_NOT_ALLOWED
        again = Sell(
            id=new_id(),
            store_id=sell.store_id,
            lines=sell.lines,
            holds=sell.holds,
            receipt_number=sell.receipt_number,
            price_reason=SOLD_OFFLINE if is_priced else sell.price_reason,
            made_at=conflict.made_at,
        )
        self._send(self._journal.replace(conflict.id, [again]), None)
        self.conflicts = self._journal.conflicts()
        if self.receipt and self.receipt.number == conflict.receipt_number:
            self.receipt = structs.replace(self.receipt, outcome=Outcome.QUEUED)

    def settled(self, conflict: KeptSale) -> None:
        """The server has recorded how the refused sale was settled: forget it."""
        self._journal.settled(conflict.id)
        self.conflicts = self._journal.conflicts()
        if self.receipt and self.receipt.number == conflict.receipt_number:
            self.receipt = None
        self._changed()


def _needs_other_number(sale: KeptSale) -> bool:
    """Returns whether the server will never take the sale's receipt number: another sale has it, or it is too long."""
    taken = sale.refusal is not None and sale.refusal.code is Code.RECEIPT_TAKEN
    return taken or len(sale.receipt_number) > LONGEST_RECEIPT_NUMBER
