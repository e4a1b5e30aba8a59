"""The steps of receiving, counting, returning, shifts, prices and replenishment, for the walk of all routes."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from backend.ids import new_id

Send = Callable[[str, str, Any], Any]


def every_other_step(send: Send) -> None:
    """Sends each of them once with `send` (method, address, body), by an admin, in the store norte."""
    gin = send("POST", "/products", {"sku": "GIN", "name": "Ginebra", "price": 12})["id"]
    send("POST", f"/products/{gin}/barcodes", {"barcode": "8412345678905", "quantity": 6})
    send("PUT", f"/products/{gin}/prices", {"price": 12, "store_id": "norte"})
    _received(send, gin)
    _counted(send, gin)
    _sold_and_returned(send, gin)
    _allotted(send, gin)
    _replenished(send)
    _sold_without_a_server(send)


def _received(send: Send, product_id: str) -> None:
    ordered = {"store_id": "norte", "supplier": "Gil", "lines": [{"product_id": product_id, "quantity": 12}]}
    came, never = (f"/purchases/{send('POST', '/purchases', ordered)['id']}" for _ in range(2))
    send("POST", f"{came}/receive", {"lines": [{"product_id": product_id, "good": 12}]})
    send("POST", f"{never}/end", {"reason": "out of print"})
    blind = {"store_id": "norte", "supplier": "Gil", "lines": [{"product_id": product_id, "good": 8}]}
    send("POST", "/receipts", blind)


def _counted(send: Send, product_id: str) -> None:
    whole = {"store_id": "norte", "scope": "task", "products": [product_id]}
    posted, cancelled = (f"/counts/{send('POST', '/counts', whole)['id']}" for _ in range(2))
    send("POST", f"{posted}/scan", {"product_id": product_id, "units": 20, "how": "add"})
    send("POST", f"{posted}/post", {})
    send("POST", f"{cancelled}/cancel", {})


def _sold_and_returned(send: Send, product_id: str) -> None:
    shift = f"/shifts/{send('POST', '/shifts', {'opening_float': 100, 'store_id': 'norte', 'terminal_id': 'W1'})['id']}"
    lines = [{"product_id": product_id, "quantity": 2, "unit_price": 12}]
    basket = {"store_id": "norte", "lines": lines, "tenders": [{"kind": "cash", "amount": 24, "given": 30}]}
    kept, voided = (send("POST", "/sales", basket)["id"] for _ in range(2))
    back = {"line": 1, "quantity": 1, "condition": "shelf"}
    send("POST", "/returns", {"sale_id": kept, "lines": [back], "refund_by": "cash", "reason": "a present"})
    send("POST", f"/sales/{voided}/void", {"reason": "rung up twice"})
    goods = {"product_id": product_id, "quantity": 1, "unit_price": 12, "condition": "damaged"}
    send("POST", "/returns/goods", {"store_id": "norte", "lines": [goods], "refund_by": "cash", "reason": "leaks"})
    send("POST", f"{shift}/pay-in", {"amount": 20, "reason": "change"})
    send("POST", f"{shift}/pay-out", {"amount": 5, "reason": "stamps"})
    send("POST", f"{shift}/close", {"counted": 115})
    refused = {
        "id": str(new_id()),
        "store_id": "norte",
        "receipt_number": "W1-9",
        "sale_id": str(new_id()),
        "sold_at": datetime.now(UTC).isoformat(),
        "lines": [{"product_id": product_id, "quantity": 1, "price_cents": 1200}],
        "refusal": "insufficient_stock",
        "reason": "rung_up_again",
    }
    send("POST", "/conflicts/settle", refused)


def _allotted(send: Send, product_id: str) -> None:
    asked = {"type": "allot", "id": str(new_id()), "store_id": "norte", "product_id": product_id, "quantity": 2}
    send("POST", "/commands", {"commands": [asked]})
    send("POST", f"/allotments/{asked['id']}/reclaim", {"reason": "the till is broken"})


def _replenished(send: Send) -> None:
    """Two products that nobody has to spare: each is proposed; one is ordered, the other dropped."""
    proposals = []
    for sku in ("FIG", "DATE"):
        product_id = send("POST", "/products", {"sku": sku, "name": sku.title(), "price": 1})["id"]
        levels = {"initial_quantity": 1, "reorder_point": 5, "max_stock": 10}
        send("POST", "/stock", {"product_id": product_id, "store_id": "norte", **levels})
        wanted = {"store_id": "norte", "product_id": product_id, "quantity": 9}
        (document,) = send("POST", "/replenishment/accept", {"suggestions": [wanted]})["documents"]
        proposals.append(f"/replenishment/proposals/{document['id']}")
    send("POST", f"{proposals[0]}/order", {"supplier": "Gil"})
    send("POST", f"{proposals[1]}/close", {"outcome": "dropped"})


def _sold_without_a_server(send: Send) -> None:
    """A unit of a product of which there is none: a case, which is settled."""
    figs = send("POST", "/products", {"sku": "FIGS", "name": "Higos", "price": 1})["id"]
    lines = [{"product_id": figs, "quantity": 1, "price_cents": 100}]
    sell = {"type": "sell", "id": str(new_id()), "store_id": "norte", "lines": lines, "offline": {"sequence": 1}}
    (answer,) = send("POST", "/commands", {"commands": [sell]})["answers"]
    send("POST", f"/shortfalls/{answer['id']}/resolve", {"choice": "adjust", "reason": "behind the counter"})
