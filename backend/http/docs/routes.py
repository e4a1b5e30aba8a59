"""Where the API tells about itself."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.types import ControllerRouterHandler
from msgspec.json import encode

from backend.http.access import PUBLIC

from .document import describe


def document_routes(routes: Sequence[ControllerRouterHandler], version: str) -> list[HTTPRouteHandler]:
    """GET /api/v1/openapi.json, about `routes` and itself. The document is made when it is first asked for."""

    @cache
    def document() -> bytes:
        return encode(describe([*routes, openapi], version))

    @get("/api/v1/openapi.json", scope=PUBLIC, media_type="application/json")
    async def openapi() -> Response[Any]:
        """This API as an OpenAPI 3.1 document."""
        return Response(document())

    return [openapi]
