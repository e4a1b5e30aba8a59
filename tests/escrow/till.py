"""A terminal of the simulation: the real escrow, and a disk that keeps what a real one commits before it shows it.

Whatever happens at a terminal happens in two steps: it is committed to the disk, and then its memory takes note of it.
A crash in between, or before, loses the memory and nothing else.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from msgspec import UNSET, Struct

from backend.model.allotments import AllotmentPolicy, Draw
from backend.model.answers import Answer
from backend.model.commands import Command, SaleLine
from backend.model.shortfalls import Offline
from backend.model.stock import Who
from backend.model.verbs.allot import Allot
from backend.model.verbs.allot_release import AllotRelease
from backend.model.verbs.sell import Sell
from backend.terminal.escrow import Ask, Escrow, GiveBack, OwnAllotment, Verdict, verdict

STORE = "292"
MINUTES = 30
"""Of an outage that the allotments are to survive."""


class Crash(Exception):
    """The terminal's process dies."""


class Disk(Struct):
    """What survives a crash: the queue in order, the allotments, and how many acts and receipts there were."""

    queue: list[Command] = []
    kept: list[OwnAllotment] = []
    sequence: int = 0
    shown: list[Sell] = []
    """Every sale of which a customer has a receipt, whether the server knows of it or not."""


class Till:
    """One terminal. `fault` is asked at each point where it may crash, and raises Crash there."""

    def __init__(self, name: str, policy: AllotmentPolicy, random: Random, fault: Callable[[], None]) -> None:
        self.who, self.policy, self.random, self.fault = Who("ana", name), policy, random, fault
        self.disk = Disk()
        self.escrow = self.new_escrow([])
        self.sold: Counter[str] = Counter()
        self.skew = timedelta()
        self.refused: list[Sell] = []
        """Sales that the server refused before a customer had a receipt."""

    def new_escrow(self, kept: Sequence[OwnAllotment]) -> Escrow:
        """Returns the escrow of a process that starts; a test may have another one."""
        return Escrow(kept)

    def restart(self) -> None:
        """Begins again with what is on the disk."""
        self.escrow = self._from(self.disk.kept)
        for command in self.disk.queue:
            if (step := _step_of(command, self.disk.kept)) is not None:
                self.escrow.asking(step)

    def sells(self, product_id: str, units: int, now: datetime, *, is_online: bool) -> None:
        """A customer wants units of a product, and gets a receipt if this terminal may give one.

        What the allotments cover is sold at once, whoever is reached. Beyond them the server is asked, or, when nobody
        is reached, the policy.
        """
        plan = self.escrow.plan({product_id: units})
        approved_by = ""
        if not plan.guaranteed:
            says = verdict(self.policy, sum(plan.beyond.values()))
            if is_online:
                self._ask_for(product_id, units)
                return
            if says is Verdict.BLOCKED or (says is Verdict.SUPERVISOR and self.random.random() < 0.3):
                return
            approved_by = "luis" if says is Verdict.SUPERVISOR else ""
        after, number = deepcopy(self.disk), self.disk.sequence + 1
        sell = Sell(
            id=some_id(self.random),
            store_id=STORE,
            lines=(SaleLine(product_id, units, 100),),
            receipt_number=f"{self.who.terminal_id}-{number}",
            made_at=now + self.skew,
            draws=plan.draws,
            offline=Offline(sequence=number, guaranteed=plan.guaranteed, approved_by=approved_by),
        )
        after.queue.append(sell)
        after.shown.append(sell)
        after.sequence = number
        self._commit(after, lambda escrow: escrow.drew(plan.draws))
        self.sold[product_id] += units

    def _ask_for(self, product_id: str, units: int) -> None:
        """A sale that is none until the server has said so; its answer may come long after."""
        after, number = deepcopy(self.disk), self.disk.sequence + 1
        lines = (SaleLine(product_id, units, 100),)
        receipt = f"{self.who.terminal_id}-{number}"
        after.queue.append(Sell(id=some_id(self.random), store_id=STORE, lines=lines, receipt_number=receipt))
        after.sequence = number
        self._commit(after, lambda _: None)

    def looks_after_its_allotments(self, now: datetime) -> None:
        """Asks for units and gives some back, as the escrow says."""
        rates = {product_id: n / MINUTES for product_id, n in self.sold.items()}
        for step in self.escrow.steps(rates, lambda _: self.policy, now, {}):
            after = deepcopy(self.disk)
            after.queue.append(_command_of(step, some_id(self.random)))
            self._commit(after, lambda escrow, step=step: escrow.asking(step))  # type: ignore[misc]

    def hears(self, answers: Sequence[Answer], now: datetime) -> None:
        """Takes in answers; what they answer leaves the queue, each with what it tells of the allotments."""
        for answer in answers:
            command = next((x for x in self.disk.queue if x.id == answer.id), None)
            if command is None:
                continue  # a copy of an answer that was heard before
            assert command is self.disk.queue[0], "answers come in the order of the queue"
            after = deepcopy(self.disk)
            del after.queue[0]
            if isinstance(command, Sell) and command.offline is UNSET:
                if answer.accepted:
                    after.shown.append(command)
                    self.sold[command.lines[0].product_id] += command.lines[0].quantity
                else:
                    self.refused.append(command)
            else:
                assert answer.accepted or not isinstance(command, Sell), answer.refusal
            self._commit(after, lambda escrow, c=command, a=answer: _told(escrow, c, a, now))  # type: ignore[misc]

    def is_recalled(self, allotment_id: UUID, units: int) -> None:
        """Another terminal's customer wants units of it."""
        self.escrow.recalled(allotment_id, units)

    def _commit(self, after: Disk, note: Callable[[Escrow], None]) -> None:
        """Commits to the disk, with the allotments as they are after `note`; then the memory takes note too."""
        written = self._from(self.escrow.kept)
        written._asked = dict(self.escrow._asked)
        note(written)
        after.kept = deepcopy(written.kept)
        self.fault()
        self.disk = after
        self.fault()
        note(self.escrow)

    def _from(self, kept: Sequence[OwnAllotment]) -> Escrow:
        return self.new_escrow(deepcopy(list(kept)))


