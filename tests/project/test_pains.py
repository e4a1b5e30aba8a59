"""What people complain about in other systems, and that a test is named after each of it."""

import re
from pathlib import Path

TESTS = Path(__file__).parent.parent
PAINS = {
    1: "the last unit is sold twice",
    2: "two lines of one product pass the check each for itself",
    3: "the reserved counter drifts, and nobody can unreserve",
    4: "units are held for ever",
    5: "offline sales are doubled on reconnect",
    6: "paid sales are lost in a power cut, a reload, a race",
    7: "one bad record blocks the whole queue",
    8: "stock moves only when the shift closes, and closing fails",
    9: "a till shows old stock until somebody reloads",
    10: "stock goes below zero silently",
    11: "a stock-take is spoiled by sales during the count",
    12: "a transfer arrives short, and the system cannot say so",
    13: "deadlocks lose or stall sales",
    14: "opening, listing and closing are slow",
    15: "two devices give the same receipt number",
}
_NAMED = re.compile(r"^(?:async )?def test_pain_(\d+)_", re.MULTILINE)


def test_each_pain_has_a_test_that_is_named_after_it() -> None:
    named = {int(number) for path in TESTS.rglob("test_*.py") for number in _NAMED.findall(path.read_text("utf-8"))}
    assert named == set(PAINS)
