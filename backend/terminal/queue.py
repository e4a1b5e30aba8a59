"""Acts besides sales: kept in the journal, sent in order, and what became of each."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

import msgspec

from backend.model.answers import Answer, Code
from backend.model.commands import Command
from backend.model.errors import MostradorError
from backend.model.limits import Limits
from backend.model.unit_price import UnitPrice

from .journal import Journal, JournalUnusable, KeptAct, KeptSale
from .offline import check_offline
from .sender import Sender
from .values import Notice, notice_of

FURTHEST_JUMP = 16
"""The power of two of numbers that are left out at most."""


class UnsentWork(MostradorError):
    """The terminal keeps acts that the server has not answered, so it may not be left or wiped."""

    code = "unsent_work"

    def __init__(self, count: int) -> None:
        message = f"{count} acts of this terminal wait for the server; leave when they are sent, or export the queue."
        super().__init__(message, count=count)


class Queue:
    """Does acts through `sender`, and keeps what is unanswered or refused in `journal`.

    `say` gets what a person should know about them; `changed` is called when counts change; `actor` is who is here.
    """

    def __init__(
        self,
        journal: Journal,
        sender: Sender,
        say: Callable[[Notice], None],
        changed: Callable[[], None],
        actor: Callable[[], str],
    ) -> None:
        self._journal, self._sender, self._say, self._changed, self._actor = journal, sender, say, changed, actor
        self.waiting: dict[UUID, KeptAct] = {}
        """Acts that were shown as done and that the server has not answered, in order."""
        self._heard: dict[UUID, Callable[[Answer], None]] = {}
        self._jumps: dict[UUID, int] = {}
        self._keeping: dict[UUID, asyncio.Task[KeptAct]] = {}
        self.conflicts = self._refused()

    def _refused(self) -> list[KeptAct]:
        return [x for x in self._journal.refused_acts() if not isinstance(x, KeptSale)]

    async def do(
        self,
        *commands: Command,
        away: bool,
        limits: Limits | None = None,
        prices: Mapping[str, UnitPrice] | None = None,
        heard: Callable[[Answer], None] | None = None,
    ) -> KeptAct:
        """Commit an act and send it; returns when it is on the disk, and may be shown as done.

        The last command is the act, those before it prepare it. `heard` is called with its answer, if that comes
        while this program runs. Raises NeedsServer and AboveLimit for what may not be done while the server is
        `away`, and JournalUnusable; then nothing was done.
        """
        if away:
            for command in commands:
                check_offline(command, limits, prices or {})
        if heard is not None:
            self._heard[commands[-1].id] = heard
        keeping = asyncio.create_task(self._keep(commands))
        self._keeping[commands[-1].id] = keeping
        return await asyncio.shield(keeping)  # what is on the disk is sent, whether somebody waits for it or not

    async def _keep(self, commands: Sequence[Command]) -> KeptAct:
        try:
            act = await asyncio.to_thread(self._journal.keep_act, commands, self._actor())
            self.send(act)
        finally:
            del self._keeping[commands[-1].id]
        self._sender.hurry()
        return act

    @property
    def under_way(self) -> set[UUID]:
        """Acts that are on their way to the disk or to the server."""
        return self.waiting.keys() | self._keeping.keys()

    def send(self, act: KeptAct) -> None:
        """Send an act of the journal, behind those that wait already."""
        self.waiting[act.id] = act
        self._sender.put(act.commands, self._journal.told(act))
        self._changed()

    def answered(self, command: Command, answer: Answer) -> bool:
        """Take in an answer; returns whether it was the answer of one of these acts."""
        act = self.waiting.pop(command.id, None)
        if act is None:
            return False
        try:
            self._settle(act, answer)
        except JournalUnusable as error:  # the next start sends it again and hears the same answer
            self._say(notice_of(error))
        self._changed()
        return True

    def _settle(self, act: KeptAct, answer: Answer) -> None:
        if answer.refusal is not None and answer.refusal.code is Code.SEQUENCE_TAKEN:
            self.send(self.number_anew(act))
            return
        self._jumps.pop(act.id, None)
        if answer.refusal is None:
            self._journal.answered(act.id)
        else:
            self._journal.refused(act.id, answer.refusal)
            self.conflicts = self._refused()
            self._say(Notice("error", "act_conflict", {"kind": act.kind, "message": answer.refusal.message}))
        if (heard := self._heard.pop(act.id, None)) is not None:
            heard(answer)

    def number_anew(self, act: KeptAct) -> KeptAct:
        """Returns the act under another number: this file was copied, or restored, and its number is another act's.

        Raises JournalUnusable.
        """
        times = self._jumps[act.id] = self._jumps.get(act.id, -1) + 1
        if times == 0:
            self._say(Notice("warning", "terminal_copied"))
        return self._journal.renumber_act(act.id, 2 ** min(times, FURTHEST_JUMP) - 1)

    # Acts that the server refused.

    def retry(self, conflict: KeptAct, command: Command) -> None:
        """A person thinks that the refused act can be done now: send it as `command`, which has an id of its own."""
        self.send(self._journal.replace_act(conflict.id, [command], self._actor()))
        self.conflicts = self._refused()

    def dismiss(self, conflict: KeptAct) -> None:
        """A person has seen why it was refused and wants it no more: forget it."""
        self._journal.answered(conflict.id)
        self.conflicts = self._refused()
        self._changed()


def limits_known(journal: Journal, store_id: str) -> Limits | None:
    """Returns the store's limits as the server told them last; None if it never did."""
    kept = journal.recall(f"limits:{store_id}")
    return msgspec.json.decode(kept, type=Limits) if kept else None


def learn_limits(journal: Journal, store_id: str, limits: Limits) -> None:
    """Keep what the server told about the store's limits, for when it is away."""
    journal.remember(**{f"limits:{store_id}": msgspec.json.encode(limits).decode()})
