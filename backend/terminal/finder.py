"""The search in progress: the words it was for, what was found, and whether that names one product."""

from .api import Api, FoundProduct

PAGE = 50
"""Results asked for at once."""


class Finder:
    """Finds products of the catalogue, with their stock in one store."""

    def __init__(self, api: Api, store_id: str) -> None:
        self._api, self._store_id = api, store_id
        self.words = ""
        self.found: dict[str, FoundProduct] = {}
        self.total = 0
        self._asked = 0
        """Rows of the server's answer that are known."""

    async def look(self, words: str) -> None:
        """Find what matches `words`. Raises what the api raises; then the former results stay."""
        found = await self._api.search(words, self._store_id, PAGE)
        self.words, self.total, self._asked = words, found.total, PAGE
        self.found = {product.id: product for product in sorted(found.products, key=self._rank)}

    @property
    def has_more(self) -> bool:
        """Whether more was found than is known."""
        return self._asked < self.total

    async def more(self) -> None:
        """Get the next results of the same words, behind those that are known. Raises what the api raises."""
        words, offset = self.words, self._asked
        found = await self._api.search(words, self._store_id, PAGE, offset)
        if (words, offset) == (self.words, self._asked):
            self._asked += PAGE
            self.total = found.total
            self.found |= {product.id: product for product in sorted(found.products, key=self._rank)}

    def _rank(self, product: FoundProduct) -> int:
        """Returns the one that was named first, then what can be sold here; otherwise the server's order."""
        if self._names(product):
            return 0
        return 1 if product.stock is None or product.stock.available_qty > 0 else 2

    def _names(self, product: FoundProduct) -> bool:
        return self.words.lower() in (product.sku.lower(), product.barcode)

    def clear(self) -> None:
        """Forget the search."""
        self.words, self.found, self.total, self._asked = "", {}, 0, 0

    @property
    def certain(self) -> FoundProduct | None:
        """The product that the words can only mean: the one with exactly this code, or the only one there is."""
        if len(self.found) == 1 and not self.has_more:
            return next(iter(self.found.values()))
        return next((x for x in self.found.values() if self._names(x)), None)
