"""What is asked of the index of products: the stages of a search as conditions in SQL, and their parameters."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec import Struct

from backend.model.search import ANY, BEGINS, CODE, LAST, NAME, SIMILAR_ANY, SIMILAR_NAME, SKU, Term, fts5_match, pieces

HAS_SKU = "(code >= :sku AND code < :sku_end)"
HITS = "SELECT rowid FROM product_words WHERE product_words MATCH :{match}"
"""The rows of SQLite's index of words with a match."""
_LONGEST_LEXEME = 64


class Stage(NamedTuple):
    """Products that fit a query equally well, and in which order they are shown."""

    number: int
    order: str
    found: str
    """The condition as an index finds it."""
    seen: str
    """The condition as it is seen in a row that was read for its order."""


class Asked(Struct, frozen=True):
    """A query in the terms of the index. Its conditions are SQL, in which everything from outside is a parameter."""

    dialect: str
    terms: tuple[Term, ...]
    codes: tuple[int, ...] = ()
    sku: str = ""
    phrase: str = ""
    everything: bool = False
    category: str | None = None
    category_path: str | None = None
    inactive: bool = False
    similar: bool = False

    def stages(self) -> list[Stage]:
        """Returns the stages that a hit can have, best first."""
        if self.everything:
            return [Stage(ANY, "name", "true", "true")]
        stages = []
        if self.codes:
            listed = f"number IN ({', '.join(map(str, self.codes))})"
            stages.append(Stage(CODE, "name", listed, listed))
        if self.sku:
            stages.append(Stage(SKU, "code", HAS_SKU, HAS_SKU))
        if self.phrase:
            begun = "(name >= :phrase AND name < :phrase_end)"
            stages.append(Stage(BEGINS, "name", begun, begun))
        if self.terms:
            name, anywhere = (SIMILAR_NAME, SIMILAR_ANY) if self.similar else (NAME, ANY)
            stages.append(Stage(name, "name", self.found(in_name=True), self._seen(in_name=True)))
            stages.append(Stage(anywhere, "name", self.found(in_name=False), self._seen(in_name=False)))
        return stages

    @property
    def shown(self) -> str:
        """The condition of products that may be shown at all."""
        conditions = ["true"] if self.inactive else ["active"]
        if self.category is not None:
            conditions.append("category = :category")
        if self.category_path is not None:
            from_, until = ("~>=~", "~<~") if self.dialect == "postgresql" else (">=", "<")  # both byte by byte
            below = f"category_path {from_} :below AND category_path {until} :behind_below"
            below = f"category_path = :category_path OR {below}"
            conditions.append(f"product_id IN (SELECT id FROM products WHERE {below})")
        return " AND ".join(conditions)

    @property
    def values(self) -> dict[str, Any]:
        """The parameters of its conditions."""
        values: dict[str, Any] = {"category": self.category, "category_path": self.category_path}
        values |= {"below": f"{self.category_path}/", "behind_below": f"{self.category_path}0"}  # 0 comes after /
        values |= {"sku": self.sku, "sku_end": self.sku + LAST}
        values |= {"phrase": self.phrase, "phrase_end": self.phrase + LAST}
        if self.dialect == "postgresql":
            values |= {"in_name": _tsquery(self.terms, mark="="), "anywhere": _tsquery(self.terms)}
        else:
            values |= {"in_name": fts5_match(self.terms, "name"), "anywhere": fts5_match(self.terms)}
        return values | {name: piece for pieces in self._pieces() for name, piece in pieces}

    def found(self, *, in_name: bool) -> str:
        """Returns the condition of products that have the terms, as an index finds them."""
        if self.dialect == "postgresql" or self.filtered:
            return self._seen(in_name=in_name)
        return f"number IN ({HITS.format(match='in_name' if in_name else 'anywhere')})"

    @property
    def filtered(self) -> bool:
        """Whether SQLite's index of words is of no use: another index finds less, or it has no such words."""
        return self.category is not None or self.category_path is not None or self.inactive

    def _seen(self, *, in_name: bool) -> str:
        if self.dialect == "postgresql" and not self.inactive:
            return f"words @@ CAST(CAST(:{'in_name' if in_name else 'anywhere'} AS text) AS tsquery)"
        has = "strpos" if self.dialect == "postgresql" else "instr"
        words = "' ' || name || ' '" if in_name else "' ' || name || ' ' || more || ' '"
        terms = (" OR ".join(f"{has}({words}, :{name}) > 0" for name, _ in pieces) for pieces in self._pieces())
        return " AND ".join(f"({term})" for term in terms)

    def _pieces(self) -> list[list[tuple[str, str]]]:
        """Returns what to look for in a row, a list for each term, with the names of the parameters."""
        return [
            [(f"piece_{i}_{j}", piece) for j, piece in enumerate(pieces(term))] for i, term in enumerate(self.terms)
        ]


def _tsquery(terms: Sequence[Term], mark: str = "") -> str:
    """Returns the terms as `tsquery` has them."""
    return " & ".join(
        "(" + " | ".join(f"'{mark}{word[:_LONGEST_LEXEME]}'{'' if term.whole else ':*'}" for word in term.options) + ")"
        for term in terms
    )
