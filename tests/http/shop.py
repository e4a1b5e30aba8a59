"""A small shop for the HTTP tests, and a client that signs its requests."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

import httpx
from sqlalchemy import Table, delete, insert

from backend.auth.pins import hash_pin
from backend.auth.tokens import Tokens
from backend.database import tables
from backend.database.engine import open_database
from backend.ids import new_id
from backend.model.search import search_text

STORES = {"norte": "Norte", "sur": "Sur", "este": "Este"}
PEOPLE = {"ana": ("clerk", ["norte"]), "luis": ("supervisor", ["norte", "sur"]), "root": ("admin", [])}
PIN = "2468"
PRODUCTS = {
    "milk": ("Leche entera 1 l", "8400000000017", 129),
    "choc": ("Chocolate con leche", "8400000000024", 215),
    "bread": ("Pan de molde", "8400000000031", 180),
    "rice": ("Arroz 1 kg", "8400000000048", 99),
}
"""Id → name, barcode of one unit, price in cents. The SKU is the id in capitals."""
PACK = "18400000000014"
"""Barcode of six cartons of milk."""


@cache
def pin_hash() -> str:
    """Slow to make, so made once."""
    return hash_pin(PIN)


async def furnish(url: str) -> None:
    """Stores, people and products into an empty database; no stock yet."""
    now = datetime.now(UTC)
    rows: list[tuple[Table, list[dict[str, Any]]]] = [
        (tables.stores, [{"id": key, "name": name, "created_at": now} for key, name in STORES.items()]),
        (
            tables.products,
            [
                {
                    "id": key,
                    "sku": key.upper(),
                    "name": name,
                    "category": "Despensa",
                    "price_cents": price,
                    "search_text": search_text(name, "Despensa"),
                    "created_at": now,
                    "updated_at": now,
                }
                for key, (name, _, price) in PRODUCTS.items()
            ],
        ),
        (
            tables.barcodes,
            [
                *({"barcode": code, "product_id": key, "quantity": 1} for key, (_, code, _) in PRODUCTS.items()),
                {"barcode": PACK, "product_id": "milk", "quantity": 6},
            ],
        ),
        (
            tables.users,
            [
                {"name": who, "display_name": who.title(), "role": role, "pin_hash": pin_hash(), "created_at": now}
                for who, (role, _) in PEOPLE.items()
            ],
        ),
        (
            tables.user_stores,
            [{"user_name": who, "store_id": store} for who, (_, stores) in PEOPLE.items() for store in stores],
        ),
    ]
    db = open_database(url)
    try:
        async with db.writer.begin() as connection:
            for table, values in rows:
                await connection.execute(insert(table), values)
    finally:
        await db.close()


async def forget_trade(url: str) -> None:
    """All that moved never did."""
    db = open_database(url)
    moved = (
        "sessions",
        "sign_in_failures",
        "api_keys",
        "webhooks",
        "terminals",
        "audit",
        "once",
        "tenders",
        "sale_line_pricing",
        "sale_lines",
        "sales",
        "reservations",
        "allotments",
        "draws",
        "allotment_policies",
        "movements",
        "commands",
        "outbox",
        "alerts",
        "documents",
        "levels",
        "stock",
    )
    try:
        async with db.writer.begin() as connection:
            for table in moved:
                await connection.execute(delete(tables.metadata.tables[table]))
    finally:
        await db.close()


@dataclass
class Shop:
    """A running server and a client of it. Requests are ana's, a clerk in the store norte, unless said otherwise."""

    client: httpx.AsyncClient
    tokens: Tokens
    database_url: str
    auth: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.auth = self.bearer()

    def bearer(self, user: str = "ana", role: str = "clerk", stores: Iterable[str] = ("norte",)) -> dict[str, str]:
        """The header of a session, without the slow sign-in."""
        stores = list(stores)
        token, _ = self.tokens.issue(
            user=user, role=role, stores=stores, store_id=stores[0], terminal_id="T1", session_id="s1"
        )
        return {"Authorization": f"Bearer {token}"}

    @property
    def admin(self) -> dict[str, str]:
        """The header of root, who may everything everywhere."""
        return self.bearer("root", "admin", ["*"])

    @property
    def supervisor(self) -> dict[str, str]:
        """The header of luis, who may receive goods in norte and sur."""
        return self.bearer("luis", "supervisor", ["norte", "sur"])

    async def get(self, path: str, headers: dict[str, str] | None = None, **params: Any) -> httpx.Response:
        """GET below /api/v1."""
        return await self.client.get(path, params=params, headers=headers or self.auth)

    async def post(self, path: str, body: Any = None, headers: dict[str, str] | None = None) -> httpx.Response:
        """POST below /api/v1; bytes are sent as they are, None as an empty body."""
        content = body if isinstance(body, bytes) else None
        as_json = None if isinstance(body, bytes) else body
        headers = {"Content-Type": "application/json"} | self.auth | (headers or {})
        return await self.client.post(path, content=content, json=as_json, headers=headers)

    async def put(self, path: str, body: Any, headers: dict[str, str] | None = None) -> httpx.Response:
        """PUT below /api/v1."""
        return await self.client.put(path, json=body, headers=self.auth | (headers or {}))

    async def receive(self, product_id: str, quantity: int, store_id: str = "norte") -> None:
        """Goods arrive."""
        lines = [{"product_id": product_id, "quantity": quantity}]
        command = {"type": "receive", "id": str(new_id()), "store_id": store_id, "lines": lines}
        answer = await self.post("commands", {"commands": [command]}, self.supervisor)
        assert answer.status_code == 200, answer.text
        assert "refusal" not in answer.json()["answers"][0], answer.text

    async def reserve(self, product_id: str = "milk", quantity: int = 1, **more: Any) -> dict[str, Any]:
        """A hold that must be possible."""
        body = {"store_id": "norte", "product_id": product_id, "quantity": quantity, **more}
        answer = await self.post("reservations", body)
        assert answer.status_code == 201, answer.text
        hold: dict[str, Any] = answer.json()
        return hold

    async def available(self, product_id: str = "milk", store_id: str = "norte") -> int:
        """Units that may be sold or held now."""
        units: int = (await self.get(f"stock/{product_id}/{store_id}")).json()["available_qty"]
        return units


def assert_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """`answer` is problem+json with this status and code, a sentence and the request's id; its content."""
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == status
    assert problem["type"].endswith(code)
    assert problem["detail"].endswith(".")
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert isinstance(problem["retryable"], bool)
    assert "Traceback" not in answer.text
    return problem
