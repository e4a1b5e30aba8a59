"""A receiver of webhooks as others would write it: it knows the specification and its secret, and nothing of ours."""

import asyncio
import hmac
import json
import ssl
import time
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.servers import HOST


@dataclass
class Receiver:
    """Takes every post, verified or not, and answers with the next of `statuses`, then 204."""

    port: int = 0
    statuses: list[int] = field(default_factory=list)
    posts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    """Headers in small letters, and body."""
    open: asyncio.Event = field(default_factory=asyncio.Event)
    """While it is not set, no post is answered."""

    @property
    def ids(self) -> list[str]:
        """Of the events, as they came."""
        return [headers["webhook-id"] for headers, _ in self.posts]

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection after the other, one post in each."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        self.posts.append((headers, await reader.readexactly(int(headers["content-length"]))))
        await self.open.wait()
        status = self.statuses.pop(0) if self.statuses else 204
        lines = [f"HTTP/1.1 {status} X", "Location: /elsewhere", "Content-Length: 0", "Connection: close"]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        await writer.drain()
        writer.close()


@asynccontextmanager
async def receiving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """A receiver on a free port of this machine, until the end of the block."""
    receiver = Receiver()
    receiver.open.set()
    server = await asyncio.start_server(receiver.take, HOST, 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        receiver.open.set()
        server.close()


def verified(secret: str, headers: dict[str, str], body: bytes) -> Any:
    """The content of a post that really is the sender's, and fresh."""
    signed = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])
    digest = hmac.new(b64decode(secret.split("_", 1)[1]), signed, "sha256").digest()
    assert f"v1,{b64encode(digest).decode()}" in headers["webhook-signature"].split(" ")
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 300
    return json.loads(body)
