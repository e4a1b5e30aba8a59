"""A server in a few lines behind httpx.MockTransport: the real rule book on rows in memory, and switches."""

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import httpx
import msgspec

from backend.ids import new_id
from backend.model.answers import Answer, Code, Refusal
from backend.model.books import Books, Request
from backend.model.commands import ClientCommand, Command, Expire, Sell
from backend.model.decide import decide_all
from backend.model.reservations import Status
from backend.model.stock import StockRow, Who
from backend.terminal.api import Api
from backend.terminal.values import Session, Store

STORES = (Store("292", "Harbour Street"), Store("406", "Old Town"), Store("319", "Station"), Store("361", "North Gate"))
SESSION = Session(
    "token", datetime(2030, 1, 1, tzinfo=UTC), "ana", "Ana", "clerk", STORES[0].id, STORES[0].name, STORES
)
PRODUCTS: dict[str, dict[str, Any]] = {
    "1041": {"name": "Whole milk", "price": 1.19, "barcode": "2000000010410", "package_size": "1 GAL"},
    "1042": {"name": "Bananas", "price": 0.59, "barcode": "2000000010427", "package_size": "1 LB"},
    "1043": {"name": "Brown eggs, free range", "price": 3.49, "barcode": "2000000010434", "package_size": "12 CT"},
    "1044": {"name": "Olive oil, extra virgin, first cold pressed", "price": 12.95, "barcode": "2000000010441"},
    "1045": {"name": "Milk chocolate", "price": 1.5, "barcode": "2000000010458", "package_size": "100 G"},
    "1046": {"name": "Sparkling water [lime]", "price": 0.99, "barcode": "2000000010465", "package_size": "1 L"},
}
SKUS = {"1046": "8189811"}
"""SKUs that are not S and the id."""


