"""The search in progress: the words it was for, what was found, and whether that names one product.

The terminal's copy answers. Only while the copy has never been whole, on a terminal's first start, is the server asked.
"""

from collections.abc import Callable

from .api import Api, FoundProduct
from .cache.cache import Cache, Found
from .values import StoreStock

PAGE = 50
"""Results asked for at once."""


class Finder:
    """Finds products of the catalogue, with their stock in the copy's store."""

    def __init__(self, cache: Cache, api: Api, is_away: Callable[[], bool]) -> None:
        self._cache, self._api, self._is_away = cache, api, is_away
        self.words = ""
        self.found: dict[str, FoundProduct] = {}
        self.has_more = False
        """Whether more was found than is known."""
        self._asked = 0
        """Rows of the answer that are known."""

    async def look(self, words: str) -> None:
        """Find what matches `words`. Raises CacheUnusable, and what the api raises; then the former results stay."""
        found, more = await self._ask(words, 0)
        self.words, self.has_more, self._asked = words, more, PAGE
        self.found = {product.id: product for product in sorted(found, key=self._rank)}

    async def more(self) -> None:
        """Get the next results of the same words, behind those that are known. Raises what `look` raises."""
        words, offset = self.words, self._asked
        found, more = await self._ask(words, offset)
        if (words, offset) == (self.words, self._asked):
            self._asked += PAGE
            self.has_more = more
            self.found |= {product.id: product for product in sorted(found, key=self._rank)}

    async def _ask(self, words: str, offset: int) -> tuple[list[FoundProduct], bool]:
        if self._cache.is_complete or self._is_away():
            results = await self._cache.search(words, PAGE, offset)
            return [_shown(one) for one in results.found], results.more
        answer = await self._api.search(words, self._cache.store_id, PAGE, offset)
        return list(answer.products), offset + PAGE < answer.total

    def _rank(self, product: FoundProduct) -> int:
        """Returns the one that was named first, then what can be sold here; otherwise the answer's order."""
        if self._names(product):
            return 0
        return 1 if product.stock is None or product.stock.available_qty > 0 else 2

    def _names(self, product: FoundProduct) -> bool:
        return self.words.lower() in (product.sku.lower(), product.barcode)

    def clear(self) -> None:
        """Forget the search."""
        self.words, self.found, self.has_more, self._asked = "", {}, False, 0

    @property
    def certain(self) -> FoundProduct | None:
        """The product that the words can only mean: the one with exactly this code, or the only one there is."""
        if len(self.found) == 1 and not self.has_more:
            return next(iter(self.found.values()))
        return next((x for x in self.found.values() if self._names(x)), None)


def _shown(found: Found) -> FoundProduct:
    """Returns a result of the copy as the server would have answered it; without a stock that is not known."""
    product, row = found.product, found.stock.row
    stock = StoreStock(
        row.product_id,
        row.store_id,
        row.on_hand,
        row.reserved,
        row.available,
        row.version,
        row.unavailable,
        row.allocated,
    )
    fields = {name: getattr(product, name) for name in product.__struct_fields__}
    return FoundProduct(**fields, stock=stock if found.stock.age is not None else None)
