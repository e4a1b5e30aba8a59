"""What a clerk does with the sale that is open: looking for products, changing lines, finishing. No wiring in it."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager

from msgspec import structs

from backend.auth.roles import ROLES
from backend.model.answers import Code, Refusal
from backend.model.barcode import Damage, DamagedBarcode
from backend.model.scopes import Scope

from .cart import Cart, check_quantity
from .checkout import Checkout, Outcome
from .finder import Finder
from .keeping import Keeping
from .labels import units_of
from .live import Live
from .lookup import Lookup
from .open_lines import OpenLines
from .shortage import tell_shortage
from .terms import SupervisorNeeded, Terms, offline_terms, online_terms
from .values import Approval, Notice, Product, Session

WORTH_SAYING = 0.25
"""Seconds after which a scan that waits says so."""
APPROVES = Scope.SALES_SETTLE
"""What a person may do who agrees to sell without a server what this terminal does not keep."""

Approve = Callable[[str, str, str, Scope], Awaitable[None]]
"""(user, PIN, store id, scope): returns if they may and the PIN is theirs, as far as this terminal knows."""


class Selling(ABC):
    """The clerk's steps, taken one after the other. What is behind them is put together in `desk`."""

    session: Session
    cart: Cart
    live: Live
    finder: Finder
    checkout: Checkout
    keeping: Keeping
    is_selling: bool
    needs_supervisor: SupervisorNeeded | None
    """Why the last `finish` did not sell, if a supervisor has to agree to it."""
    _lookup: Lookup
    _lines: OpenLines
    _turn: asyncio.Lock
    _say: Callable[[Notice], None]
    _clock: Callable[[], float]
    _approve: Approve | None
    _worked_at: float | None

    @property
    @abstractmethod
    def is_away(self) -> bool:
        """Whether the server is known not to answer."""

    @abstractmethod
    def pump(self) -> None:
        """Send what the cart needs now. Called after every step, after every answer and once a second."""

    @abstractmethod
    def _telling(self) -> AbstractAsyncContextManager[None]:
        """Turn an error of the block into a sentence for the clerk."""

    # What the clerk looks for.

    def worked(self) -> None:
        """A key was pressed: the clerk is here, and the holds are worth extending."""
        self._worked_at = self._clock()

    async def search(self, words: str) -> None:
        """Look for products; the results are in `finder`. If that could not be asked, the clerk was told why."""
        async with self._telling():
            await self.finder.look(words)

    async def search_more(self) -> None:
        """Look for the next results of the same search."""
        async with self._telling():
            await self.finder.more()

    async def scan(self, code: str, count: int = 1) -> Product | None:
        """Add what a barcode or SKU stands for. Returns the product, None if it was not added.

        Then the clerk was told why; or `finder` has what else the code may mean, for the clerk to choose from.
        """
        product = None
        with self._saying_when_it_waits(code):
            async with self._turn, self._telling():
                product = await self._by_code(code.strip())
                if product is not None:
                    self._add(structs.replace(product, scan=None), count * units_of(product))
                    self._lookup.check(product, self._corrected, self._gone)
        return product

    async def _by_code(self, code: str) -> Product | None:
        """Returns the product behind a code; None if it is none but what was searched for finds something."""
        try:
            return await self._lookup.by_code(code)
        except DamagedBarcode as refused:
            if refused.damage is not Damage.CHECK_DIGIT:
                await self.finder.look(code)
                if self.finder.found:
                    return None
            raise

    def _corrected(self, product: Product) -> None:
        """The server says another price or name than the copy had."""
        line = self.cart.correct(product)
        if line is not None:
            fields: dict[str, str | int] = {"name": product.name, "price_cents": product.unit_price.cents}
            self._say(Notice("warning", "price_corrected", fields))
            self.pump()

    def _gone(self) -> None:
        self._say(Notice("warning", "unknown_product"))

    @contextmanager
    def _saying_when_it_waits(self, code: str) -> Iterator[None]:
        waits = Notice("info", "scan_waits", {"barcode": code.strip()[:48]})
        saying = asyncio.get_running_loop().call_later(WORTH_SAYING, self._say, waits)
        try:
            yield
        finally:
            saying.cancel()

    # What the clerk does with the sale.

    async def add(self, product: Product, count: int = 1) -> None:
        """Add units of a product that was found by searching."""
        async with self._turn, self._telling():
            self._add(product, count)

    def _add(self, product: Product, count: int) -> None:
        line = self.cart.add(product, check_quantity(count))
        self.checkout.receipt = None
        self._say(Notice("ok", "added", {"count": count, "name": product.name, "quantity": line.quantity}))
        self.pump()

    async def set_quantity(self, product_id: str, quantity: int) -> None:
        """Make a line's quantity this; 0 voids the line."""
        async with self._turn, self._telling():
            self._set(product_id, quantity)

    def _set(self, product_id: str, quantity: int) -> None:
        line = self.cart.set_quantity(product_id, quantity)
        if line is not None:
            code = "quantity_set" if quantity else "voided"
            self._say(Notice("ok", code, {"name": line.product.name, "quantity": quantity}))
        self.pump()

    async def change(self, product_id: str, by: int) -> None:
        """So many units more (or less) of a line; a line without units is void."""
        async with self._turn, self._telling():
            if line := self.cart.find(product_id):
                self._set(product_id, line.quantity + by)

    async def undo(self) -> None:
        """Take back the last step."""
        async with self._turn:
            line = self.cart.undo()
            if line is None:
                self._say(Notice("info", "nothing_to_undo"))
            else:
                code = "undone" if line.quantity else "undone_gone"
                self._say(Notice("ok", code, {"name": line.product.name, "quantity": line.quantity}))
            self.pump()

    async def hold_again(self) -> None:
        """Ask again for units whose hold expired or that were short."""
        async with self._turn:
            lines = self.cart.hold_again(self._clock())
            self._say(Notice("info", "holding_again", {"count": lines}))
            self.pump()

    async def cancel(self) -> None:
        """Throw the sale away and give its units back."""
        async with self._turn:
            self.cart.clear()
            self._say(Notice("info", "sale_cancelled"))
            self.pump()

    async def finish(self, approval: Approval | None = None) -> None:
        """Sell the cart; `checkout.receipt` has the receipt. If there is none, the clerk was told why.

        `approval` is that of a supervisor, after `needs_supervisor` said what for.
        """
        self.needs_supervisor = None
        async with self._turn, self._telling():
            self._say(Notice("info", "finishing"))
            self.cart.check_sale()
            terms = await self._terms(approval)
            self.is_selling = True
            try:
                outcome = await self.checkout.sell(self.cart, terms)
            finally:
                self.is_selling = False
                self._lines.ended()
                self.pump()
            if isinstance(outcome, Refusal):
                await self._tell_refusal(outcome)
            else:
                sold = outcome.outcome is Outcome.SOLD
                fields: dict[str, str | int] = {"receipt": outcome.number, "total_cents": outcome.total_cents}
                self._say(Notice("ok" if sold else "warning", "sold" if sold else "sold_queued", fields))

    async def _terms(self, approval: Approval | None) -> Terms:
        if not self.is_away:
            return online_terms(self.cart.lines, self.keeping.escrow)
        approved_by = ""
        if approval is not None and self._approve is not None:
            await self._approve(approval.user, approval.pin, self.session.store_id, APPROVES)
            approved_by = approval.user
        elif APPROVES in ROLES.get(self.session.role, frozenset()):
            approved_by = self.session.user
        try:
            return offline_terms(
                self.cart.lines, self.keeping.escrow, self.keeping.policy_of, self._clock(), approved_by
            )
        except SupervisorNeeded as error:
            self.needs_supervisor = error
            raise

    async def _tell_refusal(self, refusal: Refusal, name: str = "") -> None:
        """Say why, and for a shortage what is here and where else there is some."""
        if refusal.code is not Code.INSUFFICIENT_STOCK or not refusal.lines:
            self._say(Notice("error", refusal.code.value, {"message": refusal.message, "field": refusal.field}))
        else:
            self._say(await tell_shortage(refusal.lines[0], name, self.cart, self.live, self.session))
