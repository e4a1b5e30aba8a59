"""The views of one server. Which routes use them, and why only those, is in docs/architecture.md."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from backend.cache.link import RedisLink
from backend.cache.shelf import Shelf
from backend.catalogue.word_search import Page
from backend.stock.queries import StockLevel

from .chain import OWN_SECONDS, ChainStock

SEARCH_LIFE = 60.0
LOW_STOCK_LIFE = OWN_SECONDS / 2
"""So a row of a list is younger than a server's memory of its own commits, even if the list took as long to read."""


class Views:
    """What is computed once for many callers."""

    def __init__(self, link: RedisLink) -> None:
        self.chain = ChainStock(link)
        self.search = Shelf(link, "search", Page, SEARCH_LIFE)
        self.low_stock = Shelf(link, "low_stock", list[StockLevel], LOW_STOCK_LIFE)


@asynccontextmanager
async def open_views(link: RedisLink) -> AsyncIterator[Views]:
    """Views that are written through until the end of the block."""
    views = Views(link)
    await views.chain.start()
    yield views
    await views.chain.close()
