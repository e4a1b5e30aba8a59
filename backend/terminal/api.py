"""The terminal's only way to the server: its HTTP contract, with typed answers and typed errors.

One call is one attempt. What must not be lost (commands) is repeated by its sender under the same command id; see
`backend.terminal.desk`.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Any, TypeVar
from urllib.parse import SplitResult, quote, urlsplit
from urllib.request import getproxies, proxy_bypass
from uuid import UUID, uuid4

import httpx
import msgspec

from backend.model.answers import Answer
from backend.model.commands import Command
from backend.model.conflicts import Settlement
from backend.model.errors import FieldValue, MostradorError
from backend.model.told import HEADER, Told, written
from backend.trust import believes_nobody, client_context

from .away import ServerAway as ServerAway
from .away import why_away
from .clock import ServerClock
from .renewal import Renewal
from .values import Approval, Enrolment, LiveAddress, Product, Session, Store, StoreStock

T = TypeVar("T")

ENROL_ATTEMPTS = 3
_HERE = ("127.0.0.1", "localhost", "::1")
"""This machine, which no proxy leads to."""
_NO_SESSION = ("sign_in_refused", "enrolment_refused", "terminal_key_needed")
"""Refusals with status 401 that do not say that a session is over."""
_DATABASE_UNUSABLE = ("database_damaged", "database_refused", "data_not_writable")
"""Say nothing of the request: it can be taken once somebody has mended the server's database."""


class SessionEnded(MostradorError):
    """The server no longer believes the access token: sign in again."""

    code = "session_ended"


class TerminalRemoved(SessionEnded):
    """This machine's terminal was removed from the fleet: a supervisor must give it a new code."""

    code = "terminal_removed"


class ServerRefused(MostradorError):
    """The server answered with a problem; `code` is the problem's."""

    def __init__(self, code: str, message: str, *, retryable: bool = False, **fields: FieldValue) -> None:
        super().__init__(message, **fields)
        self.code = code
        self.retryable = retryable


class _Stores(msgspec.Struct):
    stores: tuple[Store, ...]


class Found(msgspec.Struct):
    """A page of search results, each with this store's stock, and how many there are in all."""

    products: tuple["FoundProduct", ...]
    total: int


class FoundProduct(Product, frozen=True):
    """A product with its stock in the store that was asked about."""

    stock: StoreStock | None = None


class _Everywhere(msgspec.Struct):
    stores: tuple[StoreStock, ...]


class _Answers(msgspec.Struct):
    answers: list[Answer]


class _Settled(msgspec.Struct):
    id: UUID


class _Problem(msgspec.Struct):
    code: str = ""
    detail: str = ""
    title: str = ""
    retryable: bool = False