class FakeServer:
    """Answers the HTTP contract. `away` breaks connections, `session_over` answers 401, `taken` are used receipts."""

    def __init__(self, stock: dict[tuple[str, str], int] | None = None) -> None:
        have = stock or {}
        self.now = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
        rows = {
            (store.id, product): StockRow(store.id, product, have.get((store.id, product), 10))
            for store in STORES
            for product in PRODUCTS
        }
        self.books = Books(rows, {store.id for store in STORES}, {})
        self.answers: dict[UUID, Answer] = {}
        self.commands: list[ClientCommand] = []
        self.sales: list[Sell] = []
        self.taken: set[str] = set()
        self.away = False
        self.session_over = False
        self.shelf = 0
        """How many more products there are, named by number."""
        self.renewals: list[tuple[str, str]] = []
        """The refresh tokens that were traded, each with the key it was traded under."""
        self.expired: set[str] = set()
        """Access tokens that are not believed any more."""
        self.lose_answers = 0
        """How many answers to /auth/refresh get lost from now on."""
        self.problem: dict[str, Any] | None = None
        self.requests: list[str] = []
        self.terminal_says = ""
        self.gate: asyncio.Event | None = None
        """Holds answers to commands back until it is set; they are decided before."""
        self.heard: list[Callable[[bytes], None]] = []

    def api(self, url: str = "http://server") -> Api:
        """A client of this server."""
        return Api(url, transport=httpx.MockTransport(self.handle))

    def signed_in(self, session: Session = SESSION) -> Api:
        """A client that has signed in already."""
        api = self.api()
        api.use(session)
        return api

    def available(self, product: str, store: str = "292") -> int:
        return self.books.stock[store, product].available

    async def handle(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/v1")
        self.requests.append(path)
        if self.away:
            raise httpx.ConnectError("away")
        self.terminal_says = request.headers.get("x-terminal-queue", self.terminal_says)
        if self.session_over and path != "/auth/sign-in":
            return _problem(401, code="not_authenticated", detail="The token has expired.")
        if request.headers.get("authorization", "").removeprefix("Bearer ") in self.expired:
            return _problem(401, code="token_refused", detail="The token has expired.")
        if self.problem is not None:
            return _problem(**self.problem)
        query = {key: values[0] for key, values in parse_qs(request.url.query.decode()).items()}
        return await self._answer(request, path, query)

    async def _answer(self, request: httpx.Request, path: str, query: dict[str, str]) -> httpx.Response:
        if path == "/stores":
            return _json({"stores": STORES})
        if path == "/auth/sign-in":
            return self._sign_in(msgspec.json.decode(request.content))
        if path == "/auth/refresh":
            return self._refresh(msgspec.json.decode(request.content)["refresh_token"], request.headers)
        if path == "/products":
            return self._search(query)
        if path == "/live":
            return _json({"nats_url": "nats://nowhere:4222", "subject": "inventory.292.>"})
        if path == "/commands":
            return await self._decide(request.content)
        if match := re.fullmatch(r"/products/barcode/(\w+)", path):
            return self._barcode(match[1])
        if match := re.fullmatch(r"/products/sku/(.+)", path):
            return self._sku(match[1])
        if match := re.fullmatch(r"/stock/product/(\w+)", path):
            stores = [self._stock(store.id, match[1]) | {"store_name": store.name} for store in STORES]
            return _json({"product_id": match[1], "stores": stores})
        return _problem(404, code="not_found", detail=path)

    def _sign_in(self, body: dict[str, str]) -> httpx.Response:
        if body["pin"] != "1234":
            return _problem(401, code="sign_in_refused", detail="The name or the PIN is wrong; try again.")
        self.session_over = False
        store = next(store for store in STORES if store.id == body["store_id"])
        session = msgspec.structs.replace(
            SESSION, user=body["user"], display_name=body["user"].title(), store_id=store.id, store_name=store.name
        )
        return _json(session)

    def _refresh(self, token: str, headers: httpx.Headers) -> httpx.Response:
        traded = (token, headers["idempotency-key"])
        if traded not in self.renewals[-1:]:
            if token != f"refresh {len(self.renewals)}":
                self.session_over = True
                return _problem(401, code="token_refused", detail="Your session has ended; sign in again.")
            self.renewals.append(traded)
        if self.lose_answers:
            self.lose_answers -= 1
            raise httpx.ReadTimeout("lost")
        return _json(renewable(len(self.renewals)))

    def _search(self, query: dict[str, str]) -> httpx.Response:
        words = query.get("q", "").lower().split()
        shelf = [f"9{number:03}" for number in range(1, self.shelf + 1)]
        found = [
            _product(key) | {"stock": self._stock(query["store_id"], key)}
            for key, value in [*PRODUCTS.items(), *((key, _on_shelf(key)) for key in shelf)]
            if all(word in f"{value['name']} {key} {value['barcode']} {SKUS.get(key, '')}".lower() for word in words)
        ]
        limit, offset = int(query["limit"]), int(query["offset"])
        return _json({"products": found[offset : offset + limit], "total": len(found), "page_size": limit})

    def _barcode(self, code: str) -> httpx.Response:
        for key, value in PRODUCTS.items():
            if value["barcode"] == code:
                return _json(_product(key) | {"pack_quantity": 1})
        return _problem(404, code="unknown_barcode", detail="No product has this barcode.", barcode=code)

    def _sku(self, sku: str) -> httpx.Response:
        for key in PRODUCTS:
            if _product(key)["sku"] == sku:
                return _json(_product(key) | {"pack_quantity": 1})
        return _problem(404, code="unknown_product", detail=f"There is no product {sku}.", field="sku")

    def _stock(self, store_id: str, product_id: str) -> dict[str, Any]:
        row = self.books.stock.setdefault((store_id, product_id), StockRow(store_id, product_id, 10))
        return {
            "product_id": row.product_id,
            "store_id": row.store_id,
            "quantity": row.on_hand,
            "reserved_qty": row.reserved,
            "available_qty": row.available,
            "unavailable_qty": row.unavailable,
            "allocated_qty": row.allocated,
            "version": row.version,
        }

    async def _decide(self, content: bytes) -> httpx.Response:
        try:
            commands = msgspec.json.decode(content, type=dict[str, list[ClientCommand]])["commands"]
        except msgspec.ValidationError as error:
            return _problem(400, code="invalid_input", detail=str(error))
        answers = [self.decide(command) for command in commands]
        if self.gate is not None:
            await self.gate.wait()
        return _json({"answers": answers})

    def decide(self, command: ClientCommand, who: str = "ana", terminal: str = "T1") -> Answer:
        """What the ledger would do with one command."""
        if command.id in self.answers:
            return self.answers[command.id]
        self.commands.append(command)
        for hold in list(self.books.reservations.values()):
            if hold.status is Status.PENDING and not hold.is_live(self.now):
                expire = Expire(id=new_id(), store_id=hold.store_id, reservation_id=hold.id)
                self._take_effect(expire, Who("system:expiry"))
        if isinstance(command, Sell) and command.receipt_number in self.taken:
            answer = Answer(command.id, Refusal(Code.RECEIPT_TAKEN, "This receipt number is used."))
        else:
            answer = self._take_effect(command, Who(who, terminal))
        if answer.sale is not None and isinstance(command, Sell):
            self.taken.add(command.receipt_number)
            self.sales.append(command)
        self.answers[command.id] = answer
        return answer

    def _take_effect(self, command: Command, who: Who) -> Answer:
        effect = decide_all(self.books, [Request(command, who)], self.now)[0]
        self.books.stock.update({(row.store_id, row.product_id): row for row in effect.answer.stock})
        self.books.reservations.update({hold.id: hold for hold in effect.reservations})
        for listener in self.heard:
            event = {"store_id": command.store_id, "at": self.now, "stock": effect.answer.stock}
            listener(msgspec.json.encode(event))
        return effect.answer

    def later(self, seconds: float) -> None:
        """Let time pass on the server."""
        self.now += timedelta(seconds=seconds)

    @property
    def live_holds(self) -> int:
        """Holds that still keep units."""
        return sum(hold.is_live(self.now) for hold in self.books.reservations.values())


def renewable(number: int = 0) -> Session:
    """SESSION after so many renewals, with tokens for ten minutes."""
    return msgspec.structs.replace(
        SESSION, access_token=f"access {number}", refresh_token=f"refresh {number}", expires_in=600
    )


def _product(key: str) -> dict[str, Any]:
    return {"id": key, "sku": SKUS.get(key, f"S{key}"), "created_at": None, "description": ""} | (
        PRODUCTS.get(key) or _on_shelf(key)
    )


def _on_shelf(key: str) -> dict[str, Any]:
    return {"name": f"Shelf {key[1:]}", "price": 1, "barcode": None}


def _json(value: object) -> httpx.Response:
    return httpx.Response(200, content=msgspec.json.encode(value))


def _problem(status: int, **fields: Any) -> httpx.Response:
    body = {"status": status, "title": "Problem", **fields}
    return httpx.Response(status, content=msgspec.json.encode(body))
