"""The money of a sale: what a line costs, what it was paid with, and that the sums agree. It never decides stock."""

from collections.abc import Iterable

from msgspec import UNSET

from .answers import Code, Refusal
from .commands import SaleLine
from .refusals import Refused
from .tenders import Tender, TenderKind


def due(line: SaleLine) -> int:
    """Returns what a line costs in all, in cents."""
    amount = line.amount_cents
    if line.pricing is not UNSET and (tax := line.pricing.tax) is not None and not tax.included:
        return amount + tax.amount_cents
    return amount


def total_of(lines: Iterable[SaleLine]) -> int:
    """Returns what all lines cost together, in cents."""
    return sum([due(line) for line in lines])


def paid(tenders: Iterable[Tender]) -> int:
    """Returns the sum of tenders in cents."""
    return sum([tender.amount_cents for tender in tenders])


def check_pricing(lines: Iterable[SaleLine], price_reason: str) -> None:
    """Raises Refused for a discount that nobody gives a reason for, and for a tax that its rate does not make."""
    for index, line in enumerate(lines):
        pricing = line.pricing
        if pricing is UNSET:
            continue
        asked = pricing.list_price_cents
        if asked is not None and line.price_cents < asked and not (pricing.discount_reason or price_reason):
            message = f"lines[{index}] costs less than its list price; say in discount_reason why."
            raise Refused(Refusal(Code.MONEY_MISMATCH, message, field=f"lines[{index}].pricing.discount_reason"))
        if (tax := pricing.tax) is not None:
            whole = 10_000 + tax.rate_bp if tax.included else 10_000
            # Shops round the tax of a line or of each unit: at most a cent apart for each time that it is priced.
            apart = abs(tax.amount_cents * whole - line.amount_cents * tax.rate_bp)
            if apart > -(-line.quantity // line.price.per) * whole:
                message = f"The tax of lines[{index}] is not what its rate makes of its price; work it out again."
                raise Refused(Refusal(Code.MONEY_MISMATCH, message, field=f"lines[{index}].pricing.tax.amount_cents"))


def check_tenders(tenders: Iterable[Tender], total: int) -> None:
    """Raises Refused if the tenders are not the total together, or the cash given is less than its part of it."""
    tenders = tuple(tenders)
    for index, tender in enumerate(tenders):
        if tender.given_cents is None:
            continue
        field = f"tenders[{index}].given_cents"
        if tender.kind is not TenderKind.CASH:
            raise Refused(Refusal(Code.MONEY_MISMATCH, "Only for cash is there change to give.", field=field))
        if tender.change_cents < 0:
            message = f"{money(tender.given_cents)} in cash is less than {money(tender.amount_cents)}."
            raise Refused(Refusal(Code.MONEY_MISMATCH, message, field=field))
    if (sum_of_them := paid(tenders)) != total:
        message = f"The tenders are {money(sum_of_them)} together, and the sale costs {money(total)}."
        raise Refused(Refusal(Code.MONEY_MISMATCH, message, field="tenders"))


def money(cents: int) -> str:
    """Returns an amount as sentences show it."""
    return f"{cents // 100}.{cents % 100:02d}"
