"""Retail barcodes: EAN-13, UPC-A, EAN-8, ITF-14 of boxes, and in-store codes for products that have none."""

from enum import StrEnum

from .errors import InvalidInput

IN_STORE_PREFIX = "2"
"""GS1 leaves the codes that begin with 2 to each chain, for its own use inside its stores."""
_LENGTHS = (8, 12, 13, 14)


class Damage(StrEnum):
    """What is wrong with something scanned or typed that should be a barcode."""

    CHARACTERS = "characters"
    LENGTH = "length"
    CHECK_DIGIT = "check_digit"


class DamagedBarcode(InvalidInput):
    """The text is no whole barcode; the field `damage` says why."""

    code = "damaged_barcode"

    def __init__(self, text: str, damage: Damage, message: str) -> None:
        super().__init__("barcode", message, barcode=text[:48], damage=damage.value)
        self.damage = damage


def check_digit(digits: str) -> str:
    """Returns the check digit that belongs behind `digits`: weights 3 and 1 in turn from the right, up to the next
    ten."""
    total = sum(int(digit) * (1 if i % 2 else 3) for i, digit in enumerate(reversed(digits)))
    return str(-total % 10)


def in_store_ean13(product_id: str) -> str:
    """Returns the chain's own EAN-13 for a product with a numeric id of up to 11 digits.

    Raises InvalidInput for any other id: it has no such code.
    """
    if not _only_digits(product_id) or len(product_id) > 11:
        raise InvalidInput(
            "product_id", f"Product {product_id} needs an id of at most 11 digits for an in-store barcode."
        )
    body = IN_STORE_PREFIX + product_id.zfill(11)
    return body + check_digit(body)


def parse_scan(text: str) -> str:
    """Returns the barcode in what a scanner sent or a person typed, without the white space around it.

    A UPC-A comes back as the EAN-13 it is (with a leading zero), because scanners send either; so does an ITF-14 of a
    single unit. Raises DamagedBarcode.
    """
    code = text.strip()
    if not _only_digits(code):
        raise DamagedBarcode(code, Damage.CHARACTERS, "A barcode has only digits; scan it again.")
    if len(code) not in _LENGTHS:
        message = f"A barcode has 8, 12, 13 or 14 digits and this one has {len(code)}; scan it again."
        raise DamagedBarcode(code, Damage.LENGTH, message)
    if check_digit(code[:-1]) != code[-1]:
        message = f"The check digit of {code} is wrong, a digit was misread; scan it again."
        raise DamagedBarcode(code, Damage.CHECK_DIGIT, message)
    return code[1:] if len(code) == 14 and code[0] == "0" else code.zfill(13) if len(code) == 12 else code


def _only_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()
