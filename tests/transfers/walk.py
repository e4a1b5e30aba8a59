"""Every step of transfers, discrepancy cases, pickups and count tasks, for tests that walk all routes."""

from collections.abc import Callable
from typing import Any


def every_step(post: Callable[[str, Any], Any]) -> None:
    """Sends each of them once with `post`, in the stores norte and sur; jam is in stock in norte afterwards."""
    jam = post("/products", {"sku": "JAM", "name": "Mermelada", "price": 2})["id"]
    post("/stock", {"product_id": jam, "store_id": "norte", "initial_quantity": 50})
    asked = {"from_store_id": "norte", "to_store_id": "sur", "product_id": jam, "quantity": 9}
    transfer, other, spare = (f"/transfers/{post('/transfers', asked)['id']}" for _ in range(3))
    for one in (transfer, other):
        post(f"{one}/pack", {})
        post(f"{one}/ship", {})
    post(f"{transfer}/receive", {"lines": [{"product_id": jam, "good": 4, "damaged": 1}]})
    (case,) = post(f"{transfer}/close", {})["discrepancies"]
    post(f"/discrepancies/{case['id']}/assign", {"owner": "luis"})
    post(f"/discrepancies/{case['id']}/settle", {"outcome": "found", "reason": "in the yard"})
    post(f"{other}/cancel", {"reason": "broke down", "in_flight": "restock"})
    post(f"{spare}/cancel", {"reason": "not needed"})
    ask = {"store_id": "norte", "for_store_id": "sur", "product_id": jam, "quantity": 1, "reason": "comes by car"}
    found, missing, withdrawn = (f"/pickups/{post('/pickups', ask)['id']}" for _ in range(3))
    post(f"{found}/found", {"ttl_seconds": 7200})
    (task,) = post(f"{missing}/missing", {"keep": False})["count_tasks"]
    post(f"/count-tasks/{task}/done", {"reason": "counted"})
    post(f"{withdrawn}/withdraw", {})
