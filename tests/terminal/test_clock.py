"""The server's time at a terminal whose own clock is wrong, or is set while it runs."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from backend.terminal.clock import ServerClock

TRUTH = datetime(2026, 11, 24, 12, 0, tzinfo=UTC).timestamp()


class Machine:
    """A machine whose clock is off, and the truth."""

    def __init__(self, off: float) -> None:
        self.off, self.passed = off, 0.0
        self.kept: list[float] = []

    def wall(self) -> float:
        return TRUTH + self.passed + self.off

    def steady(self) -> float:
        return 500 + self.passed

    def clock(self, kept: float = 0.0) -> ServerClock:
        return ServerClock(kept, self.kept.append, self.wall, self.steady)

    def ask(self, clock: ServerClock, takes: float = 0.2) -> None:
        """A request whose answer is written half-way."""
        before = clock.before()
        self.passed += takes / 2
        date = format_datetime(datetime.fromtimestamp(int(TRUTH + self.passed), UTC), usegmt=True)
        self.passed += takes / 2
        clock.heard(date, before)

    def error(self, clock: ServerClock) -> float:
        return clock.now().timestamp() - (TRUTH + self.passed)


@pytest.mark.parametrize(("off", "skewed"), [(0, False), (-50, False), (75, True), (-7200, True), (86400 * 400, True)])
def test_the_offset_is_measured_within_a_second(off: float, skewed: bool) -> None:
    machine = Machine(off)
    clock = machine.clock()
    for _ in range(20):
        machine.ask(clock)
        machine.passed += 0.37
        assert abs(machine.error(clock)) <= 1.2
    assert clock.is_skewed is skewed
    assert abs(machine.error(clock)) < 0.6  # many answers narrow it


def test_a_clock_that_is_set_while_the_till_sells_moves_no_sale() -> None:
    machine = Machine(0)
    clock = machine.clock()
    machine.ask(clock)
    machine.off = 3600 * 5
    machine.passed += 10
    assert abs(machine.error(clock)) <= 1.2
    assert clock.is_skewed
    machine.ask(clock)
    assert abs(machine.error(clock)) <= 1.2


def test_the_next_start_without_a_server_begins_with_what_was_measured() -> None:
    machine = Machine(-600)
    machine.ask(machine.clock())
    again = machine.clock(machine.kept[-1])
    assert abs(machine.error(again)) <= 1.2
    assert again.is_skewed


def test_a_slow_answer_and_a_missing_header_change_nothing_that_fits() -> None:
    machine = Machine(120)
    clock = machine.clock()
    machine.ask(clock)
    kept = clock.now()
    machine.ask(clock, takes=0)
    clock.heard(None, clock.before())
    clock.heard("no date", clock.before())
    offset = clock.offset
    machine.ask(clock, takes=9)
    assert clock.offset == pytest.approx(offset)
    assert clock.now() > kept
    assert len(machine.kept) == 1
