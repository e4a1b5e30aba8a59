"""What a route can find missing before the ledger is asked; the ledger's own refusals read the same."""

from backend.model.errors import MostradorError


class UnknownProduct(MostradorError):
    """No product has this id or SKU."""

    code = "unknown_product"

    def __init__(self, code: str, field: str = "product_id") -> None:
        super().__init__(f"There is no product {code}; check the code or add it to the catalogue.", field=field)


class UnknownBarcode(MostradorError):
    """No product carries this barcode."""

    code = "unknown_barcode"

    def __init__(self, barcode: str) -> None:
        super().__init__(f"No product has the barcode {barcode}; scan it again or search by name.", field="barcode")


class UnknownPrice(MostradorError):
    """The list has no price of the product that begins then."""

    code = "unknown_price"

    def __init__(self, product_id: str, store_id: str) -> None:
        message = f"No price of {product_id} in {store_id} begins then; read the list of its prices."
        super().__init__(message, field="valid_from")


class UnknownSale(MostradorError):
    """No sale has this id or receipt number, or it is another store's and none of the caller's business."""

    code = "unknown_sale"

    def __init__(self, code: str, field: str = "sale_id") -> None:
        super().__init__(f"There is no sale {code}; it may belong to another store.", field=field)


class UnknownReservation(MostradorError):
    """No hold has this id, or it is another store's and none of the caller's business."""

    code = "unknown_reservation"

    def __init__(self, reservation_id: str) -> None:
        super().__init__(f"There is no hold {reservation_id}; it may belong to another store.", field="reservation_id")


class UnknownDocument(MostradorError):
    """No document of this kind has this id, or it is another store's and none of the caller's business."""

    code = "unknown_document"

    def __init__(self, kind: str, document_id: str) -> None:
        message = f"There is no {kind} {document_id}; it may belong to another store."
        super().__init__(message, field=f"{kind}_id")


class SuggestionChanged(MostradorError):
    """What was chosen is not suggested any more, or not as much of it."""

    code = "suggestion_changed"

    def __init__(self, field: str, product_id: str, store_id: str, suggested: int) -> None:
        message = (
            f"{field}: only {suggested} units of {product_id} are suggested for store {store_id} in this way now; read"
            " them again."
        )
        super().__init__(message, field=field, product_id=product_id, store_id=store_id, suggested=suggested)


class UnknownKey(MostradorError):
    """No key has this id, or somebody else made it and it is none of the caller's business."""

    code = "unknown_key"

    def __init__(self, key_id: str) -> None:
        super().__init__(f"There is no key {key_id}; it may be revoked already.", field="key_id")


class StockExists(MostradorError):
    """The product has stock in the store already, perhaps of zero units."""

    code = "stock_exists"

    def __init__(self, product_id: str, store_id: str) -> None:
        message = f"There is stock of {product_id} in store {store_id} already; set or adjust it."
        super().__init__(message, product_id=product_id, store_id=store_id)


class TransferShort(MostradorError):
    """The store that gives has less than is to be moved; `lines` as in `insufficient_stock`."""

    code = "transfer_short"


class UnknownTerminal(MostradorError):
    """The store has no terminal with this id."""

    code = "unknown_terminal"

    def __init__(self, terminal_id: str) -> None:
        super().__init__(f"The store has no terminal {terminal_id}; check the id.", field="terminal_id")


class TerminalEnrolled(MostradorError):
    """The terminal has its key already."""

    code = "terminal_enrolled"

    def __init__(self, terminal_id: str) -> None:
        super().__init__(f"Terminal {terminal_id} is enrolled already; remove it first, or choose another id.")


class UnknownWebhook(MostradorError):
    """No webhook has this id, or it is another store's and none of the caller's business."""

    code = "unknown_webhook"

    def __init__(self, webhook_id: str) -> None:
        super().__init__(f"There is no webhook {webhook_id}; check the id.", field="webhook_id")


class UnknownDeadLetter(MostradorError):
    """The webhook has no dead letter of this event."""

    code = "unknown_dead_letter"

    def __init__(self, event_id: str) -> None:
        message = f"The webhook has no dead letter {event_id}; it may be on its way again already."
        super().__init__(message, field="event_id")
