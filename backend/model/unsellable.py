"""What the verbs of unavailable units share: refusing to take more of them than there are."""

from collections.abc import Mapping

from .answers import Code, Refusal, ShortLine
from .books import Books
from .refusals import Refused, unknown


def require_unavailable(books: Books, store_id: str, wanted: Mapping[str, int]) -> None:
    """Raises Refused for an unknown product, and with every line of which fewer units are unavailable than wanted."""
    short: list[ShortLine] = []
    for product_id, units in wanted.items():
        row = books.stock.get((store_id, product_id))
        if row is None:
            raise Refused(unknown(books, store_id, product_id))
        if row.unavailable < units:
            short.append(ShortLine(product_id, units, row.unavailable))
    if short:
        first = short[0]
        message = f"Only {first.available} of {first.requested} units of {first.product_id} are in quarantine."
        raise Refused(Refusal(Code.INSUFFICIENT_STOCK, message, tuple(short)))
