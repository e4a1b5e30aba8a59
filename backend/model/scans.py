"""What a scanned code says: which product it may be looked up as, and the weight, price, lot or expiry printed in it.

Codes are kept and looked up in one form (`stored_code`): a UPC-A or UPC-E as the EAN-13 that it is, an ITF-14 of a
single unit likewise, an in-store code with a weight or price in it with zeros in that place. `biip` reads GS1 element
strings; it is loaded when the first one is met, so a terminal does not wait for its tables when it starts.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from .barcode import Damage, DamagedBarcode, check_digit
from .errors import InvalidInput

MAX_CODE = 48
"""Characters of a code that a product may be found by."""
_SEPARATOR = "\x1d"
"""FNC1, as scanners send it between element strings of no fixed length (the character GS)."""
_SYMBOLOGY = "]"
_OF_GS1 = ("]C1", "]e0", "]d2", "]Q3", "]J1")
"""What scanners send before GS1-128, DataBar, and the GS1 forms of DataMatrix, QR and DotCode."""
_MASK_LENGTH = 12


class CodeKind(StrEnum):
    """How a code is made. UPC-A and UPC-E are read as the EAN-13 that they are short for."""

    EAN_13 = "ean13"
    EAN_8 = "ean8"
    ITF_14 = "itf14"
    IN_STORE = "in_store"
    GS1 = "gs1"
    CODE_128 = "code128"


class Mask(Struct, frozen=True):
    """A chain's own EAN-13 with a weight or price in it: its first digits, then `I` for each digit of the item, `W` of
    the grams or `P` of the cents, and `V` of a check digit of these that is not looked at: `20IIIIIWWWWW`."""

    text: str

    @property
    def prefix(self) -> str:
        """The digits that such a code begins with."""
        return self.text.rstrip("IWPV")


class Scan(Struct, frozen=True):
    """What a code says. `keys` are the codes it may be stored under, the likeliest first."""

    kind: CodeKind
    keys: tuple[str, ...]
    units: int | None = None
    grams: int | None = None
    price_cents: int | None = None
    lot: str | None = None
    expiry: date | None = None

    @property
    def says_more(self) -> bool:
        """Whether there is more in it than the product's code."""
        return any(x is not None for x in (self.units, self.grams, self.price_cents, self.lot, self.expiry))


def masks_of(text: str) -> tuple[Mask, ...]:
    """Returns the masks that a setting names, with spaces between them. Raises InvalidInput."""
    masks = tuple(Mask(one) for one in text.split())
    for mask in masks:
        rest = mask.text[len(mask.prefix) :]
        item, value = rest.count("I"), rest.count("W") + rest.count("P")
        whole = len(mask.text) == _MASK_LENGTH and mask.prefix.isdigit() and mask.prefix.startswith(("02", "2"))
        in_order = rest.lstrip("I").lstrip("V") in ("W" * value, "P" * value)
        if not (whole and item and value and in_order):
            message = f"{mask.text[:20]} is no in-store code; write 12 characters like 20IIIIIWWWWW or 21IIIIIVPPPP."
            raise InvalidInput("IN_STORE_CODES", message)
    return masks


def stored_code(text: str, masks: Sequence[Mask] = ()) -> tuple[str, CodeKind]:
    """Returns the code under which a product's barcode is kept, and its kind.

    Raises DamagedBarcode for a wrong check digit, for what says more than which product it is, and for a slash: codes
    are looked up by their address.
    """
    scan = read_scan(text, masks)
    if "/" in scan.keys[0]:
        raise DamagedBarcode(
            text, Damage.CHARACTERS, "barcode must have no slash: codes are looked up by their address."
        )
    if scan.says_more and scan.kind is CodeKind.GS1:
        message = "This code has a lot, a date or a measure in it; keep only its GTIN, the 14 digits behind (01)."
        raise DamagedBarcode(text, Damage.CHARACTERS, message)
    return scan.keys[0], scan.kind


def kind_of(code: str, masks: Sequence[Mask] = ()) -> CodeKind:
    """Returns the kind of a code that is kept already, which may be of a time when nobody looked at its check digit."""
    try:
        return read_scan(code, masks).kind
    except DamagedBarcode:
        return CodeKind.CODE_128


def read_scan(text: str, masks: Sequence[Mask] = ()) -> Scan:
    """Returns what a scanner sent or a person typed. Raises DamagedBarcode if it was misread."""
    code = text.strip(" \t\r\n")
    of_gs1 = code.startswith(_OF_GS1)
    if code.startswith(_SYMBOLOGY) and len(code) > 3:
        code = code[3:]
    if not 0 < len(code) <= MAX_CODE * 2 or not all(" " <= c <= "~" or c == _SEPARATOR for c in code):
        raise DamagedBarcode(code, Damage.CHARACTERS, "A barcode has letters and digits; scan it again.")
    if of_gs1 or code.startswith("(") or _SEPARATOR in code:
        return _gs1(code)
    if not code.isdigit():
        return _text(code)
    match len(code):
        case 8:
            return _eight(code)
        case 12 | 13:
            return _thirteen(_checked(code).zfill(13), masks)
        case 14:
            return _fourteen(_checked(code))
        case length if length >= 18 and code.startswith(("01", "02")):
            return _gs1(code)
        case _:
            return _text(code)


