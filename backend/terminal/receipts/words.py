"""The words of a receipt, in the languages of the terminal."""

from typing import TypedDict

from backend.model.tenders import TenderKind
from backend.terminal.money import Lang


class Words(TypedDict):
    """What stands on a receipt besides names and numbers."""

    receipt: str
    copy: str
    terminal: str
    clerk: str
    total: str
    units: str
    list_price: str
    tax_in: str
    tax_on: str
    given: str
    change: str
    tender: dict[TenderKind, str]


WORDS: dict[Lang, Words] = {
    "en": {
        "receipt": "Receipt",
        "copy": "*** COPY ***",
        "terminal": "Till",
        "clerk": "Clerk",
        "total": "TOTAL",
        "units": "Units",
        "list_price": "instead of",
        "tax_in": "incl. tax",
        "tax_on": "plus tax",
        "given": "Given",
        "change": "Change",
        "tender": {
            TenderKind.CASH: "Cash",
            TenderKind.CARD: "Card",
            TenderKind.VOUCHER: "Voucher",
            TenderKind.OTHER: "Other",
        },
    },
    "es": {
        "receipt": "Tique",
        "copy": "*** COPIA ***",
        "terminal": "Caja",
        "clerk": "Atendió",
        "total": "TOTAL",
        "units": "Unidades",
        "list_price": "en vez de",
        "tax_in": "IVA incl.",
        "tax_on": "más IVA",
        "given": "Entregado",
        "change": "Cambio",
        "tender": {
            TenderKind.CASH: "Efectivo",
            TenderKind.CARD: "Tarjeta",
            TenderKind.VOUCHER: "Vale",
            TenderKind.OTHER: "Otro",
        },
    },
}
