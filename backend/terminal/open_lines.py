"""The open sale on the disk: its lines are committed before they are shown, and before holds are asked for them."""

from collections.abc import Callable

import msgspec

from .cart import Cart
from .journal import Journal, JournalUnusable
from .values import Notice, Session, notice_of


class OpenLines:
    """What of a cart is in the journal. `found` is the sale that was open when this terminal stopped.

    It stays there until somebody has decided on it; until then nothing else is written.
    """

    def __init__(self, journal: Journal, store_id: str, say: Callable[[Notice], None]) -> None:
        self._journal, self._say = journal, say
        self.found = journal.open_sale(store_id)
        self._on_disk = {x.product.id: msgspec.json.encode(x) for x in self.found.lines} if self.found else {}
        self._refused = False

    def keep(self, cart: Cart, session: Session) -> None:
        """Commit what changed in the cart.

        It blocks for one disk write: between a step and its commit nothing may be drawn.
        """
        if self.found is not None:
            return  # what is on disk is still to be decided on
        now = {product_id: msgspec.json.encode(line) for product_id, line in cart.kept.items()}
        if now == self._on_disk:
            return
        changed = dict(now.items() - self._on_disk.items())
        try:
            self._journal.keep_lines(session.store_id, session.display_name, changed, self._on_disk.keys() - now)
        except JournalUnusable as error:
            if not self._refused:
                self._say(notice_of(error))
            self._refused = True
        else:
            self._on_disk, self._refused = now, False

    def ended(self) -> None:
        """A sale that was kept has ended the open one on the disk."""
        self._on_disk = {}
