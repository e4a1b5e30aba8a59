"""The search of the counter: pages of products, best first, at any size of the catalogue.

A product's stage says how well it fits (CODE to ANY); within a stage products are in the order of their folded names.
Few hits are ranked in one statement. Many are read stage by stage in the order of an index, until the page is full:
sorting them all would take longer than anybody waits. How many there are is counted on SQLite, whose word index gives
its hits one after the other, and estimated by the planner on PostgreSQL, whose index does not.
"""

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

from msgspec import Meta, Struct, json
from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    column,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    table,
    text,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.tables import barcodes, product_search, products
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
from .search_queries import Product, products_by_ids

RANKED = 1_000
"""Hits that are ranked in one statement."""
SORTED = 5_000
"""Hits of one stage that are sorted; more are met soon enough on a walk through the names in their order."""
COUNTED = 10_000
"""Hits that are counted on SQLite."""
_LONGEST_LEXEME = 64

_s = product_search.c
_word_index = table("product_words", column("rowid"), column("product_words"))


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


class _Stage(NamedTuple):
    number: int
    order: ColumnElement[str]
    found: ColumnElement[bool]
    """As an index finds it."""
    seen: ColumnElement[bool]
    """As it is seen in a row that was read for its order."""


class _Asked(Struct, frozen=True):
    """A query in the terms of the index."""

    dialect: str
    terms: tuple[Term, ...]
    codes: tuple[int, ...] = ()
    sku: str = ""
    phrase: str = ""
    everything: bool = False
    category: str | None = None
    inactive: bool = False
    similar: bool = False

    def stages(self) -> list[_Stage]:
        """Returns the stages that a hit can have, best first."""
        by_name: ColumnElement[str] = _s.name
        if self.everything:
            return [_Stage(ANY, by_name, true(), true())]
        stages = []
        if self.codes:
            listed = _s.number.in_(self.codes)
            stages.append(_Stage(CODE, by_name, listed, listed))
        if self.sku:
            named = _between(_s.code, self.sku)
            stages.append(_Stage(SKU, _s.code, named, named))
        if self.phrase:
            begun = _between(_s.name, self.phrase)
            stages.append(_Stage(BEGINS, by_name, begun, begun))
        if self.terms:
            name, anywhere = (SIMILAR_NAME, SIMILAR_ANY) if self.similar else (NAME, ANY)
            stages.append(_Stage(name, by_name, self._found(in_name=True), self._seen(in_name=True)))
            stages.append(_Stage(anywhere, by_name, self._found(in_name=False), self._seen(in_name=False)))
        return stages

    def shown(self) -> ColumnElement[bool]:
        """Tells which products may be shown at all."""
        conditions: list[ColumnElement[bool]] = [] if self.inactive else [_s.active]
        if self.category is not None:
            conditions.append(_s.category == self.category)
        return and_(true(), *conditions)

    def _found(self, *, in_name: bool) -> ColumnElement[bool]:
        if self.dialect == "postgresql":
            return self._seen(in_name=in_name)
        if self.category is not None or self.inactive:  # one index finds less, the other has no such words
            return self._seen(in_name=in_name)
        return _s.number.in_(_hits(self.terms, in_name=in_name))

    def _seen(self, *, in_name: bool) -> ColumnElement[bool]:
        if self.dialect == "postgresql" and not self.inactive:
            query = cast(literal(_tsquery(self.terms, in_name=in_name), Text), TSQUERY)
            return _s.words.op("@@", is_comparison=True)(query)
        words = " " + _s.name + " " if in_name else " " + _s.name + " " + _s.more + " "
        return and_(*(or_(*(_has(self.dialect)(words, piece) > 0 for piece in pieces(term))) for term in self.terms))


