"""The search of the counter on the copy: the same answers as the server's, in its order, within milliseconds.

It has the stages of `backend.catalogue.word_search`. The hits of a stage are sorted if they are few; else the names are
walked through in their order until the page is full.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec import json

from backend.model.search import (
    ANY,
    BEGINS,
    CODE,
    LAST,
    NAME,
    SIMILAR_ANY,
    SIMILAR_NAME,
    SKU,
    Term,
    fts5_match,
    pieces,
    search_words,
    sku_start,
)

from .meant import meant_terms

SORTED = 2_500
"""Hits of a stage that are sorted; more are met soon enough on a walk through the names."""


_INDEXES = {"name_words": "products_by_name", "code": "products_by_code"}


class Hits(NamedTuple):
    """The numbers of some products, best first, and whether there are more, or only such with similar words."""

    numbers: list[int]
    more: bool = False
    similar: bool = False


class _Stage(NamedTuple):
    number: int
    order: str
    condition: str
    values: tuple[Any, ...]
    match: str = ""
    """What the word index finds its hits by, if it is one of words."""


def find(db: sqlite3.Connection, query: str, limit: int, offset: int = 0) -> Hits:
    """Returns active products that have a word beginning with each word of the query; all for an empty one.

    If there is none, those that have similar words.
    """
    typed = query.strip()
    if not typed:
        rows = db.execute(
            "SELECT number FROM products WHERE active ORDER BY name_words, number LIMIT ? OFFSET ?",
            (limit + 1, offset),
        )
        return _page([row[0] for row in rows], limit, 0)
    words = search_words(typed)
    wanted = offset + limit + 1
    if numbers := _numbers(db, _stages(db, typed, words), wanted):
        return _page(numbers, limit, offset)
    similar = _of_words(meant_terms(db, words), SIMILAR_NAME, SIMILAR_ANY)
    return _page(_numbers(db, similar, wanted), limit, offset, similar=bool(similar))


def _page(numbers: list[int], limit: int, offset: int, *, similar: bool = False) -> Hits:
    return Hits(numbers[offset : offset + limit], len(numbers) > offset + limit, similar and bool(numbers))


def _stages(db: sqlite3.Connection, typed: str, words: Sequence[str]) -> list[_Stage]:
    stages = []
    if codes := _codes(db, typed):
        listed = json.encode(codes).decode()
        stages.append(_Stage(CODE, "name_words", "number IN (SELECT value FROM json_each(?))", (listed,)))
    if sku := sku_start(typed):
        stages.append(_Stage(SKU, "code", "code >= ? AND code < ?", (sku, sku + LAST)))
    if phrase := " ".join(words):
        begun = f" {phrase}"
        stages.append(_Stage(BEGINS, "name_words", "name_words >= ? AND name_words < ?", (begun, begun + LAST)))
    return stages + _of_words([Term((word,)) for word in words], NAME, ANY)


def _of_words(terms: Sequence[Term], name: int, anywhere: int) -> list[_Stage]:
    if not terms:
        return []

    def has(*columns: str) -> str:
        seen = [" OR ".join(f"instr({x}, ?) > 0" for _ in pieces(term) for x in columns) for term in terms]
        return " AND ".join(f"({one})" for one in seen)

    once = tuple(piece for term in terms for piece in pieces(term))
    twice = tuple(piece for piece in once for _ in range(2))
    return [
        _Stage(name, "name_words", has("name_words"), once, fts5_match(terms, "name_words")),
        _Stage(anywhere, "name_words", has("name_words", "more_words"), twice, fts5_match(terms)),
    ]


def _codes(db: sqlite3.Connection, code: str) -> list[int]:
    """Returns the numbers of the products with exactly this id, SKU or barcode."""
    rows = db.execute(
        "SELECT number FROM products WHERE id = ?1 UNION SELECT number FROM products WHERE sku IN (?1, ?2)"
        " UNION SELECT number FROM barcodes WHERE barcode = ?1",
        (code, code.upper()),
    )
    return [row[0] for row in rows]


def _numbers(db: sqlite3.Connection, stages: Sequence[_Stage], limit: int) -> list[int]:
    """Returns the first `limit` numbers, best first."""
    numbers: dict[int, None] = {}
    for stage in stages:
        if len(numbers) >= limit:
            break
        hits = _count(db, stage.match) if stage.match else -1
        # Whoever has come this far has seen all hits of the stages before.
        numbers.update(dict.fromkeys(_of_stage(db, stage, hits, limit + len(numbers))))
    return list(numbers)[:limit]


def _of_stage(db: sqlite3.Connection, stage: _Stage, hits: int, limit: int) -> list[int]:
    """Returns the first `limit` numbers of a stage in its order: all its hits sorted, or a walk through the names."""
    values: tuple[Any, ...] = stage.values
    if not hits:
        return []
    if 0 < hits <= SORTED:
        source, values = "products", (stage.match,)
        condition = "number IN (SELECT rowid FROM product_words WHERE product_words MATCH ?)"
    else:
        source = "products" if stage.number == CODE else f"products INDEXED BY {_INDEXES[stage.order]}"
        condition = f"active AND {stage.condition}"
    rows = db.execute(
        f"SELECT number FROM {source} WHERE {condition} ORDER BY {stage.order}, number LIMIT ?", (*values, limit)
    )
    return [row[0] for row in rows]


def _count(db: sqlite3.Connection, match: str) -> int:
    """Returns how many products the word index finds; more than SORTED are not counted."""
    some = "SELECT rowid FROM product_words WHERE product_words MATCH ? LIMIT ?"
    (count,) = db.execute(f"SELECT count(*) FROM ({some})", (match, SORTED + 1)).fetchone()
    return int(count)
