"""What a code means: the terminal's copy says it at once, and the server corrects it behind the scan.

Nothing waits for the server but what the copy does not have: a product so new that no change of the catalogue has told
of it, and everything until the copy is whole for the first time.
"""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from functools import partial

from msgspec import structs

from backend.model.barcode import Damage, DamagedBarcode
from backend.model.errors import MostradorError
from backend.model.scans import Scan

from .api import Api, ServerAway, ServerRefused
from .cache.cache import Cache
from .labels import code_of, may_be_code
from .values import Product, Said

PATIENCE = 1.0
"""Seconds that the server has to tell of what the copy does not know, once the copy is whole."""
_UNKNOWN = {"unknown_barcode", "unknown_product"}


class Lookup:
    """Finds products by barcode, SKU or id; `is_away` says whether it is of no use to ask the server."""

    def __init__(self, cache: Cache, api: Api, is_away: Callable[[], bool]) -> None:
        self._cache, self._api, self._is_away = cache, api, is_away
        self._checks: set[asyncio.Task[None]] = set()

    async def by_code(self, code: str) -> Product:
        """Returns the product behind a code. A SKU may look like a barcode that was misread.

        Raises DamagedBarcode, ServerRefused `unknown_barcode`, or ServerAway when only the server could know.
        """
        found = await self._cache.by_code(code)
        if found is not None:
            return structs.replace(found.product, scan=_said(found.scan))
        refused = _refusal(code)
        if self._is_away():
            if not self._cache.is_complete:
                raise ServerAway("The server does not answer; scan it again when it is back.")
            raise refused
        try:
            async with asyncio.timeout(PATIENCE if self._cache.is_complete else None):
                return await self._ask(code, refused)
        except TimeoutError as error:
            raise ServerAway("The server does not answer; scan it again when it is back.") from error

    async def _ask(self, code: str, refused: MostradorError) -> Product:
        store_id = self._cache.store_id
        ways = [partial(self._api.by_sku, code)]
        if not isinstance(refused, DamagedBarcode):
            ways.insert(0, partial(self._api.by_barcode, code_of(code)))
        elif refused.damage is not Damage.CHECK_DIGIT and may_be_code(code):
            ways.append(partial(self._api.by_barcode, code))
        for ask in ways:
            try:
                return await ask(store_id)
            except ServerRefused as error:
                if error.code not in _UNKNOWN:
                    raise
        raise refused

    def check(self, product: Product, correct: Callable[[Product], None], refuse: Callable[[], None]) -> None:
        """Ask the server about a product that the copy named, unless that is of no use.

        `correct` gets it if its price or name is another there; `refuse` is called if it is not there any more.
        """
        if self._is_away():
            return
        task = asyncio.create_task(self._check(product, correct, refuse))
        self._checks.add(task)
        task.add_done_callback(self._checks.discard)

    async def _check(self, product: Product, correct: Callable[[Product], None], refuse: Callable[[], None]) -> None:
        try:
            known = await self._api.by_sku(product.sku, self._cache.store_id)
        except ServerRefused as error:
            if error.code in _UNKNOWN:
                refuse()
        except MostradorError:
            return  # whoever sends and listens notices it too
        else:
            if (known.unit_price, known.name) != (product.unit_price, product.name):
                correct(known)

    def close(self) -> None:
        """Ask no more."""
        for task in self._checks:
            task.cancel()


def _said(scan: Scan | None) -> Said | None:
    """Returns what a code said beside its product, as the server's answer to a scan has it."""
    if scan is None:
        return None
    return Said(scan.units, scan.grams, None if scan.price_cents is None else Decimal(scan.price_cents) / 100)


def _refusal(code: str) -> MostradorError:
    """Returns what is wrong with a code that no product has."""
    try:
        barcode = code_of(code)
    except DamagedBarcode as error:
        return error
    message = f"No product has the barcode {barcode}; scan it again or search by name."
    return ServerRefused("unknown_barcode", message, barcode=barcode)
