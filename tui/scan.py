"""Tells a scanner from a person. Pure: the state so far, one key and its time in; the new state and a verdict out.

A keyboard-wedge scanner types its code and Enter. Two ways to know it, both at once:
- a programmed prefix (STX by default): exact. Its keys are swallowed until Enter.
- without one, speed: six or more digits at most `GAP` seconds apart, then Enter. A person's keys go through at once, so
  the digits of such a burst have already reached whatever has the focus; the verdict says where the burst began, and
  the app puts the focused field back to what it held there.

Only the times of the keys count, never a timer's, so a screen that is busy for a moment changes nothing.
"""

from dataclasses import dataclass, replace
from enum import Enum, auto
from math import inf

GAP = 0.05
"""Seconds between two keys of a scanner. The fastest hands take longer over six keys in a row."""
SILENCE = 0.5
"""Seconds after which a scan that began with the prefix will not go on."""
SHORTEST = 6
LONGEST = 128
STX = "ctrl+b"


@dataclass(frozen=True)
class Key:
    """A key press: Textual's name for it, the character it types if it types one, and when (seconds)."""

    name: str
    character: str | None
    time: float


class Bursts(Enum):
    """Which fast texts before an Enter are scans. Fast text may also be a script's or a pasted one."""

    NONE = auto()
    """None: here people sign in and name commands."""
    DIGITS = auto()
    """Only digits: here people also type names."""
    ANY = auto()
    """All: here an Enter answers a question, and a scanner's must not."""

    def takes(self, text: str) -> bool:
        """Returns whether this text is a scan."""
        return self is Bursts.ANY or (self is Bursts.DIGITS and text.isdigit())


class Do(Enum):
    """What becomes of the key, and of the scan if one ended with it."""

    PASS = auto()
    """Deliver the key as usual."""
    SWALLOW = auto()
    """The key belongs to a scan."""
    SCAN = auto()
    """A whole scan: `code`. The key is swallowed; what leaked into the focused field is taken back."""
    BROKEN = auto()
    """A scan that began with the prefix and stopped in the middle; the key is delivered."""


@dataclass(frozen=True)
class Verdict:
    """What to do. `begins` marks a key that may be a burst's first: remember the focused field as it is."""

    do: Do
    code: str = ""
    begins: bool = False
    leaked: bool = False


@dataclass(frozen=True)
class State:
    """The keys of a possible scan so far."""

    text: str = ""
    last: float = -inf
    prefixed: bool = False
    ended: float = -inf
    """When the last scan ended: a line feed right after its carriage return belongs to it."""


def step(state: State, key: Key, *, prefix: str = STX, bursts: Bursts = Bursts.DIGITS) -> tuple[State, Verdict]:
    """Judge one key, on a screen that takes such `bursts` for scans."""
    if key.name == "ctrl+j" and key.time - state.ended <= GAP:
        return replace(state, ended=-inf), Verdict(Do.SWALLOW)
    if state.prefixed:
        return _in_prefixed(state, key, prefix)
    if key.name == prefix:
        return State(last=key.time, prefixed=True), Verdict(Do.SWALLOW)
    fast = key.time - state.last <= GAP
    if _types(key):
        text = state.text + (key.character or "") if fast else key.character or ""
        return State(text[-LONGEST:], key.time), Verdict(Do.PASS, begins=not fast)
    if _is_enter(key) and fast and len(state.text) >= SHORTEST and bursts.takes(state.text):
        return State(ended=key.time), Verdict(Do.SCAN, state.text, leaked=True)
    return State(), Verdict(Do.PASS)


def overdue(state: State, now: float) -> tuple[State, Verdict]:
    """Judge silence: a scan that began with the prefix and will not go on is broken. Nothing else happens."""
    if state.prefixed and now - state.last > SILENCE:
        return State(), Verdict(Do.BROKEN, state.text)
    return state, Verdict(Do.SWALLOW)


def _in_prefixed(state: State, key: Key, prefix: str) -> tuple[State, Verdict]:
    if key.time - state.last > SILENCE or not (_types(key) or _is_enter(key) or key.name == prefix):
        text = key.character or "" if _types(key) else ""
        return State(text, key.time), Verdict(Do.BROKEN, state.text, begins=bool(text))
    if key.name == prefix:
        return State(last=key.time, prefixed=True), Verdict(Do.SWALLOW)
    if _types(key):
        return replace(state, text=(state.text + (key.character or ""))[:LONGEST], last=key.time), Verdict(Do.SWALLOW)
    if not state.text:
        return State(), Verdict(Do.SWALLOW)
    return State(ended=key.time), Verdict(Do.SCAN, state.text)


def _types(key: Key) -> bool:
    return key.character is not None and key.character.isprintable()


def _is_enter(key: Key) -> bool:
    return key.name in ("enter", "ctrl+j")
