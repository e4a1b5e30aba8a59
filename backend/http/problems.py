"""Every error as RFC 9457 problem+json: a stable `code`, a sentence with the fix, typed fields, the request's id."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import (
    HTTPException,
    InternalServerException,
    MethodNotAllowedException,
    ValidationException,
)
from litestar.plugins.problem_details import ProblemDetailsException
from litestar.types import ExceptionHandlersMap
from msgspec import to_builtins

from backend.model.answers import Refusal
from backend.model.errors import FieldValue, InvalidInput, MostradorError

from .invalid import invalid_field

log = structlog.get_logger(__name__)

STATUS = {
    "invalid_input": 400,
    "invalid_quantity": 400,
    "empty_basket": 400,
    "malformed_json": 400,
    "token_refused": 401,
    "sign_in_refused": 401,
    "scope_missing": 403,
    "store_not_allowed": 403,
    "unknown_store": 404,
    "unknown_product": 404,
    "unknown_barcode": 404,
    "unknown_reservation": 404,
    "insufficient_stock": 409,
    "reservation_ended": 409,
    "reservation_not_due": 409,
    "receipt_taken": 409,
    "command_reused": 422,
    "not_recorded": 500,
    "busy": 503,
    "shutting_down": 503,
    "database_away": 503,
}
"""Code → status. What is not listed is the server's own failure."""

_FOR_CLIENTS = {"busy", "shutting_down", "not_recorded"}
_RETRY_AFTER = {"Retry-After": "1"}
_CODES = {404: "unknown_route", 405: "method_not_allowed", 413: "body_too_large"}
_SENTENCES = {
    404: "There is nothing at this address; docs/api.md lists the routes.",
    413: "The request's body is too large; send fewer commands at once.",
    500: "The server failed at this request; report its request_id to whoever operates it.",
    503: "The server's database does not answer now; send the same request again in a moment.",
}


class Refused(MostradorError):
    """The ledger refused a command."""

    def __init__(self, refusal: Refusal) -> None:
        fields = to_builtins(refusal)
        self.code = fields.pop("code")
        super().__init__(fields.pop("message"), **fields)


def problem(
    request: Request[Any, Any, Any],
    status: int,
    code: str,
    sentence: str,
    *,
    retryable: bool = False,
    headers: dict[str, str] | None = None,
    fields: Mapping[str, FieldValue] | None = None,
) -> Response[Any]:
    """The response for an error. `fields` are its typed values, beside those that every problem has."""
    extra = {
        "code": code,
        "retryable": retryable,
        "request_id": structlog.contextvars.get_contextvars().get("request_id", ""),
        **(fields or {}),
    }
    return ProblemDetailsException(
        status_code=status,
        type_=f"urn:mostrador:problem:{code}",
        title=code.replace("_", " ").capitalize(),
        detail=sentence,
        instance=request.url.path,
        headers=headers,
        extra=extra,
    ).to_response(request)


def _on_error(request: Request[Any, Any, Any], error: MostradorError) -> Response[Any]:
    status = STATUS.get(error.code, 400 if isinstance(error, InvalidInput) else 500)
    if status < 500:
        headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
        return problem(request, status, error.code, error.message, headers=headers, fields=error.fields)
    # Sentences about the server's own parts are for its operator: they name files and hosts.
    log.warning("request_failed", code=error.code, detail=error.message)
    sentence = error.message if error.code in _FOR_CLIENTS else _SENTENCES[status]
    headers = _RETRY_AFTER if status == 503 else None
    return problem(request, status, error.code, sentence, retryable=error.retryable, headers=headers)


def _on_validation(request: Request[Any, Any, Any], error: ValidationException) -> Response[Any]:
    """A parameter of the address is wrong, or there is no body (bodies are checked by ApiRequest)."""
    first = error.extra[0] if isinstance(error.extra, list) and error.extra else {}
    field = "body" if first.get("key") == "data" else first.get("key", "")
    return _on_error(request, invalid_field(field, first.get("message", error.detail)))


def _on_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    status = error.status_code
    phrase = HTTPStatus(status).phrase
    code = _CODES.get(status, phrase.lower().replace(" ", "_"))
    sentence = _SENTENCES.get(status, f"{error.detail or phrase}.")
    return problem(request, status, code, sentence, headers=error.headers)


def _on_method(request: Request[Any, Any, Any], error: MethodNotAllowedException) -> Response[Any]:
    *_, template = request.app.asgi_router.handle_routing(
        path=request.scope["path"].rstrip("/") or "/", method="OPTIONS"
    )
    methods = {m for route in request.app.routes if route.path_format == template for m in route.methods}
    allowed = ", ".join(sorted(methods))
    return problem(
        request,
        405,
        "method_not_allowed",
        f"{request.method} is not possible at this address; it takes {allowed}.",
        headers={"Allow": allowed},
    )


def _on_gone(request: Request[Any, Any, Any], error: InternalServerException) -> Response[Any]:
    # Litestar's word for a client that left before it had sent its whole body; nobody reads this answer.
    log.info("client_went_away")
    return problem(request, 400, "body_incomplete", "The body did not arrive completely; send the request again.")


def _on_bug(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    log.error("request_failed", method=request.method, path=request.url.path, exc_info=error)
    return problem(request, 500, "internal_error", _SENTENCES[500])


EXCEPTION_HANDLERS: ExceptionHandlersMap = {
    MostradorError: _on_error,
    ValidationException: _on_validation,
    MethodNotAllowedException: _on_method,
    InternalServerException: _on_gone,
    HTTPException: _on_http,
    Exception: _on_bug,
}
"""For the whole app; the most specific one answers."""
