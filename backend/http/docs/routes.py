"""Where the API tells about itself."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler
from msgspec.json import encode

from backend.http.access import PUBLIC
from backend.http.codes import PROBLEMS

from .document import describe
from .pages import SECURITY_POLICY, problem_page, problems_page, reference_page

_HEADERS = {"Content-Security-Policy": SECURITY_POLICY}


def document_routes(routes: Sequence[ControllerRouterHandler], version: str) -> list[HTTPRouteHandler]:
    """Returns the document about `routes` and these, and pages made of it. Each is made when it is first asked for."""

    @cache
    def document() -> dict[str, Any]:
        return describe([*routes, *own], version)

    @cache
    def encoded() -> bytes:
        return encode(document())

    @cache
    def reference() -> str:
        return reference_page(document())

    @get("/api/v1/openapi.json", scope=PUBLIC, media_type="application/json")
    async def openapi() -> Response[Any]:
        """Returns this API as an OpenAPI 3.1 document."""
        return Response(encoded())

    @get("/docs", scope=PUBLIC, media_type="text/html")
    async def docs() -> Response[str]:
        """Returns the same as a page for people."""
        return Response(reference(), headers=_HEADERS)

    @get("/problems", scope=PUBLIC, media_type="text/html")
    async def problems() -> Response[str]:
        """Returns a page with all problem codes."""
        return Response(problems_page(), headers=_HEADERS)

    @get("/problems/{code:str}", scope=PUBLIC, media_type="text/html", problems=("unknown_route",))
    async def problem(code: FromPath[str]) -> Response[str]:
        """Returns the page of a problem code, which is the `type` of such problems: what happened and what to do about
        it."""
        if code not in PROBLEMS:
            raise NotFoundException
        return Response(problem_page(code), headers=_HEADERS)

    own: list[HTTPRouteHandler] = [openapi, docs, problems, problem]
    return own
