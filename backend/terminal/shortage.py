"""What to say when there is less of a product than a line asks for: what is here, and where else there is some."""

from backend.model.answers import ShortLine

from .cart import Cart, Touch
from .live import Live
from .values import Notice, Session

NEARBY = 3
"""Other stores named when this one is short."""


async def tell_shortage(short: ShortLine, name: str, cart: Cart, live: Live, session: Session) -> Notice:
    """Returns the sentence about a shortage, after marking the line that it is about."""
    line = cart.find(short.product_id)
    await live.watch([short.product_id])
    rows = live.view.elsewhere(session.store_id, short.product_id)
    names = {x.id: x.name for x in session.stores}
    nearby = " · ".join(f"{names.get(x.store_id, x.store_id)} {x.available}" for x in rows[:NEARBY] if x.available > 0)
    fields: dict[str, str | int] = {
        "name": name or (line.product.name if line else short.product_id),
        "requested": short.requested,
        "available": max(0, short.available),
        "nearby": nearby,
    }
    here = "short" if short.available > 0 else "none"
    cart.touched = Touch(short.product_id)
    return Notice("error", f"{here}_here" if nearby else f"{here}_anywhere", fields)
