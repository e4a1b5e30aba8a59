"""What free text may hold: no control characters, which would break lines or show what stands beside them in another
order than it is read in (Unicode's Bidi_Control)."""

import re

_BEYOND_ASCII = r"\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
REFUSED = rf"\x00-\x1f{_BEYOND_ASCII}"
"""For a character class of a pattern: control characters (C0, DEL, C1), line separators, bidirectional controls."""
LINE = rf"^[^{REFUSED}]*$(?!\n)"
"""The pattern of a line of text. `$` alone would let a newline through at the end."""
_IN_PARAGRAPHS = rf"\x00-\x08\x0b\x0c\x0e-\x1f{_BEYOND_ASCII}"
PARAGRAPHS = rf"^[^{_IN_PARAGRAPHS}]*$"
"""The pattern of text of several lines: tabs and newlines too."""

_FIRST = re.compile(f"[{_IN_PARAGRAPHS}]")
_FIRST_IN_LINE = re.compile(f"[{REFUSED}]")


def refused_character(text: str) -> str | None:
    """Returns the first character of `text` that it may not hold, as U+202E; None when there is none."""
    found = _FIRST.search(text) or _FIRST_IN_LINE.search(text)
    return f"U+{ord(found[0]):04X}" if found else None
