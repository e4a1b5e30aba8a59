"""The fake server is held to the real one: the same calls, in the same order, get the same answers from both."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest
from msgspec import UNSET, UnsetType, structs

from backend.auth.grants import read_grant
from backend.ids import new_id
from backend.model.commands import Command, Line, SaleLine
from backend.model.told import HEADER
from backend.model.verbs.allot import Allot
from backend.model.verbs.allot_release import AllotRelease
from backend.model.verbs.cancel import Cancel
from backend.model.verbs.extend import Extend
from backend.model.verbs.receive import Receive
from backend.model.verbs.reserve import Reserve
from backend.model.verbs.sell import Sell
from backend.terminal.people.known import keys_of

from .fake_server import PIN, PRODUCTS, SESSION, STORES, FakeServer, price_cents
from .real_server import real_server
from .test_labels import WEIGHED

OWN = {
    "access_token",
    "refresh_token",
    "offline",
    "expires_at",
    "due_at",
    "expires_in",
    "session_expires_at",
    "created_at",
    "updated_at",
    "last_updated",
    "sold_at",
    "settled_at",
    "at",
    "request_id",
    "instance",
}
"""Members that are each server's own: only that they are there, and of which type, is compared."""


PER: tuple[int | UnsetType, ...] = (1000, UNSET)
"""Units that a price is for, as a new terminal and as an old one says it."""


