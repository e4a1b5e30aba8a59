"""How a search looks at text: case, accents and punctuation do not count, and words are what matters."""

import unicodedata
from collections.abc import Sequence

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


def indexed_words(text: str, sku: str) -> tuple[str, str]:
    """Returns the words of the name in a searchable text, and those besides, as an index has them.

    The SKU is the last of the words. One with digits is found by its beginning, and is no word.
    """
    name, _, more = text.partition(NAME_END)
    code = sku.lower()
    if any(c in "0123456789" for c in code) and f" {more}".endswith(f" {code}"):
        more = more[: len(more) - len(code)].rstrip()
    return name, more


def search_words(query: str) -> list[str]:
    """Returns the words a query looks for; every one of them must be in a product's text. At most MAX_WORDS."""
    return folded(query).split()[:MAX_WORDS]


CODE, SKU, BEGINS, NAME, ANY, SIMILAR_NAME, SIMILAR_ANY = range(7)
"""How well a product fits: it has exactly this id, SKU or barcode; its SKU begins so; its name does; the words are in
its name; they are anywhere; the last two with other words than the typed ones, when these find nothing."""
LAST = "\U0010ffff"
"""Comes after every character of a word."""


class Term(Struct, frozen=True):
    """One word of a query: what it may be, and whether that must be a whole word or only its beginning."""

    options: tuple[str, ...]
    whole: bool = False


def sku_start(query: str) -> str:
    """Returns what SKUs may begin with that a query means, in lower case; nothing for words."""
    typed = query.strip()
    return "" if typed.isalpha() or " " in typed else typed.lower()


def fts5_match(terms: Sequence[Term], column: str = "") -> str:
    """Returns the terms as SQLite's FTS5 has them, in any column or in one.

    Folded words have no character that would mean something to it.
    """
    alternatives = (" OR ".join(f'"{word}"' if term.whole else f'"{word}"*' for word in term.options) for term in terms)
    words = " AND ".join(f"({one})" for one in alternatives)
    return f"{{{column}}} : ({words})" if column else words


def pieces(term: Term) -> list[str]:
    """Returns what to look for in words that have a space before and after each of them."""
    return [f" {word} " if term.whole else f" {word}" for word in term.options]
