"""The scan router without an app: keys and times in, verdicts out."""

from dataclasses import dataclass, field

import pytest

from tui.scan import GAP, SILENCE, STX, Bursts, Do, Key, State, overdue, step

EAN = "2000000010410"


@dataclass
class Keyboard:
    """Presses keys `apart` seconds apart and remembers what became of each."""

    apart: float = 0.01
    bursts: Bursts = Bursts.DIGITS
    prefix: str = STX
    now: float = 100.0
    state: State = field(default_factory=State)

    def press(self, *keys: str, apart: float | None = None) -> list[Do]:
        found = []
        for key in keys:
            self.now += self.apart if apart is None else apart
            character = key if len(key) == 1 else None
            self.state, self.verdict = step(
                self.state, Key(key, character, self.now), prefix=self.prefix, bursts=self.bursts
            )
            found.append(self.verdict.do)
        return found


@pytest.mark.parametrize("code", ["123456", EAN, "0" * 14])
def test_a_fast_burst_of_digits_and_enter_is_a_scan(code: str) -> None:
    keys = Keyboard()
    assert keys.press(*code) == [Do.PASS] * len(code)
    assert keys.press("enter") == [Do.SCAN]
    assert (keys.verdict.code, keys.verdict.leaked) == (code, True)


def test_only_the_first_key_of_a_burst_begins_it() -> None:
    keys = Keyboard()
    begins = [(keys.press(key), keys.verdict.begins)[1] for key in EAN]
    assert begins == [True] + [False] * 12
    keys.press("1", apart=1)
    assert keys.verdict.begins


def test_typing_is_typing_however_fast_it_ends_in_enter() -> None:
    for apart in (0.051, 0.08, 0.3):
        assert Keyboard(apart).press(*EAN, "enter") == [Do.PASS] * 14


def test_one_slow_key_makes_what_came_before_typing() -> None:
    keys = Keyboard()
    keys.press(*"20000")
    keys.press("0", apart=GAP + 0.001)
    assert keys.press(*"0001", "enter") == [Do.PASS] * 5


def test_a_slow_enter_confirms_what_was_typed() -> None:
    keys = Keyboard()
    keys.press(*EAN)
    assert keys.press("enter", apart=GAP + 0.001) == [Do.PASS]


@pytest.mark.parametrize("text", ["12345", "milk 2%", "S1041-22"])
def test_short_or_lettered_bursts_stay_typing_where_people_type_names(text: str) -> None:
    assert Keyboard().press(*text, "enter")[-1] is Do.PASS


def test_where_a_question_is_asked_no_burst_confirms_anything() -> None:
    assert Keyboard(bursts=Bursts.ANY).press(*"S1041-22", "enter")[-1] is Do.SCAN
    assert Keyboard(bursts=Bursts.ANY).press(*"12345", "enter")[-1] is Do.PASS


def test_where_people_sign_in_only_the_prefix_makes_a_scan() -> None:
    assert Keyboard(bursts=Bursts.NONE).press(*"98765432", "enter")[-1] is Do.PASS
    assert Keyboard(bursts=Bursts.NONE).press(STX, *"98765432", "enter")[-1] is Do.SCAN


def test_digits_typed_before_a_scan_are_not_part_of_it() -> None:
    keys = Keyboard()
    keys.press("3", "*", apart=0.2)
    keys.press(EAN[0], apart=0.2)
    assert keys.verdict.begins
    keys.press(*EAN[1:], "enter")
    assert (keys.verdict.do, keys.verdict.code) == (Do.SCAN, EAN)


@pytest.mark.parametrize("suffix", ["enter", "ctrl+j"])
def test_a_programmed_prefix_swallows_the_whole_scan_at_any_speed(suffix: str) -> None:
    keys = Keyboard(apart=0.3)
    assert keys.press(STX, *"A-1", suffix) == [Do.SWALLOW] * 4 + [Do.SCAN]
    assert (keys.verdict.code, keys.verdict.leaked) == ("A-1", False)


def test_the_prefix_can_be_another_key() -> None:
    keys = Keyboard(prefix="f24")
    assert keys.press("f24", *EAN, "enter")[-1] is Do.SCAN
    assert keys.press(STX, *"1")[0] is Do.PASS


def test_the_line_feed_after_a_scans_return_is_swallowed_and_a_later_one_is_not() -> None:
    keys = Keyboard()
    assert keys.press(*EAN, "enter", "ctrl+j")[-2:] == [Do.SCAN, Do.SWALLOW]
    assert keys.press("ctrl+j") == [Do.PASS]
    keys.press(STX, *EAN, "enter")
    assert keys.press("ctrl+j", apart=0.2) == [Do.PASS]


def test_a_prefixed_scan_that_stops_is_broken_by_the_next_key_which_is_delivered() -> None:
    keys = Keyboard()
    keys.press(STX, *"2000")
    assert keys.press("m", apart=SILENCE + 0.1) == [Do.BROKEN]
    assert keys.verdict.code == "2000"
    assert keys.press("i", "enter") == [Do.PASS, Do.PASS]


def test_a_prefixed_scan_that_stops_is_broken_by_silence() -> None:
    keys = Keyboard()
    keys.press(STX, *"2000")
    state, verdict = overdue(keys.state, keys.now + SILENCE)
    assert (state, verdict.do) == (keys.state, Do.SWALLOW)
    state, verdict = overdue(keys.state, keys.now + SILENCE + 0.01)
    assert (state, verdict.do, verdict.code) == (State(), Do.BROKEN, "2000")
    assert overdue(State(), 1e9) == (State(), verdict.__class__(Do.SWALLOW))


@pytest.mark.parametrize("key", ["escape", "f9", "up", "ctrl+q"])
def test_a_command_key_in_a_prefixed_scan_breaks_it_and_is_delivered(key: str) -> None:
    keys = Keyboard()
    assert keys.press(STX, *"2000", key)[-1] is Do.BROKEN


def test_a_new_prefix_begins_a_new_scan() -> None:
    keys = Keyboard()
    keys.press(STX, *"2000", STX, *EAN, "enter")
    assert keys.verdict.code == EAN


def test_a_prefix_and_enter_alone_are_nothing() -> None:
    assert Keyboard().press(STX, "enter", "a") == [Do.SWALLOW, Do.SWALLOW, Do.PASS]


def test_two_scans_in_a_row_are_two_scans() -> None:
    keys = Keyboard()
    codes = []
    for code in (EAN, "2000000010427"):
        keys.press(*code, "enter")
        codes.append(keys.verdict.code)
    assert codes == [EAN, "2000000010427"]


def test_a_key_stuck_down_does_not_grow_the_memory() -> None:
    keys = Keyboard()
    keys.press(*("1" * 5000))
    assert len(keys.state.text) <= 128
