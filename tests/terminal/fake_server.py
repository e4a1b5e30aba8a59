"""A server in a few lines behind httpx.MockTransport: the real rule book on rows in memory, and switches."""

import asyncio
import re
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import httpx
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from backend.auth.grants import AUDIENCE, LIFETIME, GrantRefused, proof_of, read_grant
from backend.auth.roles import ROLES
from backend.auth.tokens import Tokens
from backend.catalogue.schemas import ScanShape
from backend.http.codes import PROBLEMS, page_of, title_of
from backend.http.invalid import invalid_body
from backend.ids import new_id
from backend.model.answers import Answer, Code, Refusal
from backend.model.barcode import DamagedBarcode
from backend.model.books import Books, Request
from backend.model.commands import Command
from backend.model.conflicts import Settlement, needs_supervisor
from backend.model.decide import decide_all
from backend.model.errors import InvalidInput
from backend.model.prices import other_prices, price_refusal
from backend.model.reservations import Status
from backend.model.scans import CodeKind, Scan, read_scan
from backend.model.stock import StockRow, Who
from backend.model.told import HEADER, Told, read
from backend.model.unit_price import UnitPrice
from backend.model.verbs import list_of_commands
from backend.model.verbs.allot import Allot
from backend.model.verbs.allot_release import AllotRelease
from backend.model.verbs.cancel import Cancel
from backend.model.verbs.confirm import Confirm
from backend.model.verbs.expire import Expire
from backend.model.verbs.extend import Extend
from backend.model.verbs.reserve import Reserve
from backend.model.verbs.sell import Sell
from backend.terminal.api import Api
from backend.terminal.values import Offline, Policy, Session, Store

from .fake_sync import FakeSync, copied

STORES = (Store("292", "Harbour Street"), Store("319", "Station"), Store("361", "North Gate"), Store("406", "Old Town"))
PIN = "1234"
PEOPLE = {
    "ana": ("clerk", [store.id for store in STORES]),
    "eva": ("clerk", ["406"]),
    "luis": ("supervisor", [store.id for store in STORES]),
}
"""Name → role and stores; all have the same PIN."""
IN_STOCK = 10
"""Units of every product in every store, unless a test says otherwise."""
SESSION = Session(
    "token", datetime(2030, 1, 1, tzinfo=UTC), "ana", "Ana", "clerk", STORES[0].id, STORES[0].name, STORES
)
"""Its token cannot be renewed, as that of an enrolled terminal; one that signs in gets `refresh 0`."""
NATS_URL = "nats://nowhere:4222"
MADE_AT = datetime(2026, 11, 1, tzinfo=UTC)
APPROVAL_NEEDED = dict(PROBLEMS["approval_needed"].fields)
PUBLIC = {"/stores", "/auth/sign-in", "/auth/refresh", "/auth/sign-out", "/auth/grants"}
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


_Commands: Any = msgspec.defstruct("_Commands", [("commands", list_of_commands())], forbid_unknown_fields=True)


def price_cents(key: str) -> int:
    """The price of a product."""
    return round(float(PRODUCTS[key]["price"]) * 100)


def unit_price(key: str) -> UnitPrice:
    """The price of a product, and how many units it is for."""
    return UnitPrice(price_cents(key), PRODUCTS[key].get("price_per", 1))


