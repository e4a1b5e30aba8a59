"""Plain values of a terminal, in the shapes the server sends them."""

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal
from uuid import UUID

from msgspec import Struct

from backend.model.allotments import DEFAULT_POLICY, EVERY_PRODUCT, Beyond
from backend.model.errors import MostradorError
from backend.model.stock import StockRow
from backend.model.unit_price import UnitPrice

SESSION_OVER = frozenset({"session_ended", "terminal_removed"})
"""Codes of errors after which somebody has to sign in again before anything else is answered."""


class Store(Struct, frozen=True):
    """A shop of the chain: what the sign on its door says."""

    id: str
    name: str


class Offline(Struct, frozen=True):
    """What a server gives for the time when none answers: see `backend.auth.grants`."""

    grant: str
    secret: str
    keys: tuple[dict[str, str], ...]
    """The public keys (JWK) that grants are signed with."""


class Session(Struct, frozen=True):
    """Who is signed in, where, and until when the server believes it."""

    access_token: str
    expires_at: datetime
    user: str
    display_name: str
    role: str
    store_id: str
    store_name: str
    stores: tuple[Store, ...]
    refresh_token: str = ""
    """What the next access token is asked for with; empty: the session ends with this one."""
    expires_in: float = 0.0
    """Seconds from the answer until `expires_at`: the server's clock may not be this machine's."""
    terminal_id: str = ""
    """The terminal that the server knows this machine as."""
    receipt_series: str = ""
    """What no other terminal's receipt numbers begin with; only in the answer to a sign-in."""
    offline: Offline | None = None
    """To be kept for the time without a server; only in the answer to a sign-in."""


class Said(Struct, frozen=True):
    """What a scanned code said beside which product it is of: its units, its grams or the price of all of it."""

    quantity: int | None = None
    grams: int | None = None
    price: Decimal | None = None


class Product(Struct, frozen=True):
    """A product of the catalogue as a terminal needs it; `price` is for `price_per` units."""

    id: str
    sku: str
    name: str
    price: Decimal
    barcode: str | None = None
    package_size: str | None = None
    pack_quantity: int = 1
    """Units that one scan of the barcode stands for."""
    store_price: Decimal | None = None
    """What it costs in the store that asked; `price` is the catalogue's."""
    price_per: int = 1
    store_price_per: int = 1
    unit: str = "piece"
    """What a quantity counts."""
    scan: Said | None = None
    """What the code said by which it was found."""

    @property
    def unit_price(self) -> UnitPrice:
        """What its units cost here."""
        if self.store_price is None:
            return UnitPrice(cents_of(self.price), self.price_per)
        return UnitPrice(cents_of(self.store_price), self.store_price_per)


def cents_of(price: Decimal) -> int:
    """Returns an amount of the wire in cents."""
    return int((price * 100).to_integral_value(ROUND_HALF_UP))


class StoreStock(Struct, frozen=True):
    """One product's stock in one store, as the stock routes answer it."""

    product_id: str
    store_id: str
    quantity: int
    reserved_qty: int
    available_qty: int
    version: int
    unavailable_qty: int = 0
    allocated_qty: int = 0
    store_name: str = ""

    @property
    def row(self) -> StockRow:
        """The same as the row the events carry."""
        return StockRow(
            self.store_id,
            self.product_id,
            self.quantity,
            self.unavailable_qty,
            self.allocated_qty,
            self.reserved_qty,
            0,
            self.version,
        )


class Approval(Struct, frozen=True):
    """A supervisor who stands beside the terminal. The PIN goes to the server and nowhere else."""

    user: str
    pin: str


class Policy(Struct, frozen=True):
    """How much of a product a terminal may keep for an outage of so long, and what happens beyond."""

    product_id: str = EVERY_PRODUCT
    units: int = DEFAULT_POLICY.units
    minutes: int = DEFAULT_POLICY.minutes
    beyond: Beyond = DEFAULT_POLICY.beyond


class Policies(Struct, frozen=True):
    """The policies of a store. `default` holds for every product that has none here."""

    default: Policy = Policy()
    policies: tuple[Policy, ...] = ()


class Wanted(Struct, frozen=True):
    """An allotment of this terminal, and the units of it that the server wants back for others."""

    id: UUID
    wanted: int = 0


class LiveAddress(Struct, frozen=True):
    """Where changes of stock are published; an empty `nats_url` means nowhere."""

    nats_url: str
    subject: str


class Notice(Struct, frozen=True):
    """Something a person should read. Screens turn `code` and `fields` into a sentence of their language."""

    level: Literal["ok", "info", "warning", "error"]
    code: str
    fields: dict[str, str | int] = {}


def notice_of(error: MostradorError) -> Notice:
    """Returns what to say about an error; its own sentence goes along for codes the screens have no words for."""
    plain = {k: v for k, v in error.fields.items() if isinstance(v, str | int)}
    return Notice("error", error.code, {"message": error.message, **plain})


class Enrolment(Struct, frozen=True):
    """Which terminal of which store this is, and the key that proves it."""

    store_id: str
    terminal_id: str
    name: str
    key: str
