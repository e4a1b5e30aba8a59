"""The work of one signed-in clerk at a terminal: what the screens can do, and no screen in it.

The screens call methods and draw `cart`, `live` and `checkout`; `live.changed` says that something is to be drawn
again, and `say` gets every sentence for the message line. What the clerk does is taken in order, even while a scan is
looked up: a finish after a scan waits for it, a scan after a finish belongs to the next customer.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from time import monotonic

import msgspec
from msgspec import structs

from backend.model.answers import Answer, Code, Refusal
from backend.model.barcode import Damage, DamagedBarcode
from backend.model.commands import Command
from backend.model.conflicts import SettlingReason
from backend.model.errors import MostradorError
from backend.model.verbs.sell import Sell

from .api import Api, ServerAway, ServerRefused, SessionEnded
from .cart import Cart, Touch, check_quantity
from .checkout import Checkout, Outcome
from .clock import SKEWED
from .finder import Finder
from .journal import Journal, JournalUnusable, KeptSale
from .labels import code_of, may_be_code, units_of
from .live import Link, Live
from .money import Lang
from .queue import UnsentWork
from .receipts.paper import Paper
from .sender import Sender
from .settling import Settling
from .values import Approval, Notice, Product, Session, notice_of

HOLD_SECONDS = 15 * 60
WORTH_SAYING = 0.25
"""Seconds after which a scan that waits says so."""
PATIENCE = 1.0
"""Seconds that the server has to tell of a product that is known already, or while it is known to be away."""
NEARBY = 3
"""Other stores named when this one is short."""


class Desk:
    """Sells, holds and settles for the clerk of `session`. `run` must be running for anything to be sent."""

    def __init__(
        self,
        api: Api,
        journal: Journal,
        session: Session,
        terminal_id: str,
        say: Callable[[Notice], None],
        *,
        hold_seconds: int = HOLD_SECONDS,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.session = session
        self.terminal_id = terminal_id
        self.cart = Cart(session.store_id, hold_seconds)
        self.live = Live(api, session, terminal_id, clock)
        self.finder = Finder(api, session.store_id)
        self.sender = Sender(api, self._answered, self._sending_failed, together=self._written_together)
        self.checkout = Checkout(
            journal,
            self.sender,
            say,
            self.live.changed.set,
            lambda: self.is_away,
            lambda: self.session.user,
            self._paper,
        )
        self.live.is_doubted = lambda: self.sender.is_failing
        self.live.came_back = self._came_back
        self.settling = Settling(api, journal, self.checkout, say)
        api.queued = lambda: self.unsent
        self.is_selling = False
        self.session_over = asyncio.Event()
        """Set while the server does not believe the token any more."""
        self._api, self._say, self._clock = api, say, clock
        self._turn = asyncio.Lock()
        self._signed_in = asyncio.Event()
        self._worked_at: float | None = None
        self._known: dict[str, Product] = {}
        """Barcode → product, for scans while the server is away."""
        self._journal = journal
        self.lang: Lang = "en"
        """The language of the receipts."""
        self._keep_time(api, journal)
        self.found = journal.open_sale(session.store_id)
        """The sale that was open when this terminal stopped, until somebody takes it up or gives it back."""
        self._on_disk = {x.product.id: msgspec.json.encode(x) for x in self.found.lines} if self.found else {}
        self._disk_refused = False

    async def run(self) -> None:
        """Keep stock live and deliver commands until cancelled."""
        if (rescued := self._journal.rescued) is not None:
            self._journal.rescued = None
            self._say(Notice("warning", "journal_rescued", {"count": rescued.acts, "path": str(rescued.path)}))
        if self.found is not None and not self.found.wanted:
            await self.give_back()  # the last run died while it gave these units back
        resumed = self.checkout.resume({x.id for x in self.session.stores} | {self.session.store_id})
        if resumed:
            self._say(Notice("info", "sales_resumed", {"count": resumed}))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._live_for_ever())
            tasks.create_task(self.sender.run())
            tasks.create_task(self.settling.run())

    async def _live_for_ever(self) -> None:
        while True:
            try:
                await self.live.run()
            except SessionEnded as error:
                self._end_session(error)
                await self._signed_in.wait()

    def signed_in(self, session: Session) -> None:
        """The same person signed in again: go on where it stopped."""
        self.session = session
        self.session_over.clear()
        self._signed_in.set()
        self.sender.hurry()
        self.settling.hurry()
        self.live.changed.set()

    def _keep_time(self, api: Api, journal: Journal) -> None:
        """What is kept is dated by the server's clock; how far this machine's is off is remembered."""

        def keep(offset: float) -> None:
            with suppress(JournalUnusable):  # it is measured again by the next start
                journal.remember(clock_offset=f"{offset:.3f}")
            if abs(offset) > SKEWED:
                self._say(Notice("warning", "clock_skewed", {"minutes": round(abs(offset) / 60)}))

        api.clock.kept_by(float(journal.recall("clock_offset") or 0), keep)
        journal.now = api.clock.now

    @property
    def clock_is_skewed(self) -> bool:
        """Whether this machine's clock is off by more than a minute; what is told to the server is corrected by it."""
        return self._api.clock.is_skewed

    @property
    def unsent(self) -> int:
        """Acts that the server has not answered."""
        return self.checkout.queued + len(self.checkout.queue.waiting)

    def check_leave(self) -> None:
        """Raises UnsentWork while this terminal keeps something that only its next sign-in could send."""
        if waiting := self.unsent - self.checkout.of_other_stores:
            raise UnsentWork(waiting)

    def _paper(self, sale: KeptSale, names: tuple[str, ...]) -> Paper:
        return Paper(
            number=sale.receipt_number,
            sale_id=sale.id,
            store_id=sale.store_id,
            store_name=self.session.store_name,
            terminal_id=self.terminal_id,
            clerk=self.session.display_name,
            at=sale.made_at.astimezone(),
            lines=sale.sell.lines,
            names=names,
            tenders=sale.sell.tenders or (),
            lang=self.lang,
        )

    def _came_back(self) -> None:
        """The server answers again: do not wait out the pauses."""
        self.sender.hurry()
        self.settling.hurry()

    def _end_session(self, error: SessionEnded) -> None:
        if not self.session_over.is_set():
            self.session_over.set()
            self._signed_in.clear()
            self._say(Notice("warning", error.code))
            self.live.changed.set()

    # The sale that was open when the terminal stopped.

    async def take_up(self) -> None:
        """Go on with the sale that was found: its holds are taken over, or made again."""
        await self._decide_on_found("sale_taken_up", wanted=True)

    async def give_back(self) -> None:
        """Give back the units of the sale that was found; nobody wants it any more."""
        await self._decide_on_found("sale_given_back", wanted=False)

    async def _decide_on_found(self, code: str, *, wanted: bool) -> None:
        async with self._turn:
            found, self.found = self.found, None
            if found is None:
                return
            self.sender.put(self.cart.take_up(found.lines, self._clock(), wanted=wanted))
            if found.wanted:
                self._say(Notice("ok" if wanted else "info", code, {"count": len(found.wanted)}))
            self.pump()

    # What the clerk does.

    def worked(self) -> None:
        """A key was pressed: the clerk is here, and the holds are worth extending."""
        self._worked_at = self._clock()

    async def search(self, words: str) -> None:
        """Look for products; the results are in `finder`. If that could not be asked, the clerk was told why."""
        async with self._telling():
            await self.finder.look(words)
            self._known.update({x.barcode: x for x in self.finder.found.values() if x.barcode})

    async def search_more(self) -> None:
        """Look for the next results of the same search."""
        async with self._telling():
            await self.finder.more()
            self._known.update({x.barcode: x for x in self.finder.found.values() if x.barcode})

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
        return product

    async def _by_code(self, code: str) -> Product | None:
        """Returns the product behind a barcode, else the one with this SKU: a SKU may look like a barcode that was
        misread.

        What can be no barcode is searched as text in the end, and None is returned if that finds something.
        """
        try:
            return await self._by_barcode(code_of(code))
        except DamagedBarcode as error:
            refused: MostradorError = error
        except ServerRefused as error:
            if error.code != "unknown_barcode":
                raise
            refused = error
        try:
            return await self._api.by_sku(code, self.session.store_id)
        except ServerRefused as error:
            if error.code != "unknown_product":
                raise
        if isinstance(refused, DamagedBarcode) and refused.damage is not Damage.CHECK_DIGIT:
            if may_be_code(code):
                with suppress(ServerRefused):
                    return await self._by_barcode(code)
            await self.finder.look(code)
            if self.finder.found:
                return None
        raise refused

    @contextmanager
    def _saying_when_it_waits(self, code: str) -> Iterator[None]:
        waits = Notice("info", "scan_waits", {"barcode": code.strip()[:48]})
        saying = asyncio.get_running_loop().call_later(WORTH_SAYING, self._say, waits)
        try:
            yield
        finally:
            saying.cancel()

    async def _by_barcode(self, barcode: str) -> Product:
        """Returns the product; as it was known before when the server is away, or slow to say."""
        known = self._known.get(barcode)
        if known is not None and self.is_away:
            return known
        try:
            async with asyncio.timeout(PATIENCE if known is not None or self.is_away else None):
                product = await self._api.by_barcode(barcode, self.session.store_id)
        except (ServerAway, TimeoutError) as error:
            self.live.check()
            if known is None:
                raise ServerAway("The server does not answer; scan it again when it is back.") from error
            return known
        self._known[barcode] = product
        return product

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

    async def finish(self) -> None:
        """Sell the cart; `checkout.receipt` has the receipt. If there is none, the clerk was told why."""
        async with self._turn, self._telling():
            self._say(Notice("info", "finishing"))
            self.is_selling = True
            try:
                outcome = await self.checkout.sell(self.cart)
            finally:
                self.is_selling = False
                self._on_disk = {}  # a sale that was kept has ended the open one there
                self.pump()
            if isinstance(outcome, Refusal):
                await self._tell_refusal(outcome)
            else:
                sold = outcome.outcome is Outcome.SOLD
                fields: dict[str, str | int] = {"receipt": outcome.number, "total_cents": outcome.total_cents}
                self._say(Notice("ok" if sold else "warning", "sold" if sold else "sold_queued", fields))

    async def settle(self, conflict: KeptSale, reason: SettlingReason, note: str, approval: Approval | None) -> bool:
        """Settle a refused sale; returns whether that is kept. If it is not, the clerk was told why."""
        try:
            return await self.settling.settle(conflict, reason, note, self.session, approval, away=self.is_away)
        except MostradorError as error:
            self._say(notice_of(error))
            return False

    def name_of(self, product_id: str) -> str:
        """Returns what people call a product, as far as this terminal knows; else its id."""
        return self._journal.name_of(product_id) or product_id

    async def learn_name(self, product_id: str) -> None:
        """Ask the server what people call a product that this terminal never sold."""
        if self._journal.name_of(product_id) is None:
            with suppress(MostradorError):  # its id is shown until the server answers
                self._journal.learn({product_id: (await self._api.product(product_id)).name})

    async def leave(self, patience: float = 1.0) -> None:
        """The clerk leaves: give the holds back if that can be done within `patience` seconds; they expire anyway."""
        self.cart.clear()
        self.pump()
        self.sender.hurry()
        with suppress(TimeoutError, MostradorError):
            async with asyncio.timeout(patience):
                await self.sender.idle.wait()
                await self._api.goodbye()

    # What happens by itself.

    def pump(self) -> None:
        """Send what the cart needs now. Called after every step, after every answer and once a second."""
        if not self.is_selling:
            commands = self.cart.commands(self._clock(), self._worked_at)
            self._keep_lines()
            self.sender.put(commands)
        self.live.changed.set()

    def _keep_lines(self) -> None:
        """Commit what changed in the cart, before it is shown and before its holds are asked for.

        It blocks for one disk write: between a step and its commit nothing may be drawn.
        """
        if self.found is not None:
            return  # what is on disk is still to be decided on
        now = {product_id: msgspec.json.encode(line) for product_id, line in self.cart.kept.items()}
        if now == self._on_disk:
            return
        changed = dict(now.items() - self._on_disk.items())
        try:
            self._journal.keep_lines(
                self.session.store_id, self.session.display_name, changed, self._on_disk.keys() - now
            )
        except JournalUnusable as error:
            if not self._disk_refused:
                self._say(notice_of(error))
            self._disk_refused = True
        else:
            self._on_disk, self._disk_refused = now, False

    @property
    def is_away(self) -> bool:
        """Whether the server is known not to answer."""
        return self.sender.is_failing or self.live.link is Link.OFFLINE

    @property
    def now(self) -> float:
        """The time that holds are counted in."""
        return self._clock()

    @property
    def stale_for(self) -> float:
        """Seconds since the numbers on the screen were certainly current."""
        return self._clock() - self.live.view.fresh_at

    def _answered(self, command: Command, answer: Answer) -> None:
        self.live.take(answer.stock)
        if isinstance(command, Sell):
            self.checkout.answered(command, answer)
        elif self.checkout.queue.answered(command, answer):
            pass
        elif (missed := self.cart.answered(answer, self._clock())) is not None:
            line, refusal = missed
            self._telling_task = asyncio.create_task(self._tell_refusal(refusal, line.product.name))
        self.pump()

    @contextmanager
    def _written_together(self) -> Iterator[None]:
        """What the answers of one request change in the journal is one commit."""
        try:
            with self._journal.together():
                yield
        except JournalUnusable as error:  # the next start sends the same again, and hears the same answers
            self._say(notice_of(error))

    def _sending_failed(self, error: MostradorError | None) -> None:
        if isinstance(error, SessionEnded):
            self._end_session(error)
        else:
            self._say(Notice("ok", "server_back") if error is None else notice_of(error))
            if error is None:
                self.settling.hurry()
        self.live.check()
        self.live.changed.set()

    @asynccontextmanager
    async def _telling(self) -> AsyncIterator[None]:
        """Turn an error of the block into a sentence for the clerk."""
        try:
            yield
        except SessionEnded as error:
            self._end_session(error)
        except MostradorError as error:
            if isinstance(error, ServerAway):
                self.live.check()
            self._say(notice_of(error))

    async def _tell_refusal(self, refusal: Refusal, name: str = "") -> None:
        """Say why, and for a shortage what is here and where else there is some."""
        if refusal.code is not Code.INSUFFICIENT_STOCK or not refusal.lines:
            self._say(Notice("error", refusal.code.value, {"message": refusal.message, "field": refusal.field}))
            return
        short = refusal.lines[0]
        line = self.cart.find(short.product_id)
        await self.live.watch([short.product_id])
        rows = self.live.view.elsewhere(self.session.store_id, short.product_id)
        names = {x.id: x.name for x in self.session.stores}
        nearby = " · ".join(
            f"{names.get(x.store_id, x.store_id)} {x.available}" for x in rows[:NEARBY] if x.available > 0
        )
        fields: dict[str, str | int] = {
            "name": name or (line.product.name if line else short.product_id),
            "requested": short.requested,
            "available": max(0, short.available),
            "nearby": nearby,
        }
        here = "short" if short.available > 0 else "none"
        self.cart.touched = Touch(short.product_id)
        self._say(Notice("error", f"{here}_here" if nearby else f"{here}_anywhere", fields))
