"""The work of one signed-in clerk at a terminal: what the screens can do, and no screen in it.

The screens call methods and draw `cart`, `live` and `checkout`; `live.changed` says that something is to be drawn
again, and `say` gets every sentence for the message line. What the clerk does is taken in order, even while a scan is
looked up: a finish after a scan waits for it, a scan after a finish belongs to the next customer.

Online and offline are one path. The terminal's copy answers scans and searches, and the server corrects it; holds are
asked for whenever they can be; what this terminal keeps for outages covers what no hold does.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from time import monotonic

from backend.model.answers import Answer
from backend.model.commands import Command
from backend.model.conflicts import SettlingReason
from backend.model.errors import MostradorError
from backend.model.stock import StockRow
from backend.model.verbs.sell import Sell

from .api import Api, ServerAway, SessionEnded
from .cache.cache import Cache
from .cart import Cart
from .checkout import Checkout
from .finder import Finder
from .issuing import keep_time, paper_of
from .journal import Journal, JournalUnusable, KeptSale, OpenSale
from .keeping import Keeping
from .lines import CartLine
from .live import Link, Live
from .lookup import Lookup
from .money import Lang
from .open_lines import OpenLines
from .queue import UnsentWork
from .selling import Approve, Selling
from .sender import Sender
from .settling import Settling
from .values import Approval, Notice, Session, notice_of

HOLD_SECONDS = 15 * 60


class Desk(Selling):
    """Sells, holds and settles for the clerk of `session`. `run` must be running for anything to be sent.

    `cache` is the copy of the session's store; `approve` checks a supervisor's PIN while no server answers.
    """

    def __init__(
        self,
        api: Api,
        journal: Journal,
        cache: Cache,
        session: Session,
        terminal_id: str,
        say: Callable[[Notice], None],
        *,
        approve: Approve | None = None,
        hold_seconds: int = HOLD_SECONDS,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.session = session
        self.terminal_id = terminal_id
        self.cart = Cart(session.store_id, hold_seconds)
        self.live = Live(cache, api, session, terminal_id, clock)
        self.finder = Finder(cache, api, lambda: self.is_away)
        self.sender = Sender(api, self._answered, self._sending_failed, together=self._written_together)
        self.checkout = Checkout(
            journal,
            self.sender,
            say,
            self.live.changed.set,
            lambda: self.is_away,
            lambda: self.session.user,
            lambda sale, names: paper_of(sale, names, self.session, self.terminal_id, self.lang),
        )
        self.keeping = Keeping(
            api,
            journal,
            self.sender,
            session.store_id,
            terminal_id,
            lambda: self.is_away,
            self._in_cart,
            lambda: self.live.link is not Link.ONLINE,
        )
        self.checkout.kept = self.keeping.drew
        self.live.recalled = self.keeping.recalled
        self.live.is_doubted = lambda: self.sender.is_failing
        self.live.came_back = self._came_back
        self.server_back: Callable[[], None] = lambda: None
        """Called when a server that was away answers again."""
        self.settling = Settling(api, journal, self.checkout, say)
        api.queued = lambda: self.unsent
        self.is_selling = False
        self.needs_supervisor = None
        self.session_over = asyncio.Event()
        """Set while the server does not believe the token any more."""
        self._api, self._say, self._clock, self._approve = api, say, clock, approve
        self._lookup = Lookup(cache, api, lambda: self.is_away)
        self._turn = asyncio.Lock()
        self._signed_in = asyncio.Event()
        self._worked_at: float | None = None
        self._journal = journal
        self.lang: Lang = "en"
        """The language of the receipts."""
        keep_time(api, journal, say)
        self._lines = OpenLines(journal, session.store_id, say)

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
            tasks.create_task(self.keeping.run())

    async def _live_for_ever(self) -> None:
        while True:
            try:
                await self.live.run()
            except SessionEnded as error:
                self.end_session(error)
                await self._signed_in.wait()

    def signed_in(self, session: Session) -> None:
        """The same person signed in again: go on where it stopped."""
        self.session = session
        self.session_over.clear()
        self._signed_in.set()
        self._hurry()
        self.live.changed.set()

    def _hurry(self) -> None:
        self.sender.hurry()
        self.settling.hurry()
        self.keeping.hurry()

    def _came_back(self) -> None:
        """The server answers again: do not wait out the pauses."""
        self.server_back()
        self._hurry()

    def end_session(self, error: SessionEnded) -> None:
        """The session is over: somebody has to sign in again. What is being sold stays."""
        if not self.session_over.is_set():
            self.session_over.set()
            self._signed_in.clear()
            self._say(Notice("warning", error.code))
            self.live.changed.set()

    # How things are.

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
        return self.live.stale_for

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

    def sellable(self, row: StockRow) -> int:
        """Returns the units of this store's row that may be sold here: the available ones and those kept here."""
        return row.available + self.keeping.escrow.free(row.product_id)

    def keeps(self, line: CartLine) -> bool:
        """Returns whether this terminal keeps all units of a line for outages."""
        return self.keeping.escrow.free(line.product.id) >= line.quantity

    def _in_cart(self) -> dict[str, int]:
        return {line.product.id: line.quantity for line in self.cart.lines}

    # The sale that was open when the terminal stopped.

    @property
    def found(self) -> OpenSale | None:
        """That sale, until somebody takes it up or gives it back."""
        return self._lines.found

    async def take_up(self) -> None:
        """Go on with the sale that was found: its holds are taken over, or made again."""
        await self._decide_on_found("sale_taken_up", wanted=True)

    async def give_back(self) -> None:
        """Give back the units of the sale that was found; nobody wants it any more."""
        await self._decide_on_found("sale_given_back", wanted=False)

    async def _decide_on_found(self, code: str, *, wanted: bool) -> None:
        async with self._turn:
            found, self._lines.found = self._lines.found, None
            if found is None:
                return
            self.sender.put(self.cart.take_up(found.lines, self._clock(), wanted=wanted))
            if found.wanted:
                self._say(Notice("ok" if wanted else "info", code, {"count": len(found.wanted)}))
            self.pump()

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
        """Find out what people call a product that this terminal never sold."""
        if self._journal.name_of(product_id) is None:
            with suppress(MostradorError):  # its id is shown until somebody knows
                product = await self.live.cache.product(product_id) or await self._api.product(product_id)
                self._journal.learn({product_id: product.name})

    async def leave(self, patience: float = 1.0) -> None:
        """The clerk leaves: give the holds back if that can be done within `patience` seconds; they expire anyway."""
        self._lookup.close()
        self.cart.clear()
        self.pump()
        self.sender.hurry()
        with suppress(TimeoutError, MostradorError):
            async with asyncio.timeout(0 if self.is_away else patience):
                await self.sender.idle.wait()
                await self._api.goodbye()

    # What happens by itself.

    def pump(self) -> None:
        """Send what the cart needs now. Called after every step, after every answer and once a second."""
        if not self.is_selling:
            commands = self.cart.commands(self._clock(), self._worked_at)
            self._lines.keep(self.cart, self.session)
            self.sender.put(commands)
        self.live.changed.set()

    def _answered(self, command: Command, answer: Answer) -> None:
        self.live.take(answer.stock)
        if self.keeping.answered(command, answer):
            pass
        elif isinstance(command, Sell):
            self.checkout.answered(command, answer)
        elif self.checkout.queue.answered(command, answer):
            pass
        elif (missed := self.cart.answered(answer, self._clock())) is not None:
            line, refusal = missed
            if not self.cart.cover(line, self.keeping.escrow.free(line.product.id)):
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
            self.end_session(error)
        else:
            self._say(Notice("ok", "server_back") if error is None else notice_of(error))
            if error is None:
                self._hurry()
        self.live.check()
        self.live.changed.set()

    @asynccontextmanager
    async def _telling(self) -> AsyncIterator[None]:
        """Turn an error of the block into a sentence for the clerk."""
        try:
            yield
        except SessionEnded as error:
            self.end_session(error)
        except MostradorError as error:
            if isinstance(error, ServerAway):
                self.live.check()
            self._say(notice_of(error))
