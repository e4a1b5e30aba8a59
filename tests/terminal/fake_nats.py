"""A NATS of a few lines: what a terminal subscribes to, and a way to publish to it and to cut it off."""

from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import msgspec
import nats

from backend.model.stock import StockRow


class FakeNats:
    """Stands for nats.connect; `publish` delivers, `drop` cuts the connection."""

    def __init__(self) -> None:
        self.down = False
        self.options: dict[str, Any] = {}
        self.subjects: list[str] = []
        self.connections = 0
        self._deliver: Callable[[Any], Awaitable[None]] | None = None
        self.is_closed = False

    async def connect(self, url: list[str], **options: Any) -> "FakeNats":
        if self.down:
            raise nats.errors.NoServersError
        self.options, self.subjects, self.is_closed = {"url": url, **options}, [], False
        self.connections += 1
        return self

    async def subscribe(self, subject: str, cb: Callable[[Any], Awaitable[None]]) -> None:
        self.subjects.append(subject)
        self._deliver = cb

    async def flush(self, timeout: float) -> None:
        if self.is_closed:
            raise nats.errors.ConnectionClosedError

    async def close(self) -> None:
        self.is_closed = True

    async def drop(self) -> None:
        self.is_closed = True
        await self.options["closed_cb"]()

    async def publish(self, *rows: StockRow) -> None:
        assert self._deliver is not None
        await self._deliver(SimpleNamespace(data=msgspec.json.encode({"store_id": "292", "stock": rows, "sales": []})))
