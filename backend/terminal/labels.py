"""Scanned codes that say more than which product it is: GS1 codes with a weight, a price or a number, and scale labels.

The server knows how the chain's labels are made, so it reads the code; what it read is turned into units here.
"""

import re

from backend.model.barcode import DamagedBarcode, parse_scan
from backend.model.errors import MostradorError
from backend.model.unit_price import UnitPrice

from .values import Product, cents_of

_OF_GS1 = re.compile(r"\](?:C1|e0|d2|Q3|J1|E[0-4])|\(\d{2,4}\)|0[12]\d{16}|.*\x1d", re.DOTALL)
"""What a scanner sends before a code, application identifiers as people read them or as they are, and FNC1 inside."""


class LabelUnreadable(MostradorError):
    """A label's weight or price is no number of units of its product."""

    code = "label_unreadable"

    def __init__(self, product: Product) -> None:
        super().__init__(f"The label of {product.name} does not fit its price; type the quantity.", name=product.name)


def code_of(text: str) -> str:
    """Returns the code to look a scan up by. Raises DamagedBarcode for what is no whole code."""
    code = text.strip(" \t\r\n")
    try:
        return parse_scan(code)
    except DamagedBarcode:
        if _OF_GS1.match(code):
            return code
        raise


def may_be_code(text: str) -> bool:
    """Returns whether this may be a Code 128: one word with a digit in it. What has none is searched for by name."""
    return " " not in text and any(c.isdigit() for c in text)


def units_of(product: Product) -> int:
    """Returns how many units one scan stood for. Raises LabelUnreadable."""
    said = product.scan
    if said is None:
        return product.pack_quantity
    units = product.pack_quantity
    if said.quantity is not None:
        units *= said.quantity
    elif said.grams is not None and product.unit == "gram":
        units = said.grams
    elif said.price is not None and product.unit_price != UnitPrice(0, product.unit_price.per):
        price = cents_of(said.price)
        units = product.unit_price.units_for(price)
        if product.unit == "piece" and product.unit_price.of(units) != price:
            raise LabelUnreadable(product)
    if units < 1:
        raise LabelUnreadable(product)
    return units
