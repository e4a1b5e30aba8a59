"""What a terminal says about the acts that it sends: their numbers in its own journal, and who did them there.

It travels in a header beside the commands, so that servers of an older release, which refuse unknown fields, do not
mind it. An act may be several commands; its last one decides it, and that one carries the number.
"""

import re
from collections.abc import Sequence
from urllib.parse import quote, unquote

from msgspec import Struct

from .errors import InvalidInput

HEADER = "X-Terminal-Acts"
LONGEST_ACTOR = 64
_ACTS = re.compile(r"([a-z0-9]{1,16}) ([^ ]*)", re.ASCII)
_ACT = re.compile(r"([1-9][0-9]{0,17}):([A-Za-z0-9_.~%-]{0,600})", re.ASCII)


class Told(Struct, frozen=True):
    """An act's place in the journal of its terminal."""

    journal: str
    """Names the terminal's file; a new file has a new name, a copy of it has not."""
    sequence: int
    actor: str
    """Who did it, as the terminal says; who sends it may have signed in later."""


def written(acts: Sequence[Told | None]) -> str:
    """Returns the header for a list of commands: one entry for each, empty for those that end no act.

    All acts are of one journal. Returns nothing if there is nothing to say.
    """
    journals = {act.journal for act in acts if act}
    if not journals:
        return ""
    [journal] = journals
    entries = [f"{act.sequence}:{quote(act.actor, safe='')}" if act else "" for act in acts]
    return f"{journal} {','.join(entries)}"


def read(header: str, commands: int) -> list[Told | None]:
    """Returns what the header says of so many commands. Raises InvalidInput for one that says something else."""
    matched = _ACTS.fullmatch(header)
    entries = matched[2].split(",") if matched else []
    if matched is None or len(entries) != commands:
        raise InvalidInput(HEADER, f"{HEADER} must be a journal's name and one entry for each of the commands.")
    return [_entry(matched[1], entry) if entry else None for entry in entries]


def _entry(journal: str, entry: str) -> Told:
    matched = _ACT.fullmatch(entry)
    actor = unquote(matched[2]) if matched else ""
    if matched is None or len(actor) > LONGEST_ACTOR or not actor.isprintable():
        raise InvalidInput(HEADER, f"{HEADER} has an entry that is no number and name; write 17:ana for each act.")
    return Told(journal, int(matched[1]), actor)