def upc_a_of(upc_e: str) -> str:
    """Returns the 12 digits that the 8 of a UPC-E stand for. Raises DamagedBarcode."""
    system, body, check = upc_e[0], upc_e[1:7], upc_e[7]
    match body[5]:
        case "0" | "1" | "2":
            middle = f"{body[:2]}{body[5]}0000{body[2:5]}"
        case "3":
            middle = f"{body[:3]}00000{body[3:5]}"
        case "4":
            middle = f"{body[:4]}00000{body[4]}"
        case last:
            middle = f"{body[:5]}0000{last}"
    if system not in "01":
        raise DamagedBarcode(upc_e, Damage.CHARACTERS, "A UPC-E begins with 0 or 1; scan it again.")
    return _checked(f"{system}{middle}{check}")


def _eight(code: str) -> Scan:
    """Returns an EAN-8 and a UPC-E have as many digits; a code that could be either is looked up as both."""
    keys: list[str] = []
    if check_digit(code[:-1]) == code[-1]:
        keys.append(code)
    if code[0] in "01":
        try:
            keys.append(upc_a_of(code).zfill(13))
        except DamagedBarcode:
            if not keys:
                raise
    if not keys:
        _checked(code)
    return Scan(CodeKind.EAN_8 if keys[0] == code else CodeKind.EAN_13, tuple(keys))


def _thirteen(code: str, masks: Sequence[Mask]) -> Scan:
    for mask in masks:
        if code.startswith(mask.prefix):
            return _measured(code, mask)
    return Scan(CodeKind.IN_STORE if code[0] == "2" else CodeKind.EAN_13, (code,))


def _measured(code: str, mask: Mask) -> Scan:
    value = "".join(digit for digit, letter in zip(code, mask.text, strict=False) if letter in "WP")
    body = "".join("0" if letter in "WPV" else digit for digit, letter in zip(code, mask.text, strict=False))
    key, number = body + check_digit(body), int(value)
    if "W" in mask.text:
        return Scan(CodeKind.IN_STORE, (key, code), grams=number)
    return Scan(CodeKind.IN_STORE, (key, code), price_cents=number)


def _fourteen(code: str) -> Scan:
    return Scan(CodeKind.EAN_13, (code[1:],)) if code[0] == "0" else Scan(CodeKind.ITF_14, (code,))


def _text(code: str) -> Scan:
    if len(code) > MAX_CODE:
        raise DamagedBarcode(code, Damage.LENGTH, f"A barcode has at most {MAX_CODE} characters; scan it again.")
    return Scan(CodeKind.CODE_128, (code,))


def _gs1(code: str) -> Scan:
    from biip import ParseError
    from biip.gs1_messages import GS1Message

    try:
        message = GS1Message.parse_hri(code) if code.startswith("(") else GS1Message.parse(code.lstrip(_SEPARATOR))
    except ParseError as error:
        raise DamagedBarcode(code, Damage.CHECK_DIGIT, "This GS1 code is not whole; scan it again.") from error
    said = {element.ai.ai: element for element in message.element_strings}
    numbers = {ai: element.decimal for ai, element in said.items() if element.decimal is not None}
    item = said.get("01") or said.get("02")
    if item is None:
        raise DamagedBarcode(code, Damage.CHARACTERS, "This GS1 code names no product, (01) is missing; scan another.")
    _checked(item.value)
    grams = _first(numbers, "310")
    price = _first(numbers, "392")
    count = said.get("30") or said.get("37")
    expiry = said.get("17") or said.get("15")
    return Scan(
        CodeKind.GS1,
        _fourteen(item.value).keys,
        units=int(count.value) if count else None,
        grams=None if grams is None else int(grams * 1000),
        price_cents=None if price is None else int(price * 100),
        lot=said["10"].value if "10" in said else None,
        expiry=expiry.date if expiry else None,
    )


def _first(numbers: dict[str, Decimal], start: str) -> Decimal | None:
    return next((number for ai, number in numbers.items() if ai.startswith(start)), None)


def _checked(code: str) -> str:
    if check_digit(code[:-1]) != code[-1]:
        message = f"The check digit of {code} is wrong, a digit was misread; scan it again."
        raise DamagedBarcode(code, Damage.CHECK_DIGIT, message)
    return code
