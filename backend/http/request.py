"""The request class of the API: its JSON body is decoded once, strictly, straight into the type its route asks for."""

from functools import cache, lru_cache
from typing import Any

import structlog
from litestar import Request
from litestar.datastructures import State
from msgspec import DecodeError, ValidationError
from msgspec.json import Decoder

from backend.auth.tokens import Claims
from backend.database.audit_trail import Origin

from .address import client_address
from .invalid import MediaTypeUnsupported, invalid_body, malformed_body, repeated
from .repeated import repeated_key

JSON = "application/json"


class ApiRequest(Request[Claims, Claims, State]):
    """A request; `auth` is what the caller's token says."""

    def origin(self, actor: str = "", terminal_id: str = "") -> Origin:
        """Returns the caller as the audit trail names them; a route without a token says who it found them to be."""
        claims: Claims | None = self.scope.get("auth")
        return Origin(
            actor or (claims.actor if claims else ""),
            terminal_id or (claims.terminal_id if claims else ""),
            client_address(self),
            structlog.contextvars.get_contextvars().get("request_id", ""),
        )

    async def json(self) -> Any:
        """Returns the body as the type of the route's `data`. Raises InvalidBody, which names the field and what it
        must be,
        MalformedBody, or MediaTypeUnsupported for a body that says it is no JSON.

        Litestar's own way decodes to plain dicts first, and then takes "3" for 3.
        """
        field = self.route_handler.parsed_data_field
        assert field is not None  # only routes with `data` ask for the body
        body = await self.body()
        if body and not _is_json(self.headers.get("content-type", JSON)):
            raise MediaTypeUnsupported(self.headers["content-type"])
        try:
            value = _decoder(field.annotation).decode(body)
        except ValidationError as error:
            raise invalid_body(str(error), body) from error
        except (DecodeError, RecursionError, UnicodeError) as error:
            raise malformed_body(str(error)) from error
        if key := repeated_key(body):
            raise repeated(key)
        return value


@lru_cache(256)
def _is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == JSON or (kind.startswith("application/") and kind.endswith("+json"))


@cache
def _decoder(annotation: Any) -> Decoder[Any]:
    return Decoder(annotation)
