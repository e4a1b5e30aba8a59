"""The search of the counter: pages of products, best first, at any size of the catalogue.

A product's stage says how well it fits (CODE to ANY); within a stage products are in the order of their folded names.
Few hits are ranked in one statement. Many are read stage by stage in the order of an index, until the page is full:
sorting them all would take longer than anybody waits. How many there are is counted on SQLite, whose word index gives
its hits one after the other, and estimated by the planner on PostgreSQL, whose index does not.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Any, NamedTuple

from msgspec import Meta, Struct, json
from sqlalchemy import CursorResult, TextClause, bindparam, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.tables import barcodes, product_search, products
from backend.model.search import ANY, BEGINS, CODE, NAME, SIMILAR_ANY, SIMILAR_NAME, SKU, Term, search_words, sku_start

from .asked import HAS_SKU, HITS, Asked, Stage
from .meant import meant_terms
from .search_queries import Product, products_by_ids

RANKED = 1_000
"""Hits that are ranked in one statement."""
SORTED = 5_000
"""Hits of one stage that are sorted; more are met soon enough on a walk through the names in their order."""
COUNTED = 10_000
"""Hits that are counted on SQLite."""


class SearchKey(NamedTuple):
    """Where the next page begins: behind this row, `seen` rows after the first."""

    stage: Annotated[int, Meta(ge=CODE, le=SIMILAR_ANY)]
    sort: Annotated[str, Meta(max_length=1000, pattern=r"^[^\x00]*$")]
    number: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    seen: Annotated[int, Meta(ge=0, le=2**31 - 1)]


class Page(Struct, frozen=True):
    """Some of the products that match, and how many match in all."""

    products: list[Product]
    total: int
    exact: bool = True
    """Whether `total` was counted; many hits are estimated."""
    similar: bool = False
    """Whether nothing has the words of the query, and these have similar ones."""
    next: SearchKey | None = None


class _Row(NamedTuple):
    number: int
    product_id: str
    stage: int
    sort: str


async def search_products(
    connection: AsyncConnection,
    query: str,
    *,
    category: str | None = None,
    category_path: str | None = None,
    inactive: bool = False,
    limit: int,
    offset: int = 0,
    after: SearchKey | None = None,
) -> Page:
    """Returns products that have a word beginning with each word of `query`; all for an empty one.

    Only those of `category`, and only those at or below `category_path`, if these are given.

    If there is none, those that have similar words. The page begins behind `after`, or after `offset` products.
    """
    typed = query.strip()
    words = search_words(typed)
    asked = Asked(
        connection.dialect.name,
        tuple(Term((word,)) for word in words),
        codes=await _codes(connection, typed) if typed else (),
        sku=sku_start(typed),
        phrase=" ".join(words),
        everything=not typed,
        category=category,
        category_path=category_path,
        inactive=inactive,
    )
    if after is None or after.stage < SIMILAR_NAME:
        page = await _page(connection, asked, limit, offset, after)
        if page.total or asked.everything:
            return page
    terms = await meant_terms(connection, words)
    if not terms:
        return Page([], 0)
    similar = Asked(
        asked.dialect, terms, category=category, category_path=category_path, inactive=inactive, similar=True
    )
    return await _page(connection, similar, limit, offset, after)


async def _page(connection: AsyncConnection, asked: Asked, limit: int, offset: int, after: SearchKey | None) -> Page:
    total, exact = await _about(connection, asked)
    if exact and not total:
        return Page([], 0)
    if total <= RANKED and not asked.everything:
        rows, total = await _ranked(connection, asked, limit + 1, offset, after)
        exact = True
    else:
        rows = await _staged(connection, asked, limit + 1, offset, after, total)
    shown, last = rows[:limit], None
    start = after.seen if after else offset
    if len(rows) > limit:
        last = SearchKey(shown[-1].stage, shown[-1].sort, shown[-1].number, start + limit)
        total = max(total, start + len(rows))
    elif rows:  # the last page knows
        total, exact = start + len(rows), True
    elif not exact and not (start and await _staged(connection, asked, 1, 0, None, total)):
        total, exact = 0, True
    found = await products_by_ids(connection, [row.product_id for row in shown])
    return Page(found, total, exact, asked.similar and bool(total), last)


async def _ranked(
    connection: AsyncConnection, asked: Asked, limit: int, offset: int, after: SearchKey | None
) -> tuple[list[_Row], int]:
    """Returns the rows of the page and how many there are in all, from all hits."""
    stages = asked.stages()
    found = [stage.found for stage in stages if stage.number not in (BEGINS, NAME, SIMILAR_NAME)]  # parts of the last
    if not found:
        return [], 0
    cases = " ".join(f"WHEN {stage.seen} THEN {stage.number}" for stage in stages)
    hits = f"""WITH hits AS {_materialized(asked)} (
        SELECT number, product_id, code, name, CASE {cases} ELSE {stages[-1].number} END AS stage
        FROM product_search WHERE {asked.shown} AND ({" OR ".join(f"({one})" for one in found)})
    )"""
    behind = "" if after is None else "WHERE (stage, sort, number) > (:stage, :sort, :number)"
    page = f"""{hits} SELECT number, product_id, stage, sort, total FROM (
        SELECT number, product_id, stage, CASE stage WHEN {SKU} THEN code ELSE name END AS sort,
            count(*) OVER () AS total FROM hits
    ) page {behind} ORDER BY stage, sort, number LIMIT :limit OFFSET :offset"""
    rows = (await _run(connection, page, asked, after, limit=limit, offset=offset)).all()
    if not rows and (offset or after):  # no row is left to carry the total
        return [], (await _run(connection, f"{hits} SELECT count(*) FROM hits", asked)).scalar_one()
    return [_Row._make(row[:4]) for row in rows], rows[0].total if rows else 0


async def _staged(
    connection: AsyncConnection, asked: Asked, limit: int, offset: int, after: SearchKey | None, total: int
) -> list[_Row]:
    """Returns the rows of the page, stage by stage: one of few hits sorted, one of many in the order of an index."""
    rows: list[_Row] = []
    earlier: list[str] = []
    for stage in asked.stages():
        if len(rows) < limit and (after is None or stage.number >= after.stage):
            hits = total
            if stage.number in (NAME, SIMILAR_NAME) and total > SORTED:
                hits, _ = await _about(connection, asked, in_name=True)
            if not hits:
                continue
            is_word = stage.number in (NAME, ANY, SIMILAR_NAME, SIMILAR_ANY) and not asked.everything
            is_few = hits <= SORTED and (is_word or asked.category_path is not None)
            place = after if after is not None and stage.number == after.stage else None
            statement = _of_stage(asked, stage, earlier, behind=place is not None, few=is_few)
            page = f"{statement} ORDER BY sort, number LIMIT :limit OFFSET :offset"
            found = await _run(connection, page, asked, place, limit=limit - len(rows), offset=offset)
            more = [_Row._make(row) for row in found]
            if more or not offset:
                offset = 0
            else:
                count = f"SELECT count(*) FROM ({statement}) stage"
                offset -= (await _run(connection, count, asked, place)).scalar_one()
            rows += more
        earlier.append(stage.seen)
    return rows


def _of_stage(asked: Asked, stage: Stage, earlier: Sequence[str], *, behind: bool, few: bool) -> str:
    conditions = [asked.shown, stage.found if few else stage.seen, *(f"NOT ({condition})" for condition in earlier)]
    rows = f"""SELECT number, product_id, {stage.number} AS stage, {stage.order} AS sort
        FROM product_search WHERE {" AND ".join(f"({condition})" for condition in conditions)}"""
    where = "WHERE (sort, number) > (:sort, :number)" if behind else ""
    columns = "SELECT number, product_id, stage, sort FROM"
    if few:
        return f"WITH hits AS {_materialized(asked)} ({rows}) {columns} hits {where}"
    return f"{columns} ({rows}) hits {where}"


def _materialized(asked: Asked) -> str:
    """Returns what keeps the planner from a walk through the names when few hits are to be sorted."""
    return "MATERIALIZED" if asked.dialect == "postgresql" or asked.category_path is not None else ""


async def _about(connection: AsyncConnection, asked: Asked, *, in_name: bool = False) -> tuple[int, bool]:
    """Returns roughly how many products match, or only how many do with their names, and whether that is exact."""
    if not (asked.everything or asked.terms or asked.sku):
        return len(asked.codes), True
    if asked.dialect == "postgresql":
        return await _estimated(connection, asked, in_name=in_name), False
    if asked.everything or asked.filtered:
        stage = next(x for x in reversed(asked.stages()) if not in_name or x.number in (NAME, SIMILAR_NAME))
        some = f"SELECT number FROM product_search WHERE {asked.shown} AND {stage.seen}"
        count = await _counted(connection, some, asked)
        return count, count <= COUNTED
    count = 0
    if asked.terms:
        count += await _counted(connection, HITS.format(match="in_name" if in_name else "anywhere"), asked)
    if asked.sku and not in_name:
        some = f"SELECT number FROM product_search WHERE {HAS_SKU} AND {asked.shown}"
        count += await _counted(connection, some, asked)
    return count, count <= COUNTED and not (asked.sku or asked.codes)


async def _counted(connection: AsyncConnection, some: str, asked: Asked) -> int:
    count = f"SELECT count(*) FROM ({some} LIMIT {COUNTED + 1}) some"
    return int((await _run(connection, count, asked)).scalar_one())


async def _estimated(connection: AsyncConnection, asked: Asked, *, in_name: bool) -> int:
    """Returns the planner's estimate, or when that is small enough to be counted soon, the number itself."""
    found = []
    if asked.terms and not asked.inactive:
        found.append(asked.found(in_name=in_name))
    if asked.sku and not in_name:
        found.append(HAS_SKU)
    either = f" AND ({' OR '.join(found)})" if found else ""
    statement = f"SELECT 1 FROM product_search WHERE {asked.shown}{either}"
    plan = (await _run(connection, f"EXPLAIN (FORMAT JSON) {statement}", asked)).scalar_one()
    rows: int = (plan if isinstance(plan, list) else json.decode(plan))[0]["Plan"]["Plan Rows"]
    if asked.everything and rows <= SORTED:
        rows = (await _run(connection, f"SELECT count(*) FROM ({statement}) rows", asked)).scalar_one()
    return rows


async def _run(
    connection: AsyncConnection, sql: str, asked: Asked, after: SearchKey | None = None, **more: int
) -> CursorResult[Any]:
    """Runs a statement. It takes the parameters that it names."""
    values = asked.values | more | ({} if after is None else after._asdict())
    return await connection.execute(_statement(sql), values)


@lru_cache(1_000)
def _statement(sql: str) -> TextClause:
    """Returns the statement, read once: to make it of expressions for each search took longer than most searches."""
    return text(sql)


async def _codes(connection: AsyncConnection, code: str) -> tuple[int, ...]:
    """Returns the numbers of the products with exactly this id, SKU or barcode."""
    return tuple((await connection.execute(_BY_CODE, {"code": code, "capitals": code.upper()})).scalars())


_ids = (
    select(products.c.id)
    .where(or_(products.c.id == bindparam("code"), products.c.sku.in_([bindparam("code"), bindparam("capitals")])))
    .union(select(barcodes.c.product_id).where(barcodes.c.barcode == bindparam("code")))
)
_BY_CODE = select(product_search.c.number).where(product_search.c.product_id.in_(_ids))
