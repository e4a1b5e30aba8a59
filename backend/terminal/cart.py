"""The sale in progress: pure. What the clerk wants, what the server holds for it, and the commands that close the gap.

Each line wants a quantity and has at most one hold and at most one command on its way. `commands` compares the two and
says what to send next; `answered` takes what came back. So five quick presses of + cost one hold for five units, a
voided line gives its units back whenever its hold's answer comes, and no order of keys and answers can leak a hold.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType

from backend.ids import new_id
from backend.model.answers import Answer, Code, Refusal
from backend.model.commands import MAX_LINES, MAX_QUANTITY, Command, Line
from backend.model.errors import InvalidInput, MostradorError
from backend.model.shortfalls import Offline
from backend.model.verbs.cancel import Cancel
from backend.model.verbs.extend import Extend
from backend.model.verbs.reserve import Reserve
from backend.model.verbs.sell import Sell

from .lines import CartLine, Hold, KeptLine, Sent, Short, State
from .terms import Terms
from .values import Product

SIMPLE = Terms()
"""Of a sale that holds cover, at a server."""


class _Before(Struct, frozen=True):
    """How a line was before a step, to undo it."""

    product: Product
    quantity: int
    place: int


class Touch(Struct, frozen=True, eq=False):
    """A line that the clerk, or what the clerk was told, is about; every touch is a new one."""

    product_id: str


class LineShort(MostradorError):
    """A line asks for more than there is; `name`, `requested` and `available` say which."""

    code = "line_short"


class EmptyBasket(MostradorError):
    """There is nothing to sell."""

    code = "empty_basket"


class Cart:
    """The lines of one sale after another in `store_id`, each held for `hold_seconds` at a time."""

    def __init__(self, store_id: str, hold_seconds: int, make_id: Callable[[], UUID] = new_id) -> None:
        self.store_id = store_id
        self.hold_seconds = hold_seconds
        self.lines: list[CartLine] = []
        self.touched: Touch | None = None
        """The line touched last: added to, changed, brought back or refused."""
        self._leaving: list[CartLine] = []
        self._steps: list[_Before] = []
        self._make_id = make_id

    @property
    def total_cents(self) -> int:
        """What the customer pays."""
        return sum(line.total_cents for line in self.lines)

    @property
    def units(self) -> int:
        """Units over all lines."""
        return sum(line.quantity for line in self.lines)

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return bool(self._steps)

    def find(self, product_id: str) -> CartLine | None:
        """Returns the line of a product."""
        return next((line for line in self.lines if line.product.id == product_id), None)

    # What the clerk does. Every step can be undone but `clear` and a sale.

    def add(self, product: Product, quantity: int = 1) -> CartLine:
        """Add units of a product, to its line if it has one. Raises InvalidInput for a quantity no line may have."""
        line = self.find(product.id)
        return self._want(product, (line.quantity if line else 0) + check_quantity(quantity))

    def set_quantity(self, product_id: str, quantity: int) -> CartLine | None:
        """Make a line's quantity this. 0 voids it; None is returned for a product without a line."""
        line = self.find(product_id)
        return self._want(line.product, quantity) if line else None

    def undo(self) -> CartLine | None:
        """Take back the last step; returns the line as it is now (its quantity is 0 if it left)."""
        if not self._steps:
            return None
        before = self._steps.pop()
        line = self._want(before.product, before.quantity, before.place)
        self._steps.pop()
        return line

    def clear(self) -> None:
        """Void every line. There is no way back."""
        for line in list(self.lines):
            self._want(line.product, 0)
        self._steps.clear()

    def hold_again(self, now: float) -> int:
        """Ask once more for what expired or was short (with the next `commands`); returns how many lines that is."""
        lines = [line for line in self.lines if line.state(now) in (State.EXPIRED, State.SHORT)]
        for line in lines:
            line.short, line.again = None, True
        return len(lines)

    def _want(self, product: Product, quantity: int, place: int | None = None) -> CartLine:
        if quantity:
            check_quantity(quantity)
        line = self.find(product.id)
        if line is None:
            if len(self.lines) >= MAX_LINES:
                raise InvalidInput("lines", f"A sale has at most {MAX_LINES} lines; finish this one first.")
            line = next((x for x in self._leaving if x.product.id == product.id), None) or CartLine(product, 0)
            self._leaving = [x for x in self._leaving if x is not line]
            self.lines.insert(len(self.lines) if place is None else place, line)
        self._steps.append(_Before(product, line.quantity, self.lines.index(line)))
        line.quantity, line.short, line.covered = quantity, None, 0
        self.touched = Touch(product.id)
        if quantity == 0:
            self.lines.remove(line)
            self._leaving.append(line)
        return line

    # What is kept on disk, and taken up again after the terminal died.

    @property
    def kept(self) -> dict[str, KeptLine]:
        """Product id → its line, also of lines that were voided and still have a hold."""
        return {line.product.id: line.kept(place) for place, line in enumerate((*self.lines, *self._leaving))}

    def take_up(self, kept: Iterable[KeptLine], now: float, *, wanted: bool) -> list[Command]:
        """Go on with lines that were kept (or only give their units back, unless `wanted`); returns what to send first.

        What was being asked for is asked for again under its own id, so it is known whether it was given. Then every
        hold is replaced by a new one: that takes over one that is alive, and is refused for one that has ended, which
        is asked for anew. Nobody has to know how long the terminal was dead.
        """
        first: list[Command] = []
        for was in kept:
            line = CartLine(was.product, was.quantity if wanted else 0, again=True)
            if was.hold is not None:
                line.hold = Hold(was.hold, was.held, now)
            if was.asked is not None:
                line.sent = Sent(was.asked, now - self.hold_seconds)
                first.append(was.asked)
            (self.lines if line.quantity else self._leaving).append(line)
        return first

    # What is to be sent, and what came back.

    def commands(self, now: float, worked_at: float | None = None) -> list[Command]:
        """Returns the commands to send now; each is remembered as sent until it is answered.

        `worked_at` is when the clerk last touched the sale: holds with less than half of their time left are extended
        only if that was in the second half too, so a sale that was walked away from gives its units back.
        """
        found: list[Command] = []
        # A hold that is over by this clock may live a little longer on the server: it is given back all the same.
        self._leaving = [x for x in self._leaving if x.sent or x.hold]
        for line in (*self.lines, *self._leaving):
            command = None if line.sent else self._next(line, now, worked_at)
            if command is not None:
                line.sent = Sent(command, now)
                found.append(command)
        return found

    def _next(self, line: CartLine, now: float, worked_at: float | None) -> Reserve | Cancel | Extend | None:
        hold = line.hold
        if line.to_hold == 0:
            return Cancel(id=self._make_id(), store_id=self.store_id, reservation_id=hold.id) if hold else None
        lacks = hold is None or hold.quantity != line.to_hold or (line.again and not hold.is_live(now))
        if lacks and line.short is None:
            return Reserve(
                id=self._make_id(),
                store_id=self.store_id,
                lines=(Line(line.product.id, line.to_hold),),
                ttl_seconds=self.hold_seconds,
                replaces=hold.id if hold else None,
            )
        line.again = False
        if hold is None:
            return None
        half = hold.deadline - self.hold_seconds / 2
        if hold.is_live(now) and now >= half and worked_at is not None and worked_at >= half:
            return Extend(
                id=self._make_id(), store_id=self.store_id, reservation_id=hold.id, ttl_seconds=self.hold_seconds
            )
        return None

    def answered(self, answer: Answer, now: float) -> tuple[CartLine, Refusal] | None:
        """Take an answer in. Returns the line and the refusal when the clerk did not get what the line asked for."""
        line = next((x for x in (*self.lines, *self._leaving) if x.sent and x.sent.command.id == answer.id), None)
        if line is None or line.sent is None:
            return None
        command, sent_at = line.sent.command, line.sent.at
        line.sent = None
        deadline = sent_at + self.hold_seconds
        match command:
            case Reserve() if answer.accepted:
                line.hold = Hold(command.id, command.lines[0].quantity, deadline)
                line.again = line.again and not line.hold.is_live(now)
            case Reserve() if answer.refusal:
                return self._refused(line, command.lines[0].quantity, answer.refusal)
            case Cancel():
                if line.hold and line.hold.id == command.reservation_id:
                    line.hold = None
            case Extend() if line.hold:
                line.hold = Hold(line.hold.id, line.hold.quantity, deadline if answer.accepted else now)
        return None

    def _refused(self, line: CartLine, asked: int, refusal: Refusal) -> tuple[CartLine, Refusal] | None:
        if refusal.code in (Code.RESERVATION_ENDED, Code.UNKNOWN_RESERVATION):
            line.hold = None  # what it was to replace is gone; the next command asks without it
            return None
        if line.to_hold != asked:
            return None  # the clerk wants something else by now, and that is asked next
        # What the clerk scanned stays on the screen, marked: a unit that is in the bag must not leave the list unseen.
        line.again = False
        line.short = Short(line.quantity, line.covered + (refusal.lines[0].available if refusal.lines else 0))
        return line, refusal

    def cover(self, line: CartLine, kept: int) -> bool:
        """Cover what a line is short of by the `kept` units of this terminal's allotment; returns whether they do."""
        lacking = line.quantity - max(0, line.short.available - line.covered) if line.short else 0
        if not 0 < lacking <= kept:
            return False
        line.short, line.covered = None, lacking
        return True

    def correct(self, product: Product) -> CartLine | None:
        """Take over what the server says of a product; returns its line, if it has one."""
        line = self.find(product.id)
        if line is not None:
            line.product = product
        return line

    # The end of a sale.

    def check_sale(self) -> None:
        """Raises EmptyBasket or LineShort when these lines cannot be sold as they are."""
        if not self.lines:
            raise EmptyBasket("There is nothing to sell yet; scan a product or type its name.")
        for line in self.lines:
            if line.short:
                self.touched = Touch(line.product.id)
                message = f"{line.product.name}: {line.short.requested} asked, {line.short.available} here."
                raise LineShort(
                    message,
                    name=line.product.name,
                    requested=line.short.requested,
                    available=line.short.available,
                )

    def sale(
        self,
        receipt_number: str,
        made_at: datetime | UnsetType = UNSET,
        terms: Terms = SIMPLE,
        sequence: int = 1,
    ) -> list[Command]:
        """Returns the commands that sell these lines; the last is the Sell, the act of this terminal with `sequence`.

        A hold whose answer is still on its way is asked for again under its own id and given back before the Sell:
        whether it was made or not, it can then neither be missing from the sale nor stand in its way.
        """
        lines = tuple(x.sold for x in self.lines)
        holds = tuple(x.hold.id for x in self.lines if x.hold and x.product.id not in terms.released)
        found: list[Command] = []
        for line in self.lines:
            if line.sent and isinstance(line.sent.command, Reserve):
                back = Cancel(id=self._make_id(), store_id=self.store_id, reservation_id=line.sent.command.id)
                found += [line.sent.command, back]
                # Should the sale be refused, the line has no hold it can be sure of, and asks for a new one.
                line.sent, line.again = Sent(back, line.sent.at), True
                line.hold = line.hold and Hold(line.hold.id, line.hold.quantity, line.sent.at)
            elif line.hold and line.product.id in terms.released:
                back = Cancel(id=self._make_id(), store_id=self.store_id, reservation_id=line.hold.id)
                found.append(back)
                line.sent, line.again = Sent(back, line.sent.at if line.sent else 0.0), True
        offline = Offline(sequence, terms.guaranteed, terms.approved_by) if terms.is_offline else UNSET
        sell = Sell(
            id=self._make_id(),
            store_id=self.store_id,
            lines=lines,
            holds=holds,
            receipt_number=receipt_number,
            made_at=made_at,
            draws=terms.draws or UNSET,
            offline=offline,
        )
        return [*found, sell]

    def sold(self) -> None:
        """The lines went with their sale, and their holds with them. What is leaving still gives its units back."""
        self.lines.clear()
        self._steps.clear()

    def sale_refused(self, refusal: Refusal) -> None:
        """The sale had no effect, the lines are still here: mark those that were short."""
        short = {x.product_id: Short(x.requested, x.available) for x in refusal.lines}
        for line in self.lines:
            line.short = short.get(line.product.id)


def check_quantity(quantity: int) -> int:
    """Returns `quantity`, if a line may have it. Raises InvalidInput."""
    if not 1 <= quantity <= MAX_QUANTITY:
        raise InvalidInput(
            "quantity", f"A quantity is a whole number from 1 to {MAX_QUANTITY:,}.", maximum=MAX_QUANTITY
        )
    return quantity
