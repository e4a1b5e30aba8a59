"""What a person may have meant whose words no product of the copy has; as `backend.catalogue.meant` on the server."""

import sqlite3
from collections.abc import Sequence

from msgspec import json

from backend.model.search import LAST, Term
from backend.model.spelling import SHORTEST, TWO_ERRORS_FROM, clues, meant

_MOST = 1_000
"""Words that are compared with one that was typed."""
_MOST_INSIDE = 16
_ANY_LENGTH_FROM = 3
"""Letters of a beginning that names few enough words to be compared whatever their length is."""
_ALIKE = f"""
SELECT word FROM words WHERE word >= :start AND word < :end AND length(word) BETWEEN :least AND :most
UNION SELECT word FROM words WHERE finish IN (SELECT value FROM json_each(:finishes))
    AND length(word) BETWEEN :least AND :length + 1
UNION SELECT word FROM words WHERE word IN (SELECT value FROM json_each(:swapped))
LIMIT {_MOST}
"""


def meant_terms(db: sqlite3.Connection, words: Sequence[str]) -> tuple[Term, ...]:
    """Returns the words with those that no product has replaced by similar ones; none if that changes nothing."""
    terms = [_term(db, word) for word in words]
    if any(term is None for term in terms) or not any(term and term.whole for term in terms):
        return ()
    return tuple(term for term in terms if term)


def _term(db: sqlite3.Connection, word: str) -> Term | None:
    if len(word) < SHORTEST - 1 or any(c.isdigit() for c in word):
        return Term((word,))
    if db.execute("SELECT 1 FROM words WHERE word >= ? AND word < ? LIMIT 1", (word, word + LAST)).fetchone():
        return Term((word,))
    if len(word) >= SHORTEST and (alike := _alike(db, word)):
        return Term(alike, whole=True)
    rows = db.execute("SELECT word FROM words WHERE instr(word, ?) ORDER BY word LIMIT ?", (word, _MOST_INSIDE))
    inside = tuple(row[0] for row in rows)
    return Term(inside, whole=True) if inside else None


def _alike(db: sqlite3.Connection, word: str) -> tuple[str, ...]:
    look, length = clues(word), len(word)
    values = {
        "start": look.start,
        "end": look.start + LAST,
        "least": length - (2 if length >= TWO_ERRORS_FROM else 1),
        "most": 32 if len(look.start) >= _ANY_LENGTH_FROM else length + 1,
        "length": length,
        "finishes": json.encode(look.finishes).decode(),
        "swapped": json.encode(look.swapped).decode(),
    }
    return meant(word, [row[0] for row in db.execute(_ALIKE, values)])
