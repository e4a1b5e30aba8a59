"""What all who work in a simulated store share: their shelves, and the ledger, which must accept what they do."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from backend.ledger.lanes import Ledger
from backend.model.answers import Answer
from backend.model.books import Request
from backend.model.commands import Command, Line, kind_of
from backend.model.errors import MostradorError
from backend.model.stock import Who

from .shelves import Shelves

CLERK, SUPERVISOR = "ana", "luis"


class LedgerDisagrees(MostradorError):
    """The ledger refused what the shelves allow."""

    code = "ledger_disagrees"


class Tally(Struct):
    """What has been done so far, in commands and units. All stores share it."""

    commands: int = 0
    received: int = 0
    sold: int = 0
    held: int = 0
    returned: int = 0
    transferred: int = 0
    discrepancies: int = 0
    written_off: int = 0
    counted_lines: int = 0
    recounted_lines: int = 0


class Store:
    """One store, and its line to the ledger."""

    def __init__(self, store_id: str, ledger: Ledger, shelves: Shelves, tally: Tally) -> None:
        """All stores share the ledger, the shelves and the tally."""
        self.id = store_id
        self.shelves = shelves
        self.tally = tally
        self._ledger = ledger

    async def do(self, commands: Sequence[Command], actor: str = CLERK) -> list[Answer]:
        """Returns the answers to commands, which are settled in order. Raises LedgerDisagrees for a refusal."""
        who = Who(actor, f"simulated-{self.id}")
        answers = await self._ledger.submit_many([Request(command, who) for command in commands])
        self.tally.commands += len(commands)
        for command, answer in zip(commands, answers, strict=True):
            if answer.refusal is not None:
                said = f"{kind_of(command)} {command.id}: {answer.refusal.message}"
                raise LedgerDisagrees(f"Store {self.id} has what the ledger refuses. {said}")
        return answers


def lines_of(units: Mapping[str, int]) -> tuple[Line, ...]:
    """Returns units as the lines of a command; products of which there are none are left out."""
    return tuple([Line(product, n) for product, n in units.items() if n])