async def search_products(
    connection: AsyncConnection,
    query: str,
    *,
    category: str | None = None,
    inactive: bool = False,
    limit: int,
    offset: int = 0,
    after: SearchKey | None = None,
) -> Page:
    """Returns products (of a category) that have a word beginning with each word of `query`; all for an empty one.

    If there is none, those that have similar words. The page begins behind `after`, or after `offset` products.
    """
    typed = query.strip()
    words = search_words(typed)
    asked = _Asked(
        connection.dialect.name,
        tuple(Term((word,)) for word in words),
        codes=await _codes(connection, typed) if typed else (),
        sku=sku_start(typed),
        phrase=" ".join(words),
        everything=not typed,
        category=category,
        inactive=inactive,
    )
    if after is None or after.stage < SIMILAR_NAME:
        page = await _page(connection, asked, limit, offset, after)
        if page.total or asked.everything:
            return page
    terms = await meant_terms(connection, words)
    if not terms:
        return Page([], 0)
    similar = _Asked(asked.dialect, terms, category=category, inactive=inactive, similar=True)
    return await _page(connection, similar, limit, offset, after)


async def _page(connection: AsyncConnection, asked: _Asked, limit: int, offset: int, after: SearchKey | None) -> Page:
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
    connection: AsyncConnection, asked: _Asked, limit: int, offset: int, after: SearchKey | None
) -> tuple[list[_Row], int]:
    """Returns the rows of the page and how many there are in all, from all hits."""
    stages = asked.stages()
    found = [stage.found for stage in stages if stage.number not in (BEGINS, NAME, SIMILAR_NAME)]  # parts of the last
    if not found:
        return [], 0
    stage = case(*((stage.seen, stage.number) for stage in stages), else_=stages[-1].number).label("stage")
    sort = case((stage == SKU, _s.code), else_=_s.name).label("sort")
    hits = select(_s.number, _s.product_id, stage, sort).where(asked.shown(), or_(false(), *found)).cte("hits")
    hits = hits.prefix_with("MATERIALIZED", dialect="postgresql")
    page = select(*hits.c, func.count().over().label("total")).subquery()
    ordered = select(page).order_by(page.c.stage, page.c.sort, page.c.number).limit(limit).offset(offset)
    if after is not None:
        behind = tuple_(page.c.stage, page.c.sort, page.c.number) > tuple_(*map(literal, after[:3]))
        ordered = ordered.where(behind)
    rows = (await connection.execute(ordered)).all()
    if not rows and (offset or after):  # no row is left to carry the total
        return [], (await connection.execute(select(func.count()).select_from(hits))).scalar_one()
    return [_Row(*row[:4]) for row in rows], rows[0].total if rows else 0


async def _staged(
    connection: AsyncConnection, asked: _Asked, limit: int, offset: int, after: SearchKey | None, total: int
) -> list[_Row]:
    """Returns the rows of the page, stage by stage: one of few hits sorted, one of many in the order of an index."""
    rows: list[_Row] = []
    earlier: list[ColumnElement[bool]] = []
    for stage in asked.stages():
        if len(rows) < limit and (after is None or stage.number >= after.stage):
            hits = total
            if stage.number in (NAME, SIMILAR_NAME) and total > SORTED:
                hits, _ = await _about(connection, asked, in_name=True)
            if not hits:
                continue
            is_word = stage.number in (NAME, ANY, SIMILAR_NAME, SIMILAR_ANY) and not asked.everything
            statement = _of_stage(asked, stage, earlier, few=is_word and hits <= SORTED)
            if after is not None and stage.number == after.stage:
                statement = statement.where(
                    tuple_(column("sort"), column("number")) > tuple_(*map(literal, after[1:3]))
                )
            page = statement.order_by(column("sort"), column("number")).limit(limit - len(rows)).offset(offset)
            more = [_Row(*row) for row in await connection.execute(page)]
            if more or not offset:
                offset = 0
            else:
                offset -= (
                    await connection.execute(select(func.count()).select_from(statement.subquery()))
                ).scalar_one()
            rows += more
        earlier.append(stage.seen)
    return rows


def _of_stage(asked: _Asked, stage: _Stage, earlier: Sequence[ColumnElement[bool]], *, few: bool) -> Select[Any]:
    rows = select(_s.number, _s.product_id, literal(stage.number).label("stage"), stage.order.label("sort")).where(
        asked.shown(), stage.found if few else stage.seen, *(not_(condition) for condition in earlier)
    )
    hits = rows.cte("hits").prefix_with("MATERIALIZED", dialect="postgresql") if few else rows.subquery("hits")
    return select(hits.c.number, hits.c.product_id, hits.c.stage, hits.c.sort)


