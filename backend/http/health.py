"""Is the server there, and may a load balancer send it work? No token asked."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Literal

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from msgspec import Struct
from sqlalchemy import select

from backend.database.engine import Database
from backend.database.reads import reading
from backend.database.tables import stores
from backend.model.errors import MostradorError

from .access import PUBLIC
from .rates import UNLIMITED

VERSION = version("mostrador")
_LOOK = select(stores.c.id).limit(1)
"""Reads a table: for a mere SELECT 1 SQLite would not open its file."""
PATIENCE_SECONDS = 5.0
"""A database that says nothing for so long does not answer: whoever asks must know before they give up themselves."""


class HealthShape(Struct, frozen=True):
    """The server's own view of itself."""

    status: Literal["healthy", "unhealthy", "stopping"]
    timestamp: datetime
    version: str
    instance_id: str
    database: Literal["healthy", "unhealthy"]
    db_driver: str


class AliveShape(Struct, frozen=True):
    """The process answers."""

    status: str = "alive"


_UNWELL = ResponseSpec(HealthShape, description="The database does not answer, or the server is stopping")


def health_routes(db: Database, stopping: Callable[[], bool], instance_id: str) -> list[HTTPRouteHandler]:
    """/health and its two short forms. A balancer is told of `stopping` while requests still finish."""

    async def look() -> Response[HealthShape]:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS), reading(db) as connection:
                await connection.execute(_LOOK)
            healthy = True
        except (MostradorError, TimeoutError):
            healthy = False
        state: Literal["healthy", "unhealthy", "stopping"] = "healthy" if healthy else "unhealthy"
        if stopping():
            state = "stopping"
        body = HealthShape(
            state, datetime.now(UTC), VERSION, instance_id, "healthy" if healthy else "unhealthy", db.dialect
        )
        return Response(body, status_code=200 if state == "healthy" else 503)

    @get(["/health", "/health/ready"], scope=PUBLIC, rate=UNLIMITED, responses={503: _UNWELL})
    async def health() -> Response[HealthShape]:
        """Whether this server can do its work: 503 when its database does not answer or it is stopping."""
        return await look()

    @get("/health/live", scope=PUBLIC, rate=UNLIMITED)
    async def live() -> AliveShape:
        """Whether this process answers at all."""
        return AliveShape()

    return [health, live]
