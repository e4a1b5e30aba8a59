"""What a person may have meant whose words no product has: read from the words that products do have."""

from collections.abc import Sequence

from sqlalchemy import and_, bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.tables import search_words
from backend.model.search import Term
from backend.model.spelling import SHORTEST, clues, meant

_w = search_words.c
_LAST = "\U0010ffff"
_MOST = 1_000
"""Words of the vocabulary that are compared with one that was typed."""
_MOST_INSIDE = 16
_BEGINS = and_(_w.word >= bindparam("start"), _w.word < bindparam("end"))
_IS_THERE = select(_w.word).where(_BEGINS).limit(1)
_ALIKE = (
    select(_w.word)
    .where(
        or_(
            and_(_BEGINS, func.length(_w.word).between(bindparam("least"), bindparam("most"))),
            and_(
                _w.finish.in_(bindparam("finishes", expanding=True)),
                func.length(_w.word).between(bindparam("least"), bindparam("length") + 1),
            ),
            _w.word.in_(bindparam("swapped", expanding=True)),
        )
    )
    .limit(_MOST)
)
_INSIDE = select(_w.word).where(_w.word.contains(bindparam("part"))).order_by(_w.word).limit(_MOST_INSIDE)
_ANY_LENGTH_FROM = 3
"""Letters of a beginning that names few enough words to be compared whatever their length is."""


async def meant_terms(connection: AsyncConnection, words: Sequence[str]) -> tuple[Term, ...]:
    """Returns the words with those that no product has replaced by similar ones; none if that changes nothing."""
    terms = [await _term(connection, word) for word in words]
    if any(term is None for term in terms) or not any(term and term.whole for term in terms):
        return ()
    return tuple(term for term in terms if term)


async def _term(connection: AsyncConnection, word: str) -> Term | None:
    if len(word) < SHORTEST - 1 or any(c.isdigit() for c in word):
        return Term((word,))
    if await connection.scalar(_IS_THERE, {"start": word, "end": word + _LAST}):
        return Term((word,))
    if len(word) >= SHORTEST and (alike := await _alike(connection, word)):
        return Term(alike, whole=True)
    inside = tuple((await connection.execute(_INSIDE, {"part": word})).scalars())
    return Term(inside, whole=True) if inside else None


async def _alike(connection: AsyncConnection, word: str) -> tuple[str, ...]:
    look, length = clues(word), len(word)
    values = {
        "start": look.start,
        "end": look.start + _LAST,
        "least": length - (2 if length >= 8 else 1),
        "most": 32 if len(look.start) >= _ANY_LENGTH_FROM else length + 1,
        "length": length,
        "finishes": look.finishes,
        "swapped": look.swapped,
    }
    return meant(word, (await connection.execute(_ALIKE, values)).scalars())
