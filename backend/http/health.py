"""Is the server there, and may a load balancer send it work? No token asked."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Literal

import structlog
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from msgspec import Struct

from backend.database.engine import Database
from backend.database.errors import DatabaseAway
from backend.database.readiness import check_database
from backend.model.errors import MostradorError

from .access import PUBLIC
from .rates import UNLIMITED

log = structlog.get_logger(__name__)

VERSION = version("mostrador")
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
    problem: str | None = None
    """The code of what is wrong with the database."""


class AliveShape(Struct, frozen=True):
    """The process answers."""

    status: str = "alive"


_UNWELL = ResponseSpec(HealthShape, description="The database cannot do its work, or the server is stopping")


def health_routes(db: Database, stopping: Callable[[], bool], instance_id: str) -> list[HTTPRouteHandler]:
    """/health and its two short forms. A balancer is told of `stopping` while requests still finish."""

    last: str | None = None

    async def look() -> Response[HealthShape]:
        nonlocal last
        problem = None
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await check_database(db)
        except MostradorError as error:
            problem = error.code
        except TimeoutError:
            problem = DatabaseAway.code
        if problem != last:
            last = problem
            log.warning("not_ready", problem=problem) if problem else log.info("ready_again")
        healthy = problem is None
        state: Literal["healthy", "unhealthy", "stopping"] = "healthy" if healthy else "unhealthy"
        if stopping():
            state = "stopping"
        body = HealthShape(
            state, datetime.now(UTC), VERSION, instance_id, "healthy" if healthy else "unhealthy", db.dialect, problem
        )
        return Response(body, status_code=200 if state == "healthy" else 503)

    @get(["/health", "/health/ready"], scope=PUBLIC, rate=UNLIMITED, responses={503: _UNWELL})
    async def health() -> Response[HealthShape]:
        """Returns whether this server can do its work: 503 when its database cannot or it is stopping."""
        return await look()

    @get("/health/live", scope=PUBLIC, rate=UNLIMITED)
    async def live() -> AliveShape:
        """Returns whether this process answers at all."""
        return AliveShape()

    return [health, live]