def some_id(random: Random) -> UUID:
    """Returns an id that a seed gives again."""
    return UUID(int=random.getrandbits(128), version=4)


def drawn_in(commands: Sequence[Command], but: Mapping[UUID, object]) -> Counter[UUID]:
    """Returns the units that sales draw on each allotment, without those sales that are in `but`."""
    drawn: Counter[UUID] = Counter()
    for command in commands:
        if isinstance(command, Sell) and command.draws and command.id not in but:
            for draw in command.draws:
                drawn[draw.allotment_id] += draw.quantity
    return drawn


def _told(escrow: Escrow, command: Command, answer: Answer, now: datetime) -> None:
    if isinstance(command, Sell):
        draws: Sequence[Draw] = command.draws or ()
        escrow.settled(draws, answer.draws)
    elif isinstance(command, Allot):
        escrow.answered(command.product_id, answer.allotment, now)
    elif isinstance(command, AllotRelease):
        (product_id,) = [one.product_id for one in escrow.kept if one.id == command.allotment_id] or [""]
        escrow.answered(product_id, None, now)


def _command_of(step: Ask | GiveBack, command_id: UUID) -> Command:
    if isinstance(step, GiveBack):
        return AllotRelease(id=command_id, store_id=STORE, allotment_id=step.allotment_id)
    return Allot(
        id=command_id,
        store_id=STORE,
        product_id=step.product_id,
        quantity=step.quantity,
        allotment_id=step.allotment_id,
        ttl_seconds=step.ttl_seconds,
    )


def _step_of(command: Command, kept: Sequence[OwnAllotment]) -> Ask | GiveBack | None:
    if isinstance(command, Allot):
        return Ask(command.product_id, command.quantity, command.allotment_id, command.ttl_seconds)
    if isinstance(command, AllotRelease):
        products = [one.product_id for one in kept if one.id == command.allotment_id]
        return GiveBack(products[0], command.allotment_id) if products else None
    return None
