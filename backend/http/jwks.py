"""The public keys, for whoever verifies access tokens without asking us."""

from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from backend.auth.tokens import Tokens

from .access import PUBLIC


def jwks_routes(tokens: Tokens) -> list[HTTPRouteHandler]:
    """GET /.well-known/jwks.json, outside the prefix."""

    @get("/.well-known/jwks.json", scope=PUBLIC)
    async def jwks() -> Response[dict[str, Any]]:
        """Returns the keys that sign access tokens now or soon, as a JSON Web Key Set."""
        return Response(tokens.jwks, headers={"Cache-Control": "public, max-age=300"})

    return [jwks]
