"""A receipt as text of 42 columns, which is what 80 mm paper has."""

from collections.abc import Iterator
from textwrap import wrap

from backend.terminal.money import Lang, money, number

from .paper import Paper
from .words import WORDS

WIDTH = 42
_LEAST = 10
"""Columns that are left for what stands before a number; a longer number gets lines of its own."""


def lines_of(paper: Paper, *, copy: bool = False) -> list[str]:
    """Returns the lines of a receipt; a `copy` says that it is one."""
    words = WORDS[paper.lang]
    head = [paper.store_name, *paper.heading.splitlines()]
    return [
        *(line.center(WIDTH).rstrip() for text in head for line in wrap(text, WIDTH)),
        *([words["copy"].center(WIDTH).rstrip()] if copy else []),
        "",
        *_pair(words["receipt"], paper.number),
        *_pair(f"{paper.at:%Y-%m-%d %H:%M}", f"{words['terminal']} {paper.terminal_id}"),
        *_pair(words["clerk"], paper.clerk),
        "-" * WIDTH,
        *_goods(paper),
        "-" * WIDTH,
        *_sums(paper),
        *([words["copy"].center(WIDTH).rstrip()] if copy else []),
        *(line.center(WIDTH).rstrip() for text in paper.footing.splitlines() for line in wrap(text, WIDTH)),
    ]


def text_of(paper: Paper, *, copy: bool = False) -> str:
    """Returns a receipt as text."""
    return "\n".join(lines_of(paper, copy=copy)) + "\n"


def _goods(paper: Paper) -> Iterator[str]:
    lang, words = paper.lang, WORDS[paper.lang]
    for line, name in zip(paper.lines, paper.names, strict=True):
        price = money(line.amount_cents, lang)
        per = f"/{number(line.price.per, lang)}" if line.price.per > 1 else ""
        if line.quantity == 1:
            yield from _pair(name, price)
        else:
            yield from wrap(name, WIDTH)
            yield from _pair(f"  {number(line.quantity, lang)} x {money(line.price_cents, lang)}{per}", price)
        pricing = line.pricing
        if pricing and pricing.list_price_cents is not None and pricing.list_price_cents != line.price_cents:
            asked = f"  {words['list_price']} {money(pricing.list_price_cents, lang)}"
            yield from wrap(f"{asked} {pricing.discount_reason}".rstrip(), WIDTH, subsequent_indent="  ")


def _sums(paper: Paper) -> Iterator[str]:
    lang, words = paper.lang, WORDS[paper.lang]
    taxes = [(words["tax_in" if t.included else "tax_on"], t) for t in paper.taxes]
    for name, tax in taxes:
        if not tax.included:
            yield from _pair(f"{name} {_rate(tax.rate_bp, lang)}", money(tax.amount_cents, lang))
    yield from _pair(f"{words['total']} {paper.currency}".rstrip(), money(paper.total_cents, lang))
    for name, tax in taxes:
        if tax.included:
            yield from _pair(f"  {name} {_rate(tax.rate_bp, lang)}", money(tax.amount_cents, lang))
    for tender in paper.tenders:
        yield from _pair(words["tender"][tender.kind], money(tender.amount_cents, lang))
        if tender.given_cents is not None and tender.change_cents:
            yield from _pair(f"  {words['given']}", money(tender.given_cents, lang))
            yield from _pair(f"  {words['change']}", money(tender.change_cents, lang))
    yield from _pair(words["units"], number(paper.units, lang))


def _rate(basis_points: int, lang: Lang) -> str:
    whole = money(basis_points, lang)
    return f"{whole[:-3] if basis_points % 100 == 0 else whole}%"


def _pair(left: str, right: str) -> list[str]:
    """Returns the lines with something at both ends; the left one is wrapped if it is too long."""
    if len(right) > WIDTH - _LEAST:
        return [*wrap(left, WIDTH), *wrap(right, WIDTH)]
    lines = wrap(left, WIDTH - len(right) - 1) or [""]
    lines[-1] = lines[-1].ljust(WIDTH - len(right)) + right
    return lines