class FakeServer:
    """Answers the HTTP contract as the real server does; `test_fake_server.py` compares the two.

    `away` breaks connections, `session_over` answers 401, `taken` are used receipts.
    """

    def __init__(self, stock: dict[tuple[str, str], int] | None = None) -> None:
        have = stock or {}
        self.now = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
        rows = {
            (store.id, product): StockRow(store.id, product, have.get((store.id, product), IN_STOCK), version=1)
            for store in STORES
            for product in PRODUCTS
        }
        self.sync = FakeSync(
            {
                # As if the products had been written first, and then their barcodes.
                key: copied(number, len(PRODUCTS) + number, key, _sku_of(key), value, price_cents(key))
                for number, (key, value) in enumerate(PRODUCTS.items(), 1)
            }
        )
        self.books = Books(rows, {store.id for store in STORES}, {})
        self._terminal_id = ""
        self.settled: dict[UUID, dict[str, Any]] = {}
        """What was answered to settlements, by their id."""
        self.sessions: dict[str, Session] = {}
        """Access token → session, of who signed in; a token that is not in it is SESSION's."""
        self.answers: dict[UUID, Answer] = {}
        self.commands: list[Command] = []
        self._contents: dict[UUID, Command] = {}
        self.sales: list[Sell] = []
        self.taken: set[str] = set()
        self.acts: dict[tuple[str, int], UUID] = {}
        """Journal and number → the last command of the act that was told under it."""
        self.series: list[str] | None = None
        """The ids that terminals without one get, as a server of a fleet gives them; None: it knows nothing of ids."""
        self.enrolled: dict[str, str] = {}
        """Key → terminal."""
        self.live_url = NATS_URL
        self.away = False
        self.session_over = False
        self.shelf = 0
        """How many more products there are, named by number."""
        self.tokens = Tokens(Ed25519PrivateKey.generate())
        """What grants are signed with."""
        self.policy = Policy()
        """What terminals may keep of every product that has no policy of its own."""
        self.policies: list[Policy] = []
        self.wanted = 0
        """Units of every allotment that are wanted back."""
        self.pins = dict.fromkeys(PEOPLE, PIN)
        """Who may sign in; a person who is not in it was removed."""
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
        self.silent: asyncio.Event | None = None
        """Like a stopped process: connections are there, answers come when it is set."""
        self.heard: list[Callable[[bytes], None]] = []

    def fill_shelf(self, products: int) -> None:
        """Put so many more products, named by number, into the catalogue, also for copies."""
        self.shelf = products
        for number in range(1, products + 1):
            key = f"9{number:03}"
            self.sync.change(copied(1000 + number, 0, key, _sku_of(key), _on_shelf(key), 100))

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
        if self.silent is not None:
            await self.silent.wait()
        self.terminal_says = request.headers.get("x-terminal-queue", self.terminal_says)
        if self.session_over and path != "/auth/sign-in":
            return _problem(401, "token_refused", "Your session has ended or is not valid; sign in again.")
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not token and path not in PUBLIC:
            sentence = "This needs a caller: send the header Authorization: Bearer <access token>, or X-API-Key."
            return _problem(401, "token_refused", sentence)
        if token in self.expired:
            return _problem(401, "token_refused", "Your session has ended or is not valid; sign in again.")
        if self.problem is not None:
            return _problem(**{"detail": "", **self.problem})
        session = self.sessions.get(token, SESSION)
        query = {key: values[0] for key, values in parse_qs(request.url.query.decode()).items()}
        return await self._answer(request, session, path, query)

    async def _answer(
        self, request: httpx.Request, session: Session, path: str, query: dict[str, str]
    ) -> httpx.Response:
        if path == "/stores":
            return _json({"stores": STORES})
        if path == "/auth/sign-in":
            return self._sign_in(msgspec.json.decode(request.content))
        if path == "/auth/refresh":
            return self._refresh(msgspec.json.decode(request.content)["refresh_token"], request.headers)
        if path == "/auth/sign-out":
            return httpx.Response(204)
        if path == "/auth/grants":
            return _json({"good": [self._is_good(x) for x in msgspec.json.decode(request.content)["grants"]]})
        if path == "/products":
            return self._search(query)
        if path == "/live":
            return _json({"nats_url": self.live_url, "subject": f"inventory.{session.store_id}.>"})
        if path == "/events":
            return _answered(self.sync.events_after(query))
        if path.startswith("/sync/"):
            return self._sync(request, session, path, query)
        if path == "/conflicts/settle":
            return self._settle(session, request.content)
        if path == "/commands":
            return await self._decide(session, request)
        if path == "/allotments":
            kept = [x for x in self.books.reservations.values() if x.is_allotment and x.status is Status.PENDING]
            shown = [{"id": x.id, "wanted": self.wanted} for x in kept if x.terminal_id == query["terminal_id"]]
            return _json({"store_id": query["store_id"], "allotments": shown})
        if match := re.fullmatch(r"/stores/([^/]+)/allotment-policies", path):
            return _json({"store_id": match[1], "default": self.policy, "policies": self.policies})
        if match := re.fullmatch(r"/products/barcode/([^/]+)", path):
            return self._barcode(match[1], query)
        if match := re.fullmatch(r"/products/sku/([^/]+)", path):
            return self._sku(match[1], query)
        if match := re.fullmatch(r"/products/([^/]+)", path):
            return _json(_product(match[1])) if match[1] in PRODUCTS else _unknown_product(match[1])
        if match := re.fullmatch(r"/stock/product/([^/]+)", path):
            if match[1] not in PRODUCTS:
                return _unknown_product(match[1])
            return self._everywhere(match[1])
        return _problem(404, "unknown_route", "There is nothing at this address; /docs lists the routes.")

    def _sync(self, request: httpx.Request, session: Session, path: str, query: dict[str, str]) -> httpx.Response:
        store_id = query.get("store_id", session.store_id)
        if store_id not in {store.id for store in session.stores}:
            sentence = f"You may not act in store {store_id}; sign in with a user of that store."
            return _problem(403, "store_not_allowed", sentence, store_id=store_id)
        said = request.headers.get("x-terminal-healed", "")
        return _answered(self.sync.answer(path, query, store_id, self.books.stock.values(), self.now, said))

    def _sign_in(self, body: dict[str, str]) -> httpx.Response:
        role, stores = PEOPLE.get(body["user"], ("", []))
        if body["pin"] != self.pins.get(body["user"]):
            return _problem(401, "sign_in_refused", "The name or the PIN is wrong; try again.")
        store = next((store for store in STORES if store.id == body["store_id"]), None)
        if store is None:
            sentence = f"There is no store {body['store_id']}; check the store id."
            return _problem(404, "unknown_store", sentence, field="store_id")
        if store.id not in stores:
            sentence = f"You may not act in store {store.id}; sign in with a user of that store."
            return _problem(403, "store_not_allowed", sentence, store_id=store.id)
        self.session_over = False
        session = msgspec.structs.replace(
            renewable(len(self.renewals)),
            access_token=SESSION.access_token if body["user"] == SESSION.user else f"token of {body['user']}",
            user=body["user"],
            display_name=body["user"].title(),
            role=role,
            store_id=store.id,
            store_name=store.name,
            stores=tuple(x for x in STORES if x.id in stores),
        )
        if self.series is None:
            named = body.get("terminal_id", "")
            session = msgspec.structs.replace(session, terminal_id=named, receipt_series=named)
        else:
            key = body.get("terminal_key")
            if key and key not in self.enrolled:
                return _problem(401, code="terminal_removed", detail="This terminal was removed.")
            series = body.get("terminal_id") or self.series.pop(0)
            terminal_id = self.enrolled[key] if key else series
            session = msgspec.structs.replace(session, terminal_id=terminal_id, receipt_series=series)
        self.sessions[session.access_token] = session
        self._terminal_id = session.terminal_id
        key = body.get("terminal_key", "")
        offline = self.grant(session, key) if session.terminal_id else None
        return _session(msgspec.structs.replace(session, offline=offline))

    def grant(self, session: Session, key: str = "", **changes: Any) -> Offline:
        """What a terminal with this key gets for the time without a server; `changes` make it another grant."""
        secret, now = secrets.token_urlsafe(32), int(time.time())
        claims = {
            "aud": AUDIENCE,
            "sub": session.user,
            "name": session.display_name,
            "role": session.role,
            "scopes": sorted(ROLES[session.role]),
            "stores": [store.id for store in session.stores],
            "store_id": session.store_id,
            "terminal_id": session.terminal_id,
            "enrolled": bool(key),
            "iat": now,
            "exp": now + int(LIFETIME.total_seconds()),
            "proof": proof_of(secret),
            "mark": f"{self.pins.get(session.user)} {key}",
        }
        return Offline(self.tokens.sign(claims | changes), secret, tuple(self.tokens.jwks["keys"]))

    def _is_good(self, token: str) -> bool:
        try:
            claims = read_grant(token, self.tokens.keys)
        except GrantRefused:
            return False
        pin, _, key = claims.mark.partition(" ")
        return self.pins.get(claims.sub) == pin and (not key or key in self.enrolled) and time.time() < claims.exp

    def _refresh(self, token: str, headers: httpx.Headers) -> httpx.Response:
        traded = (token, headers["idempotency-key"])
        if traded not in self.renewals[-1:]:
            if token != f"refresh {len(self.renewals)}":
                self.session_over = True
                return _problem(401, "token_refused", "Your session has ended; sign in again.")
            self.renewals.append(traded)
        if self.lose_answers:
            self.lose_answers -= 1
            raise httpx.ReadTimeout("lost")
        return _session(msgspec.structs.replace(renewable(len(self.renewals)), terminal_id=self._terminal_id))

    def _search(self, query: dict[str, str]) -> httpx.Response:
        words = query.get("q", "").lower().split()
        shelf = [f"9{number:03}" for number in range(1, self.shelf + 1)]
        found = [
            _priced(key, query) | {"stock": self._stock(query["store_id"], key)}
            for key, value in [*PRODUCTS.items(), *((key, _on_shelf(key)) for key in shelf)]
            if all(word in f"{value['name']} {key} {_sku_of(key)} {value['barcode']}".lower() for word in words)
        ]
        found.sort(key=lambda product: (not product["name"].lower().startswith(" ".join(words)), product["name"]))
        size, start = int(query.get("limit", query.get("page_size", "50"))), int(query.get("offset", "0"))
        shown = {"page": start // size + 1, "page_size": size, "total_pages": -(-len(found) // size)}
        shown |= {"total_exact": True, "similar": False}
        return _json({"products": found[start : start + size], "total": len(found), **shown})

    def _barcode(self, code: str, query: dict[str, str]) -> httpx.Response:
        try:
            scan = read_scan(code)
        except DamagedBarcode:
            scan = Scan(CodeKind.CODE_128, ())
        for key, value in PRODUCTS.items():
            if value["barcode"] in (code, *scan.keys):
                said = {"scan": ScanShape.of(scan)} if scan.says_more else {}
                return _json(_priced(key, query) | {"pack_quantity": 1} | said)
        sentence = f"No product has the barcode {code}; scan it again or search by name."
        return _problem(404, "unknown_barcode", sentence, field="barcode")

    def _everywhere(self, product_id: str) -> httpx.Response:
        stores = [self._stock(store.id, product_id) for store in STORES]
        sums = {"total_quantity": "quantity", "total_reserved": "reserved_qty", "total_available": "available_qty"}
        totals = {name: sum(store[of] for store in stores) for name, of in sums.items()}
        return _json({"product_id": product_id, "stores": stores, **totals})

    def _sku(self, sku: str, query: dict[str, str]) -> httpx.Response:
        for key in PRODUCTS:
            if _sku_of(key) == sku:
                return _json(_priced(key, query))
        return _unknown_product(sku, "sku")

    def _stock(self, store_id: str, product_id: str) -> dict[str, Any]:
        row = self.books.stock.setdefault((store_id, product_id), StockRow(store_id, product_id, 10))
        return {
            "product_id": row.product_id,
            "store_id": row.store_id,
            "quantity": row.on_hand,
            "reserved_qty": row.reserved,
            "available_qty": row.available,
            "unavailable_qty": row.unavailable,
            "incoming_qty": row.incoming,
            "allocated_qty": row.allocated,
            "version": row.version,
            "last_updated": MADE_AT,
            "product_name": (PRODUCTS.get(product_id) or _on_shelf(product_id))["name"],
            "product_sku": _sku_of(product_id),
            "store_name": next(store.name for store in STORES if store.id == store_id),
            "min_stock": 0,
            "max_stock": 0,
            "reorder_point": 0,
            "reorder_qty": 0,
            "safety_stock": 0,
        }

    def _settle(self, session: Session, content: bytes) -> httpx.Response:
        body = msgspec.json.decode(content)
        approval = body.pop("approval", None)
        settlement = msgspec.convert(body, Settlement)
        if settlement.id in self.settled:
            return _json(self.settled[settlement.id])
        approver = session.user if session.role == "supervisor" else ""
        if approval is not None:
            approver, role = approval["user"], PEOPLE.get(approval["user"], ("", []))[0]
            if approval["pin"] != PIN or not role:
                return _problem(401, "sign_in_refused", "The name or the PIN is wrong; try again.")
            if role == "clerk":
                sentence = "A clerk may not approve this; it needs the right sales:settle."
                return _problem(403, "scope_missing", sentence, scope="sales:settle")
        if needs_supervisor(settlement.total_cents) and not approver:
            return _problem(403, "approval_needed", PROBLEMS["approval_needed"].detail, **APPROVAL_NEEDED)
        self.settled[settlement.id] = {
            "id": settlement.id,
            "store_id": settlement.store_id,
            "receipt_number": settlement.receipt_number,
            "reason": settlement.reason,
            "settled_by": settlement.settled_by or session.user,
            "approved_by": approver,
            "settled_at": self.now,
        }
        return _json(self.settled[settlement.id])

    async def _decide(self, session: Session, request: httpx.Request) -> httpx.Response:
        content = request.content
        try:
            commands = msgspec.json.decode(content, type=_Commands).commands
        except msgspec.ValidationError as error:
            wrong = invalid_body(str(error), content)
            return _problem(400, wrong.code, wrong.message, **wrong.fields)
        header = request.headers.get(HEADER)
        try:
            told = read(header, len(commands)) if header is not None else [None] * len(commands)
        except InvalidInput as wrong_header:
            return _problem(400, wrong_header.code, wrong_header.message, **wrong_header.fields)
        answers = [
            self._taken(command, act) or self._forbidden(session, command) or self.decide(command, session.user)
            for command, act in zip(commands, told, strict=True)
        ]
        if self.gate is not None:
            await self.gate.wait()
        return _json({"answers": answers})

    def _taken(self, command: Command, act: Told | None) -> Answer | None:
        if act is None or self.acts.setdefault((act.journal, act.sequence), command.id) == command.id:
            return None
        sentence = f"The act {act.sequence} of this terminal is another one already; send it under the next number."
        return Answer(command.id, Refusal(Code.SEQUENCE_TAKEN, sentence, field=HEADER))

    @staticmethod
    def _forbidden(session: Session, command: Command) -> Answer | None:
        refusal = None
        if session.role == "clerk" and not isinstance(
            command, Sell | Reserve | Confirm | Cancel | Extend | Allot | AllotRelease
        ):
            refusal = Refusal(Code.SCOPE_MISSING, "A clerk may not do this; it needs the right stock:write.")
        elif command.store_id not in {store.id for store in session.stores}:
            sentence = f"You may not act in store {command.store_id}; sign in with a user of that store."
            refusal = Refusal(Code.STORE_NOT_ALLOWED, sentence, field="store_id")
        return Answer(command.id, refusal) if refusal else None

    @staticmethod
    def _objection(command: Command) -> Refusal | None:
        if not isinstance(command, Sell):
            return None
        good = {line.product_id: [unit_price(line.product_id)] for line in command.lines if line.product_id in PRODUCTS}
        other = tuple(other_prices(command, good))
        return price_refusal(other, may_override=False, field="price_cents") if other else None

    def decide(self, command: Command, who: str = "ana", terminal: str = "T1") -> Answer:
        """What the ledger would do with one command."""
        if command.id in self.answers:
            if self._contents[command.id] == command:
                return self.answers[command.id]
            sentence = (
                f"The command id {command.id} was used before for other content; make a new id for a new command."
            )
            return Answer(command.id, Refusal(Code.COMMAND_REUSED, sentence, field="id"))
        self.commands.append(command)
        self._contents[command.id] = command
        for hold in list(self.books.reservations.values()):
            if hold.status is Status.PENDING and not hold.is_live(self.now):
                expire = Expire(id=new_id(), store_id=hold.store_id, reservation_id=hold.id)
                self._take_effect(expire, Who("system:expiry"))
        if isinstance(command, Sell) and command.receipt_number in self.taken:
            sentence = "This receipt number is on another sale already; take the next number of the terminal's series."
            answer = Answer(command.id, Refusal(Code.RECEIPT_TAKEN, sentence, field="receipt_number"))
        elif objection := self._objection(command):
            answer = Answer(command.id, objection)
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
        if self.sync.events is not None:
            self.sync.events += [
                msgspec.json.encode({"store_id": row.store_id, "at": self.now, "stock": [row]})
                for row in effect.answer.stock
            ]
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


def _priced(key: str, query: dict[str, str]) -> dict[str, Any]:
    """The product, and what it costs in the store that the query names, if it does."""
    product = _product(key)
    if "store_id" not in query:
        return product
    per = {"store_price_per": product["price_per"]} if "price_per" in product else {}
    return product | {"store_price": product["price"]} | per


def _product(key: str) -> dict[str, Any]:
    of = PRODUCTS.get(key) or _on_shelf(key)
    return {
        "id": key,
        "sku": _sku_of(key),
        "barcode": of["barcode"],
        "name": of["name"],
        "description": "",
        "department": "",
        "category": "",
        "brand": "",
        "package_size": of.get("package_size", ""),
        "price": of["price"],
        "active": True,
        "unit": of.get("unit", "piece"),
        "category_path": "",
        "tax_rate": 0.0,
        "tax_included": True,
        "created_at": MADE_AT,
        "updated_at": MADE_AT,
        "version": 1,
    } | ({"price_per": of["price_per"]} if "price_per" in of else {})


def _sku_of(key: str) -> str:
    return SKUS.get(key, f"S{key}")


def _on_shelf(key: str) -> dict[str, Any]:
    return {"name": f"Shelf {key[1:]}", "price": 1, "barcode": None}


def _session(session: Session) -> httpx.Response:
    fields = msgspec.to_builtins(session)
    return _json(fields | {"expires_in": int(session.expires_in), "session_expires_at": session.expires_at})


def _unknown_product(code: str, field: str = "product_id") -> httpx.Response:
    sentence = f"There is no product {code}; check the code or add it to the catalogue."
    return _problem(404, "unknown_product", sentence, field=field)


def _answered(said: httpx.Response | str) -> httpx.Response:
    """An answer, or the problem that a code is of."""
    if isinstance(said, httpx.Response):
        return said
    sentence = "The catalogue does not know this position; compare by /sync/digest, and go on from there."
    if said == "events_away":
        sentence = "Events cannot be read now; ask again in a moment, or read the state over HTTP."
    return _problem(PROBLEMS[said].status, said, sentence)


def _json(value: object) -> httpx.Response:
    return httpx.Response(200, content=msgspec.json.encode(value))


def _problem(status: int, code: str, detail: str, **fields: Any) -> httpx.Response:
    body = {
        "status": status,
        "type": page_of(code),
        "title": title_of(code),
        "instance": "",
        "detail": detail,
        "code": code,
        "retryable": PROBLEMS[code].retryable if code in PROBLEMS else False,
        "request_id": "",
        **fields,
    }
    headers = {"content-type": "application/problem+json"}
    return httpx.Response(status, content=msgspec.json.encode(body), headers=headers)
