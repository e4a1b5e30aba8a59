"""What this terminal keeps for outages: asked for and given back while a server answers, remembered over a restart.

The numbers are in the journal before anything is asked for, and change there with the answers in one step; what sales
have drawn is told by the sales that wait. So after a crash never more counts as kept than the server keeps.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import TypeVar

import msgspec

from backend.ids import new_id
from backend.model.allotments import AllotmentPolicy, Draw
from backend.model.answers import Answer, Code
from backend.model.commands import Command
from backend.model.errors import MostradorError
from backend.model.recalls import Recall
from backend.model.verbs.allot import Allot
from backend.model.verbs.allot_release import AllotRelease
from backend.model.verbs.sell import Sell

from .api import Api
from .escrow import Ask, Escrow, GiveBack, OwnAllotment
from .journal import Journal, JournalUnusable
from .sender import Sender
from .sold import Recent, Sold
from .values import Policies

T = TypeVar("T")
EVERY = 10.0
"""Seconds between two looks at what is to be kept."""
POLICIES_EVERY = 300.0
"""Seconds between two questions for the store's policies."""
_GONE = {Code.INSUFFICIENT_STOCK, Code.RESERVATION_ENDED, Code.UNKNOWN_RESERVATION}
"""Refusals after which nothing is kept; after others it is as it was."""


class Keeping:
    """The allotments of this terminal in a store. `in_cart` says how many units of each product are being sold now.

    While it `is_deaf`, events do not arrive, and the server is asked what it wants back.
    """

    def __init__(
        self,
        api: Api,
        journal: Journal,
        sender: Sender,
        store_id: str,
        terminal_id: str,
        is_away: Callable[[], bool],
        in_cart: Callable[[], Mapping[str, int]],
        is_deaf: Callable[[], bool],
    ) -> None:
        self._api, self._journal, self._sender, self._store_id = api, journal, sender, store_id
        self._is_away, self._in_cart, self._is_deaf = is_away, in_cart, is_deaf
        self.terminal_id = terminal_id
        self._steps: dict[object, str] = {}
        """Commands under way: id → product."""
        self._hurry = asyncio.Event()
        self.policies = self._recalled("policies", Policies) or Policies()
        self.sold = Sold(self._recalled("sold", dict[str, Recent]))
        kept = self._recalled("allotments", list[OwnAllotment]) or []
        self.escrow = Escrow([msgspec.structs.replace(one, drawn=0) for one in kept])
        for sale in journal.waiting():
            if sale.store_id == store_id:
                self.escrow.drew(sale.sell.draws or ())

    def policy_of(self, product_id: str) -> AllotmentPolicy:
        """Returns the store's policy for a product, as the server told it last."""
        found = next((x for x in self.policies.policies if x.product_id == product_id), self.policies.default)
        return AllotmentPolicy(found.units, found.minutes, found.beyond)

    # What happens at the counter.

    def drew(self, sell: Sell) -> None:
        """A sale is on the disk: what it draws is gone here."""
        self.escrow.drew(sell.draws or ())
        self.sold.add(sell.lines, self._now().timestamp())

    def answered(self, command: Command, answer: Answer) -> bool:
        """Take in an answer, in the journal's open step; returns whether it was about what is kept."""
        if isinstance(command, Sell):
            if command.draws:
                # A sale that was refused drew nothing; that it counts as drawn is put right by the next renewal.
                taken: tuple[Draw, ...] = answer.draws if answer.accepted else command.draws
                self.escrow.settled(command.draws, taken)
                self._keep()
            return False
        product_id = self._steps.pop(command.id, None)
        if product_id is None:
            return False
        if answer.accepted:
            self.escrow.answered(product_id, answer.allotment, self._now())
        elif answer.refusal is not None and answer.refusal.code in _GONE:
            self.escrow.answered(product_id, None, self._now())
        else:
            self.escrow.refused(product_id, self._now())
        self._keep()
        return True

    def recalled(self, recall: Recall) -> None:
        """The server wants units back for a customer at another terminal."""
        self.escrow.recalled(recall.allotment_id, recall.wanted)
        self.hurry()

    # What happens by itself.

    def hurry(self) -> None:
        """Look now."""
        self._hurry.set()

    async def run(self) -> None:
        """Keep what is to be kept, until cancelled."""
        loop = asyncio.get_running_loop()
        asked_at = -POLICIES_EVERY
        while True:
            self._hurry.clear()
            if not self._is_away():
                with suppress(MostradorError):  # it is asked again, and until then the last ones hold
                    if loop.time() - asked_at >= POLICIES_EVERY:
                        await self._learn()
                        asked_at = loop.time()
                    if self._is_deaf() and self.escrow.kept:
                        await self._ask_back()
                    self._step()
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY):
                    await self._hurry.wait()

    async def _learn(self) -> None:
        policies = await self._api.allotment_policies(self._store_id)
        if policies != self.policies:
            self.policies = policies
            self._remember("policies", policies)

    async def _ask_back(self) -> None:
        for one in await self._api.wanted_back(self._store_id, self.terminal_id):
            if one.wanted:
                self.escrow.recalled(one.id, one.wanted)

    def _step(self) -> None:
        """Ask for what is to be kept now, and give back the rest. Raises JournalUnusable; then nothing was asked."""
        now = self._now()
        steps = self.escrow.steps(self.sold.rates(now.timestamp()), self.policy_of, now, self._in_cart())
        self._remember("sold", self.sold.recent)
        if not steps:
            return
        for step in steps:
            self.escrow.asking(step)
        self._remember("allotments", self.escrow.kept)
        commands = [self._command(step) for step in steps]
        self._steps |= {command.id: step.product_id for command, step in zip(commands, steps, strict=True)}
        self._sender.put(commands)

    def _command(self, step: Ask | GiveBack) -> Command:
        if isinstance(step, GiveBack):
            return AllotRelease(id=new_id(), store_id=self._store_id, allotment_id=step.allotment_id)
        return Allot(
            id=new_id(),
            store_id=self._store_id,
            product_id=step.product_id,
            quantity=step.quantity,
            allotment_id=step.allotment_id,
            ttl_seconds=step.ttl_seconds,
        )

    def _keep(self) -> None:
        with suppress(JournalUnusable):  # what is there is more than is kept, and the sales that wait tell of it
            self._remember("allotments", self.escrow.kept)

    def _now(self) -> datetime:
        return self._journal.now()

    def _remember(self, name: str, value: object) -> None:
        self._journal.remember(**{f"{name}:{self._store_id}": msgspec.json.encode(value).decode()})

    def _recalled(self, name: str, kind: type[T]) -> T | None:
        kept = self._journal.recall(f"{name}:{self._store_id}")
        with suppress(msgspec.MsgspecError):  # of another version: it is asked for again
            return msgspec.json.decode(kept, type=kind) if kept else None
        return None