async def _about(connection: AsyncConnection, asked: _Asked, *, in_name: bool = False) -> tuple[int, bool]:
    """Returns roughly how many products match, or only how many do with their names, and whether that is exact."""
    if not (asked.everything or asked.terms or asked.sku):
        return len(asked.codes), True
    if asked.dialect == "postgresql":
        return await _estimated(connection, asked, in_name=in_name), False
    if asked.everything or asked.category is not None or asked.inactive:
        stage = next(x for x in reversed(asked.stages()) if not in_name or x.number in (NAME, SIMILAR_NAME))
        some = select(_s.number).where(asked.shown(), stage.seen)
        count = await _counted(connection, some)
        return count, count <= COUNTED
    count = 0
    if asked.terms:
        count += await _counted(connection, _hits(asked.terms, in_name=in_name))
    if asked.sku and not in_name:
        count += await _counted(connection, select(_s.number).where(_between(_s.code, asked.sku), asked.shown()))
    return count, count <= COUNTED and not (asked.sku or asked.codes)


async def _counted(connection: AsyncConnection, some: Select[Any]) -> int:
    return (await connection.execute(select(func.count()).select_from(some.limit(COUNTED + 1).subquery()))).scalar_one()


async def _estimated(connection: AsyncConnection, asked: _Asked, *, in_name: bool) -> int:
    """Returns the planner's estimate, or when that is small enough to be counted soon, the number itself."""
    found, values = [], {}
    if asked.terms and not asked.inactive:
        found.append("words @@ CAST(CAST(:match AS text) AS tsquery)")
        values["match"] = _tsquery(asked.terms, in_name=in_name)
    if asked.sku and not in_name:
        found.append("(code >= CAST(:sku AS text) AND code < CAST(:sku_end AS text))")
        values |= {"sku": asked.sku, "sku_end": asked.sku + LAST}
    conditions = [f"({' OR '.join(found)})"] if found else []
    if not asked.inactive:
        conditions.append("active")
    if asked.category is not None:
        conditions.append("category = CAST(:category AS text)")
        values["category"] = asked.category
    statement = f"SELECT 1 FROM product_search WHERE {' AND '.join(conditions) or 'true'}"
    plan = await connection.scalar(text(f"EXPLAIN (FORMAT JSON) {statement}"), values)
    rows: int = (plan if isinstance(plan, list) else json.decode(plan))[0]["Plan"]["Plan Rows"]
    if asked.everything and rows <= SORTED:
        rows = (await connection.execute(text(f"SELECT count(*) FROM ({statement}) rows"), values)).scalar_one()
    return rows


async def _codes(connection: AsyncConnection, code: str) -> tuple[int, ...]:
    """Returns the numbers of the products with exactly this id, SKU or barcode."""
    return tuple((await connection.execute(_BY_CODE, {"code": code, "capitals": code.upper()})).scalars())


_ids = (
    select(products.c.id)
    .where(or_(products.c.id == bindparam("code"), products.c.sku.in_([bindparam("code"), bindparam("capitals")])))
    .union(select(barcodes.c.product_id).where(barcodes.c.barcode == bindparam("code")))
)
_BY_CODE = select(_s.number).where(_s.product_id.in_(_ids))


def _hits(terms: Sequence[Term], *, in_name: bool) -> Select[Any]:
    """Returns the rows of SQLite's word index that match."""
    match = fts5_match(terms, "name" if in_name else "")
    return select(_word_index.c.rowid).where(_word_index.c.product_words.op("MATCH")(match))


def _has(dialect: str) -> Any:
    return func.strpos if dialect == "postgresql" else func.instr


def _between(name: ColumnElement[str], start: str) -> ColumnElement[bool]:
    return and_(name >= start, name < start + LAST)


def _tsquery(terms: Sequence[Term], *, in_name: bool) -> str:
    """Returns the terms as `tsquery` has them."""
    mark = "=" if in_name else ""
    return " & ".join(
        "(" + " | ".join(f"'{mark}{word[:_LONGEST_LEXEME]}'{'' if term.whole else ':*'}" for word in term.options) + ")"
        for term in terms
    )
