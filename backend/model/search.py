"""How a search looks at text: case, accents and punctuation do not count, and words are what matters."""

import unicodedata

from msgspec import Struct

_SPACES = str.maketrans({code: " " for code in range(128) if not chr(code).isalnum()})
MAX_WORDS = 8
"""Words of a query that count; a person never types more, a pasted page would only cost time."""
NAME_END = " | "
"""Ends the name in a searchable text; no word has this character, so a match in the name can be told from others."""
_MAX_TEXT = 1000


def folded(text: str) -> str:
    """Returns `text` in lower case without accents, its letters and digits in words separated by one space."""
    if text.isascii():
        return " ".join(text.lower().translate(_SPACES).split())
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).casefold()
    return " ".join("".join(c if c.isalnum() else " " for c in plain).split())


def search_text(name: str, *more: str) -> str:
    """Returns what is stored as a product's searchable text: its name, NAME_END, then whatever else it may be found
    by."""
    return f"{folded(name)}{NAME_END}{folded(' '.join(more))}"[:_MAX_TEXT]


def search_words(query: str) -> list[str]:
    """Returns the words a query looks for; every one of them must be in a product's text. At most MAX_WORDS."""
    return folded(query).split()[:MAX_WORDS]


class Term(Struct, frozen=True):
    """One word of a query: what it may be, and whether that must be a whole word or only its beginning."""

    options: tuple[str, ...]
    whole: bool = False
