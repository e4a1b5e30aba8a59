"""Every step of corrections, approvals and orders, for tests that walk all routes."""

from collections.abc import Callable
from typing import Any

Post = Callable[[str, Any], Any]


def every_step(post: Post, as_clerk: Post) -> None:
    """Sends each of them once with `post`, in the store norte; rum is in stock there afterwards.

    `as_clerk` posts as somebody else, because nobody grants what they asked for.
    """
    rum = post("/products", {"sku": "RUM", "name": "Ron", "price": 3})["id"]
    post("/stock", {"product_id": rum, "store_id": "norte", "initial_quantity": 50})
    two = {"store_id": "norte", "lines": [{"product_id": rum, "quantity": 2}]}
    post("/stock/quarantine", two | {"reason_code": "recall"})
    post("/stock/release", two)
    post("/stock/write-off", two | {"reason_code": "expired"})
    kept, dropped = (f"/orders/{post('/orders', two)['id']}" for _ in range(2))
    post(f"{kept}/fulfil", {})
    post(f"{dropped}/cancel", {})
    post(f"{_asked(as_clerk, rum)}/grant", {})
    post(f"{_asked(post, rum)}/refuse", {"reason": "count again"})
    post("/stock", {"product_id": rum, "store_id": "sur", "initial_quantity": 60})
    post("/reservations", {"product_id": rum, "store_id": "sur", "quantity": 55})
    seen = {"store_id": "sur", "rule": "hold_hoarding", "subject": rum}
    post("/alerts/marks", seen | {"status": "acknowledged"})


def _asked(post: Post, product_id: str) -> str:
    """Asks for three units fewer; the address of what waits."""
    command = {
        "type": "adjust",
        "store_id": "norte",
        "product_id": product_id,
        "adjustment": -3,
        "reason": "torn",
    }
    return f"/approvals/{post('/approvals', {'command': command, 'reason': 'see photo'})['id']}"
