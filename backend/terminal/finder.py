"""The search in progress: the words it was for, what was found, and whether that names one product."""

from .api import Api, FoundProduct

PAGE = 50
"""Results shown at most; whoever needs more types more."""


class Finder:
    """Finds products of the catalogue, with their stock in one store."""

    def __init__(self, api: Api, store_id: str) -> None:
        self._api, self._store_id = api, store_id
        self.words = ""
        self.found: dict[str, FoundProduct] = {}
        self.total = 0

    async def look(self, words: str) -> None:
        """Find what matches `words`. Raises what the api raises; then the former results stay."""
        found = await self._api.search(words, self._store_id, PAGE)
        self.words, self.total = words, found.total
        self.found = {product.id: product for product in found.products}

    def clear(self) -> None:
        """Forget the search."""
        self.words, self.found, self.total = "", {}, 0

    @property
    def certain(self) -> FoundProduct | None:
        """The product that the words can only mean: the one with exactly this code, or the only one there is."""
        if len(self.found) == 1:
            return next(iter(self.found.values()))
        words = self.words.lower()
        return next((x for x in self.found.values() if words in (x.sku.lower(), x.barcode)), None)