class Caller:
    """Asks one server, and keeps all its answers in a form that can be compared."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._http = httpx.AsyncClient(transport=transport, base_url="http://server/api/v1")
        self._auth: dict[str, str] = {}
        self.answers: list[tuple[str, int, Any]] = []

    async def ask(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        """One request; returns the content of its answer."""
        content = None if body is None else msgspec.json.encode(body)
        sent = {"content-type": "application/json"} | self._auth | headers
        answer = await self._http.request(method, path, content=content, headers=sent)
        lines = [msgspec.json.decode(line) for line in answer.content.splitlines()]
        said: Any = lines if answer.headers.get("content-type") == "application/x-ndjson" else next(iter(lines), None)
        if answer.is_error:
            assert answer.headers["content-type"] == "application/problem+json"
        self.answers.append((f"{method} {path}", answer.status_code, comparable(said)))
        return said

    async def sign_in(self, **changes: str) -> Any:
        """Sign ana in, or whoever `changes` say; later calls are theirs."""
        body = {"user": "ana", "pin": PIN, "store_id": "292", "terminal_id": "T1"} | changes
        session = await self.ask("POST", "/auth/sign-in", body)
        if "access_token" in session:
            self._auth = {"Authorization": f"Bearer {session['access_token']}"}
        return session

    async def send(self, *commands: Command) -> Any:
        """Commands to the ledger."""
        return await self.ask("POST", "/commands", {"commands": commands})

    def sign_out(self) -> None:
        self._auth = {}


def comparable(said: Any) -> Any:
    """What an answer says, without what each server makes up for itself."""
    if isinstance(said, Mapping):
        return {k: type(v).__name__ if k in OWN and v is not None else comparable(v) for k, v in said.items()}
    if isinstance(said, list):
        return [comparable(x) for x in said]
    return said


async def same(tmp_path: Path, sqlite_url: str, calls: Any) -> list[tuple[str, int, Any]]:
    """Make `calls` to both servers; asserts that they answered the same, and returns the answers."""
    fake = Caller(httpx.MockTransport(FakeServer().handle))
    await calls(fake)
    async with real_server(sqlite_url, tmp_path) as transport:
        real = Caller(transport)
        await calls(real)
    differences = [(a, b) for a, b in zip(fake.answers, real.answers, strict=True) if a != b]
    assert differences == []
    return real.answers


async def test_signing_in_and_out(tmp_path: Path, sqlite_url: str) -> None:
    async def calls(server: Caller) -> None:
        await server.ask("GET", "/stores")
        await server.ask("GET", "/live")
        await server.sign_in(pin="0000")
        await server.sign_in(user="nobody")
        await server.sign_in(store_id="999")
        await server.sign_in(user="eva", store_id="292")
        session = await server.sign_in()
        await server.ask("GET", "/live")
        assert session["refresh_token"]

    answers = await same(tmp_path, sqlite_url, calls)
    assert [status for _, status, _ in answers] == [200, 401, 401, 401, 404, 403, 200, 200]


async def test_grants(tmp_path: Path, sqlite_url: str) -> None:
    async def calls(server: Caller) -> None:
        offline = (await server.sign_in())["offline"]
        luis = (await server.sign_in(user="luis"))["offline"]
        assert offline.keys() == {"grant", "secret", "keys"}
        claims = read_grant(offline["grant"], keys_of(offline["keys"]))
        assert (claims.sub, claims.role, claims.store_id, claims.terminal_id) == ("ana", "clerk", "292", "T1")
        assert claims.stores == tuple(sorted(store.id for store in STORES))
        assert "sales:write" in claims.scopes
        assert claims.fits(offline["secret"])
        server.sign_out()
        await server.ask(
            "POST", "/auth/grants", {"grants": [offline["grant"], luis["grant"], "x", luis["grant"] + "x"]}
        )
        await server.ask("POST", "/auth/grants", {"grants": []})

    answers = await same(tmp_path, sqlite_url, calls)
    assert answers[2][2] == {"good": [True, True, False, False]}


async def test_what_terminals_may_keep(tmp_path: Path, sqlite_url: str) -> None:
    asked = Allot(id=new_id(), store_id="292", product_id="1041", quantity=4)
    release = AllotRelease(id=new_id(), store_id="292", allotment_id=asked.id)

    async def calls(server: Caller) -> None:
        await server.sign_in()
        await server.ask("GET", "/stores/292/allotment-policies")
        await server.send(asked)
        await server.send(release)

    answers = await same(tmp_path, sqlite_url, calls)
    assert [status for _, status, _ in answers] == [200, 200, 200, 200]


async def test_staying_signed_in(tmp_path: Path, sqlite_url: str) -> None:
    async def calls(server: Caller) -> None:
        first = (await server.sign_in())["refresh_token"]
        key, other = "0197a2b4-7c1e-7d3a-9f00-000000000001", "0197a2b4-7c1e-7d3a-9f00-000000000002"
        once = await server.ask("POST", "/auth/refresh", {"refresh_token": first}, **{"idempotency-key": key})
        again = await server.ask("POST", "/auth/refresh", {"refresh_token": first}, **{"idempotency-key": key})
        assert once["refresh_token"] == again["refresh_token"]
        await server.ask("POST", "/auth/refresh", {"refresh_token": first}, **{"idempotency-key": other})

    answers = await same(tmp_path, sqlite_url, calls)
    assert [status for _, status, _ in answers] == [200, 200, 200, 401]


async def test_the_catalogue(tmp_path: Path, sqlite_url: str) -> None:
    async def calls(server: Caller) -> None:
        await server.sign_in()
        for words in ("milk", "MILK whole", "S1043", "2000000010441", "nothing like it"):
            await server.ask("GET", f"/products?q={words}&store_id=292&page_size=50")
        for code in ("2000000010410", "4006381333931", "12345", "x"):
            await server.ask("GET", f"/products/barcode/{code}")
            await server.ask("GET", f"/products/barcode/{code}?store_id=292")
        await server.ask("GET", "/products?q=&store_id=292&limit=2&offset=3")
        for code in ("S1041", "1041", "8189811", "nothing"):
            await server.ask("GET", f"/products/sku/{code}?store_id=292")
        for code in ("1041", "nothing"):
            await server.ask("GET", f"/products/{code}")
            await server.ask("GET", f"/stock/product/{code}")

    await same(tmp_path, sqlite_url, calls)


async def test_labels_and_prices_of_weighed_goods(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PRODUCTS, "1043", WEIGHED)
    sales = [
        Sell(
            id=new_id(),
            store_id="292",
            lines=(SaleLine("1043", 5, 1590, price_per=per),),
            receipt_number=f"T1-{number}",
        )
        for number, per in enumerate(PER)
    ]

    async def calls(server: Caller) -> None:
        await server.sign_in()
        for label in ("(01)02000000010434(3103)001234", "]C1010200000001043430006", "(01)02000000010434(3922)317"):
            await server.ask("GET", f"/products/barcode/{label}")
            await server.ask("GET", f"/products/barcode/{label}?store_id=292")
        await server.send(*sales)

    answers = await same(tmp_path, sqlite_url, calls)
    assert [said["scan"] for _, _, said in answers[1:7:2]] == [
        {"kind": "gs1", "grams": 1234},
        {"kind": "gs1", "quantity": 6},
        {"kind": "gs1", "price": 3.17},
    ]
    sold, refused = answers[-1][2]["answers"]
    assert sold["sale"]["total_cents"] == 8
    assert refused["refusal"]["code"] == "price_not_allowed"


async def test_commands(tmp_path: Path, sqlite_url: str) -> None:
    ids = [new_id() for _ in range(20)]

    def reserve(number: int, product: str, quantity: int, replaces: UUID | None = None, store: str = "292") -> Reserve:
        line = Line(product, quantity)
        return Reserve(id=ids[number], store_id=store, lines=(line,), ttl_seconds=900, replaces=replaces)

    def sell(number: int, product: str, receipt: str, *holds: UUID, quantity: int = 1, dearer: int = 0) -> Sell:
        lines = (SaleLine(product, quantity, price_cents(product) + dearer),)
        return Sell(id=ids[number], store_id="292", lines=lines, holds=holds, receipt_number=receipt)

    kept = structs.replace(sell(18, "1042", "R-5"), made_at=datetime(2026, 11, 24, 9, 0, tzinfo=UTC))

    async def calls(server: Caller) -> None:
        await server.sign_in()
        await server.send(reserve(0, "1041", 3))
        await server.send(reserve(0, "1041", 3))
        await server.send(reserve(0, "1041", 4))
        await server.send(reserve(1, "1041", 8), reserve(2, "1041", 9, replaces=ids[0]))
        await server.send(Extend(id=ids[3], store_id="292", reservation_id=ids[2], ttl_seconds=600))
        await server.send(sell(4, "1041", "R-1", ids[2]), sell(5, "1041", "R-2", ids[2]), sell(6, "1042", "R-1"))
        await server.send(sell(16, "1042", "R-1"))
        await server.send(sell(17, "1042", "R-4", dearer=-58))
        await server.send(kept)
        await server.send(kept, structs.replace(kept, made_at=UNSET))
        await server.send(Cancel(id=ids[7], store_id="292", reservation_id=ids[2]))
        await server.send(Cancel(id=ids[8], store_id="292", reservation_id=ids[19]))
        await server.send(reserve(9, "nothing", 1), sell(10, "1043", "R-3", quantity=11))
        await server.send(Receive(id=ids[11], store_id="292", lines=(Line("1041", 1),)))
        await server.ask("POST", "/commands", {"commands": [{"type": "sell", "id": str(ids[12]), "store_id": "292"}]})
        server.sign_out()
        await server.sign_in(user="eva", store_id="406")
        await server.send(reserve(13, "1041", 1), reserve(14, "1041", 1, store="406"))
        server.sign_out()
        await server.send(reserve(15, "1041", 1))

    await same(tmp_path, sqlite_url, calls)


async def test_the_numbers_of_a_terminal_s_acts(tmp_path: Path, sqlite_url: str) -> None:
    first, other = (Reserve(id=new_id(), store_id="292", lines=(Line("1041", 1),), ttl_seconds=900) for _ in range(2))

    async def calls(server: Caller) -> None:
        await server.sign_in()
        for header, commands in (
            ("a1 ,1:ana", [other, first]),
            ("a1 1:ana", [first]),
            ("a1 1:ana,2:eva", [other, first]),
            ("b2 1:ana", [other]),
            ("a1 0:ana", [first]),
            ("a1 1:ana,", [first]),
            ("a1", [first]),
        ):
            await server.ask("POST", "/commands", {"commands": commands}, **{HEADER: header})

    answers = await same(tmp_path, sqlite_url, calls)
    assert [status for _, status, _ in answers[1:]] == [200, 200, 200, 200, 400, 400, 400]


async def test_settling(tmp_path: Path, sqlite_url: str) -> None:
    def settlement(quantity: int, **more: Any) -> dict[str, Any]:
        return {
            "id": str(new_id()),
            "store_id": "292",
            "receipt_number": "292-T1-000001",
            "sale_id": str(new_id()),
            "sold_at": "2026-11-24T12:00:00Z",
            "lines": [{"product_id": "1041", "quantity": quantity, "price_cents": 119}],
            "refusal": "insufficient_stock",
            "reason": "written_off",
        } | more

    small, large, twice = settlement(1), settlement(100), settlement(2, settled_by="eva")

    async def calls(server: Caller) -> None:
        await server.sign_in()
        await server.ask("POST", "/conflicts/settle", small)
        await server.ask("POST", "/conflicts/settle", twice)
        await server.ask("POST", "/conflicts/settle", twice)
        await server.ask("POST", "/conflicts/settle", large)
        for user, pin in (("luis", "0000"), ("ana", PIN), ("luis", PIN)):
            await server.ask("POST", "/conflicts/settle", large | {"approval": {"user": user, "pin": pin}})
        await server.ask("POST", "/conflicts/settle", large)

    answers = await same(tmp_path, sqlite_url, calls)
    assert [status for _, status, _ in answers[1:]] == [200, 200, 200, 403, 401, 403, 200, 200]


async def test_copies(tmp_path: Path, sqlite_url: str) -> None:
    hold = Reserve(id=new_id(), store_id="292", lines=(Line("1042", 3),), ttl_seconds=900)

    async def calls(server: Caller) -> None:
        await server.sign_in()
        [head, *_] = await server.ask("GET", "/sync/snapshot?store_id=292")
        await server.ask("GET", "/sync/snapshot?products_after=3&stock_after=1045")
        await server.ask("GET", f"/sync/changes?after={head['catalogue']}")
        await server.ask("GET", "/sync/changes?after=1")
        await server.ask("GET", "/sync/changes?after=99999")
        await server.ask("GET", "/sync/digest?store_id=292", **{"x-terminal-healed": "catalogue=0 stock=0"})
        await server.ask("GET", "/sync/buckets?store_id=292&catalogue=1,4&stock=2")
        await server.ask("GET", "/sync/buckets")
        await server.ask("GET", "/events?store_id=292")
        await server.send(hold)
        await server.ask("GET", "/sync/digest")
        server.sign_out()
        await server.ask("GET", "/sync/digest")
        await server.sign_in(user="eva", store_id="406")
        for what in ("snapshot", "digest", "buckets"):
            await server.ask("GET", f"/sync/{what}?store_id=292")

    answers = await same(tmp_path, sqlite_url, calls)
    assert [status for _, status, _ in answers] == [*[200] * 5, 410, *[200] * 3, 503, 200, 200, 401, 200, *[403] * 3]


def test_the_fake_session_is_one_of_the_fake_people() -> None:
    assert SESSION.user == "ana"
