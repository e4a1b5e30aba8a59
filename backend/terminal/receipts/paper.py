"""What is on a receipt, kept with its sale so that it can be printed again as it was."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from backend.model.commands import SaleLine
from backend.model.tenders import Tender
from backend.terminal.money import Lang


class PaperTax(Struct, frozen=True):
    """The tax of all lines with one rate."""

    rate_bp: int
    """In hundredths of a percent."""
    amount_cents: int
    included: bool


class Paper(Struct, frozen=True, kw_only=True):
    """A receipt. `names` are those of its lines, in their order."""

    number: str
    sale_id: UUID
    store_id: str
    store_name: str
    terminal_id: str
    clerk: str
    at: datetime
    lines: tuple[SaleLine, ...]
    names: tuple[str, ...]
    tenders: tuple[Tender, ...] = ()
    lang: Lang = "en"
    currency: str = ""
    heading: str = ""
    """What the shop wants above it all: an address, a tax number. Lines are kept."""
    footing: str = ""

    @property
    def goods_cents(self) -> int:
        """The price of all units."""
        return sum(line.amount_cents for line in self.lines)

    @property
    def total_cents(self) -> int:
        """What the customer paid: the goods, and the tax that is not in their prices."""
        return self.goods_cents + sum(tax.amount_cents for tax in self.taxes if not tax.included)

    @property
    def taxes(self) -> list[PaperTax]:
        """The taxes of the lines that say theirs, by rate."""
        sums: dict[tuple[int, bool], int] = {}
        for line in self.lines:
            tax = line.pricing.tax if line.pricing else None
            if tax is not None:
                key = (tax.rate_bp, tax.included)
                sums[key] = sums.get(key, 0) + tax.amount_cents
        return [PaperTax(rate, amount, included) for (rate, included), amount in sorted(sums.items())]

    @property
    def units(self) -> int:
        """Units over all lines."""
        return sum(line.quantity for line in self.lines)
