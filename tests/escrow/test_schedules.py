"""No oversell, ever: fleets of terminals and servers, with all that can go wrong, against a checker that a broken rule
does not pass.

`python -m tests.escrow 5000` plays as many as one has patience for.
"""

from collections import Counter
from collections.abc import Iterable
from unittest.mock import patch

import pytest

from backend.database.engine import Database
from backend.database.reads import reading
from backend.ids import new_id
from backend.model.allotments import Draw
from backend.model.answers import Answer
from backend.model.books import Request
from backend.model.drawing import Drawing
from backend.model.posting import Posted
from backend.model.shortfalls import ShortfallBody
from backend.proof.books import prove
from backend.stock.queries import stock_at
from backend.terminal.escrow import Escrow, OwnAllotment
from tests.ledger.shop import open_shop, running_ledger

from .fleet import Fleet
from .till import Disk, Till


def played(seed: int, tills: int, steps: int, till: type[Till] = Till) -> Fleet:
    """Plays a schedule; what fails names its seed."""
    fleet = Fleet(seed, tills, till=till)
    try:
        fleet.play(steps)
    except AssertionError as error:
        raise AssertionError(f"seed {seed}, {tills} terminals, {steps} steps: {error}") from error
    return fleet


@pytest.mark.slow
@pytest.mark.parametrize(("tills", "steps", "schedules"), [(20, 1500, 12), (4, 600, 50)])
def test_no_schedule_oversells_loses_or_doubles_anything(tills: int, steps: int, schedules: int) -> None:
    seen: Counter[str] = Counter()
    for seed in range(schedules):
        seen.update(played(seed, tills, steps).seen())
    assert all(seen.values()), seen  # each of these things has happened


def test_a_seed_plays_the_same_schedule_again() -> None:
    one, other = played(7, 4, 200), played(7, 4, 200)
    assert list(one.database.recorded.values()) == list(other.database.recorded.values())
    assert one.seen() == other.seen()


# What a terminal or a server does wrong, each on purpose.


class ForgetfulEscrow(Escrow):
    """Sells a unit as often as somebody asks for it."""

    def drew(self, draws: Iterable[Draw]) -> None:
        """Does nothing."""


class HastyEscrow(Escrow):
    """Counts on units that it has only asked for."""

    def free(self, product_id: str) -> int:
        one = next((x for x in self.kept if x.product_id == product_id), None)
        return max(one.quantity, one.asked or 0) - one.drawn if one else 0


class LeakyEscrow(Escrow):
    """Forgets an allotment that the server keeps."""

    def answered(self, product_id: str, allotment: object, now: object) -> None:
        self._asked.pop(product_id, None)
        self._kept.pop(product_id, None)


def till_with(escrow: type[Escrow]) -> type[Till]:
    class BrokenTill(Till):
        def new_escrow(self, kept: Iterable[OwnAllotment]) -> Escrow:
            return escrow(kept)

    return BrokenTill


class DoublingTill(Till):
    """Sends what waits under new ids after a crash."""

    def restart(self) -> None:
        old = self.disk
        queue = [type(x)(**{**{n: getattr(x, n) for n in x.__struct_fields__}, "id": new_id()}) for x in old.queue]
        self.disk = Disk(queue, old.kept, old.sequence, old.shown)
        super().restart()


class LosingTill(Till):
    """Has its queue in memory alone."""

    def restart(self) -> None:
        self.disk = Disk([], self.disk.kept, self.disk.sequence, self.disk.shown)
        super().restart()


def played_until_caught(till: type[Till] = Till) -> None:
    """Plays schedules until the checker finds something."""
    for seed in range(40):
        played(seed, 4, 600, till)


@pytest.mark.parametrize(
    ("till", "found"),
    [
        (till_with(ForgetfulEscrow), r"counts on|is short of"),
        (till_with(HastyEscrow), r"counts on|is short of"),
        (till_with(LeakyEscrow), r"keep different allotments|counts on"),
        (DoublingTill, r"was given twice|receipts that customers have"),
        (LosingTill, r"receipts that customers have"),
    ],
    ids=["forgetful", "hasty", "leaky", "doubling", "losing"],
)
def test_a_terminal_that_breaks_a_rule_is_caught(till: type[Till], found: str) -> None:
    with pytest.raises(AssertionError, match=found):
        played_until_caught(till)


def test_a_server_that_gives_no_unit_of_an_allotment_is_caught() -> None:
    nothing = patch.object(Drawing, "_may_draw", lambda *_: False)
    with nothing, pytest.raises(AssertionError, match=r"is short of|counts on|keep different allotments"):
        played_until_caught()


def test_a_server_that_promises_the_same_unit_twice_is_caught() -> None:
    more = patch("backend.model.verbs.allot.post", lambda *_: Posted((), ()))
    with more, pytest.raises(AssertionError):
        played_until_caught()


@pytest.mark.slow
async def test_the_database_in_memory_answers_as_the_real_ones(database: Database) -> None:
    """What a schedule has committed, one after the other, gives the same answers and the same rows there."""
    fleet = played(3, 6, 400)
    await open_shop(database)
    async with running_ledger(database) as ledger:
        for command, who, answer in fleet.checker.log:
            assert _told(await ledger.submit(Request(command, who))) == _told(answer), command
    rows = {key: row for key, row in fleet.database.stock.items() if row.version}
    async with reading(database) as connection:
        assert {key: level.row for key, level in (await stock_at(connection, sorted(rows))).items()} == rows
    assert (await prove(database)).drifts == ()


def _told(answer: Answer) -> object:
    """What an answer says, without its times."""
    documents = [(x.id, x.kind, x.status, x.version, x.read(ShortfallBody).open) for x in answer.documents]
    allotment = answer.allotment and (answer.allotment.id, answer.allotment.quantity)
    return answer.refusal, answer.stock, answer.draws, documents, allotment