class Api:
    """The server at `base_url`. After `sign_in` every call carries the session's access token, which renews itself.

    An address of another machine is reached as its environment says: through its proxy, believing its authorities.
    Every method raises ServerAway (nobody answered, for one of the reasons in `away`), SessionEnded (sign in again)
    or ServerRefused (a problem).
    """

    def __init__(self, base_url: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.base_url = base_url.rstrip("/")
        self.queued: Callable[[], int] | None = None
        """Says how many acts wait here; the server is told with every call."""
        self.clock = ServerClock()
        """The server's clock, as its answers tell it."""
        self.heard_at = monotonic()
        """When the server answered last, whatever it said; from the start of this program if it never did."""
        self._renewal: Renewal | None = None
        address = urlsplit(self.base_url)
        self._proxy = "" if transport or address.hostname in _HERE else _proxy_to(address)
        self._http = httpx.AsyncClient(
            base_url=f"{self.base_url}/api/v1",
            transport=transport,
            timeout=httpx.Timeout(5, connect=2),
            verify=client_context() if address.scheme == "https" else believes_nobody(),
            proxy=self._proxy or None,
            trust_env=False,
        )

    @property
    def token(self) -> str:
        """The session's access token now; empty before `sign_in`."""
        return self._renewal.token if self._renewal else ""

    async def stores(self) -> tuple[Store, ...]:
        """Returns the shops of the chain. Needs no session."""
        return (await self._get("/stores", _Stores)).stores

    async def sign_in(
        self, user: str, pin: str, store_id: str, terminal_id: str = "", terminal_key: str = ""
    ) -> Session:
        """Open a session and use its token from now on. Without a `terminal_id` the server gives one.

        ServerRefused `sign_in_refused`: something of it is wrong. TerminalRemoved: the key is good no more.
        """
        body = {"user": user, "pin": pin, "store_id": store_id}
        body |= {"terminal_id": terminal_id} if terminal_id else {}
        body |= {"terminal_key": terminal_key} if terminal_key else {}
        session = _decoded(await self._send("POST", "/auth/sign-in", body=body), Session)
        self.use(session)
        return session

    async def enrol(self, code: str) -> Enrolment:
        """Trade a terminal's code, once, for its key; an answer that is lost is asked for again.

        ServerRefused `enrolment_refused`: the code is wrong, used or too old.
        """
        key = uuid4()
        for attempt in range(ENROL_ATTEMPTS):
            try:
                return _decoded(await self._send("POST", "/terminals/enrol", body={"code": code}, key=key), Enrolment)
            except ServerAway:
                if attempt == ENROL_ATTEMPTS - 1:
                    raise
        raise AssertionError("the last attempt answers or raises")

    def use(self, session: Session) -> None:
        """Go on with a session that is open already."""
        self._renewal = Renewal(session, self._refresh)

    async def _refresh(self, refresh_token: str, key: UUID) -> Session:
        body = {"refresh_token": refresh_token}
        return _decoded(await self._send("POST", "/auth/refresh", body=body, key=key), Session)

    async def sign_out(self, patience: float = 1.0) -> None:
        """End the session if the server can be told within `patience` seconds; it ends by itself anyway."""
        renewal, self._renewal = self._renewal, None
        if renewal is None or not renewal.refresh_token:
            return
        await renewal.close()
        with suppress(MostradorError, TimeoutError):
            body = {"refresh_token": renewal.refresh_token}
            await asyncio.wait_for(self._send("POST", "/auth/sign-out", body=body), patience)

    async def search(self, words: str, store_id: str, limit: int, offset: int = 0) -> Found:
        """Returns products that match all `words`, best first, with their stock in `store_id`; `limit` behind
        `offset`."""
        return await self._get("/products", Found, q=words, store_id=store_id, limit=limit, offset=offset)

    async def by_barcode(self, barcode: str, store_id: str) -> Product:
        """Returns the product behind a barcode, with its price in `store_id`.

        ServerRefused `unknown_barcode`, with the field `barcode`, if there is none.
        """
        try:
            return await self._get(f"/products/barcode/{_part(barcode)}", Product, store_id=store_id)
        except ServerRefused as error:
            if error.code != "unknown_barcode":
                raise
            raise ServerRefused(error.code, error.message, barcode=barcode) from error

    async def by_sku(self, sku: str, store_id: str) -> Product:
        """Returns the product with exactly this SKU, with its price in `store_id`.

        ServerRefused `unknown_product` if none has.
        """
        return await self._get(f"/products/sku/{_part(sku)}", Product, store_id=store_id)

    async def product(self, product_id: str) -> Product:
        """Returns the product with this id. ServerRefused `unknown_product` when there is none."""
        return await self._get(f"/products/{_part(product_id)}", Product)

    async def settle(self, settlement: Settlement, approval: Approval | None = None) -> None:
        """Have a settlement of a refused sale recorded, once for its id, however often it is sent.

        ServerRefused `approval_needed`: above a clerk's limit; `sign_in_refused`, `scope_missing`: of the approval.
        """
        body = msgspec.to_builtins(settlement)
        if approval is not None:
            body["approval"] = msgspec.to_builtins(approval)
        await self._call("POST", "/conflicts/settle", _Settled, body=body)

    async def stock_everywhere(self, product_id: str) -> tuple[StoreStock, ...]:
        """Returns the stock of a product in every store."""
        return (await self._get(f"/stock/product/{_part(product_id)}", _Everywhere)).stores

    async def live(self) -> LiveAddress:
        """Returns where to listen for changes."""
        return await self._get("/live", LiveAddress)

    async def goodbye(self) -> None:
        """Say that this terminal closes, so that nobody takes its silence for a failure."""
        await self._call("GET", "/live", LiveAddress, said=" closed")

    async def send(self, commands: Sequence[Command], acts: Sequence[Told | None] = ()) -> list[Answer]:
        """Give commands to the ledger; one answer per command, in order. Safe to repeat with the same commands.

        `acts` say for each command which act of this terminal ends with it, if one does.
        """
        body = {"commands": commands}
        told = written(acts)
        more = {HEADER: told} if told else None
        answers = (await self._call("POST", "/commands", _Answers, body=body, more=more)).answers
        if [x.id for x in answers] != [x.id for x in commands]:
            raise _version_mismatch()
        return answers

    async def call(
        self, method: str, path: str, body: object = None, query: dict[str, str | int] | None = None
    ) -> dict[str, Any]:
        """Call a route that has no method of its own here; its answer as it is."""
        return await self._call(method, path, dict[str, Any], body=body, query=query)

    async def read(self, path: str, answer: type[T], query: dict[str, str | int], **headers: str) -> T:
        """Returns the answer of a route that has no method of its own here."""
        return await self._call("GET", path, answer, query=query, more=headers)

    async def lines(self, path: str, query: dict[str, str | int]) -> AsyncIterator[bytes]:
        """Yields the lines of an answer that is sent while it is read."""
        token = await self._renewal.fresh() if self._renewal else ""
        try:
            async for line in self._streamed(path, query, token):
                yield line
        except SessionEnded:  # said before the first line
            if self._renewal is None or not self._renewal.refresh_token:
                raise
            await self._renewal.renew(token)
            async for line in self._streamed(path, query, self.token):
                yield line

    async def _streamed(self, path: str, query: dict[str, str | int], token: str) -> AsyncIterator[bytes]:
        request = self._http.stream("GET", path, params=query, headers=self._headers(token))
        try:
            async with request as response:
                if not response.is_success:
                    await response.aread()
                    raise self._problem(response)
                rest = b""
                async for chunk in response.aiter_bytes():
                    self.heard_at = monotonic()
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in lines:
                        yield line
        except httpx.HTTPError as error:
            raise why_away(error, self.base_url, self._proxy) from error

    async def close(self) -> None:
        """Close the connections."""
        if self._renewal is not None:
            await self._renewal.close()
        await self._http.aclose()

    async def _get(self, path: str, answer: type[T], **query: str | int) -> T:
        return await self._call("GET", path, answer, query=query)

    async def _call(
        self,
        method: str,
        path: str,
        answer: type[T],
        body: object = None,
        query: dict[str, str | int] | None = None,
        said: str = "",
        more: dict[str, str] | None = None,
    ) -> T:
        send = partial(self._send, method, path, body=body, query=query, said=said, more=more)
        renewal = self._renewal
        if renewal is None:
            return _decoded(await send(), answer)
        token = await renewal.fresh()
        try:
            content = await send(token=token)
        except SessionEnded:
            if not renewal.refresh_token:
                raise
            await renewal.renew(token)
            content = await send(token=renewal.token)
        return _decoded(content, answer)

    async def _send(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        query: dict[str, str | int] | None = None,
        token: str = "",
        key: UUID | None = None,
        said: str = "",
        more: dict[str, str] | None = None,
    ) -> bytes:
        """Makes one attempt; returns the content of its answer."""
        headers = self._headers(token, said) | (more or {})
        if key is not None:
            headers["idempotency-key"] = str(key)
        content = None
        if body is not None:
            headers["content-type"] = "application/json"
            content = msgspec.json.encode(body)
        before = self.clock.before()
        try:
            response = await self._http.request(method, path, content=content, params=query, headers=headers)
        except httpx.HTTPError as error:
            raise why_away(error, self.base_url, self._proxy) from error
        self.heard_at = monotonic()
        self.clock.heard(response.headers.get("date"), before)
        if response.is_success:
            return response.content
        raise self._problem(response)

    def _headers(self, token: str, said: str = "") -> dict[str, str]:
        # A trace of its own for every call (W3C Trace Context); a server that records traces goes on with it.
        headers = {"traceparent": f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        if self.queued is not None:
            headers["x-terminal-queue"] = f"{self.queued()}{said}"
        return headers

    def _problem(self, response: httpx.Response) -> MostradorError:
        try:
            problem = msgspec.json.decode(response.content, type=_Problem)
            fields = _fields(msgspec.json.decode(response.content))
        except msgspec.MsgspecError:
            problem, fields = _Problem(), {}
        message = problem.detail or problem.title or f"The server answered {response.status_code}."
        if problem.code == TerminalRemoved.code:
            return TerminalRemoved(message)
        if response.status_code == 401 and problem.code not in _NO_SESSION:
            return SessionEnded("Your session has ended; sign in again.")
        if response.status_code >= 500 and not problem.code:
            # A proxy without a server behind it, or a server in the middle of dying.
            return ServerAway("The server cannot answer now; it will be tried again.", url=self.base_url)
        code = problem.code or f"http_{response.status_code}"
        later = problem.retryable or response.status_code == 503 or code in _DATABASE_UNUSABLE
        return ServerRefused(code, message, retryable=later, **fields)


def _proxy_to(address: SplitResult) -> str:
    """Returns the proxy that the environment names for an address, or nothing."""
    if proxy_bypass(address.netloc):
        return ""
    found = getproxies()
    proxy = found.get(address.scheme) or found.get("all", "")
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"


def _decoded(content: bytes, answer: type[T]) -> T:
    try:
        return msgspec.json.decode(content, type=answer)
    except msgspec.MsgspecError as error:
        raise _version_mismatch() from error


def _version_mismatch() -> ServerRefused:
    message = "The server speaks a different version; update the terminal or the server."
    return ServerRefused("version_mismatch", message)


def _fields(problem: Any) -> dict[str, FieldValue]:
    """Returns the typed members of a problem: everything that RFC 9457 and the contract do not name."""
    known = {"type", "title", "status", "detail", "instance", "code", "retryable", "message"}
    return {k: v for k, v in problem.items() if k not in known and isinstance(v, str | int | list)}


def _part(text: str) -> str:
    """Returns `text` as one part of a path."""
    return quote(text, safe="")
