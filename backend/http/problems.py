"""Every error as RFC 9457 problem+json: a stable `code`, a sentence with the fix, typed fields, the request's id."""

from collections.abc import Mapping
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
from backend.model.errors import FieldValue, MostradorError
from backend.observability.sparing import Sparing

from .codes import PROBLEMS, page_of, title_of
from .invalid import invalid_field

log = structlog.get_logger(__name__)
_lines = Sparing()

_FOR_CLIENTS = {"busy", "shutting_down", "not_recorded"}
_CODES = {404: "unknown_route", 413: "body_too_large"}
"""What Litestar itself refuses; the rest is a bad_request."""


class Refused(MostradorError):
    """The ledger refused a command."""

    def __init__(self, refusal: Refusal) -> None:
        fields = to_builtins(refusal)
        self.code = fields.pop("code")
        super().__init__(fields.pop("message"), **fields)


def problem(
    request: Request[Any, Any, Any],
    code: str,
    sentence: str,
    *,
    headers: dict[str, str] | None = None,
    fields: Mapping[str, FieldValue] | None = None,
) -> Response[Any]:
    """Returns the response for an error. `fields` are its typed values, beside those that every problem has."""
    meaning = PROBLEMS[code]
    extra = {
        "code": code,
        "retryable": meaning.retryable,
        "request_id": structlog.contextvars.get_contextvars().get("request_id", ""),
        **(fields or {}),
    }
    return ProblemDetailsException(
        status_code=meaning.status,
        type_=page_of(code),
        title=title_of(code),
        detail=sentence,
        instance=request.url.path,
        headers=headers,
        extra=extra,
    ).to_response(request)


def _on_error(request: Request[Any, Any, Any], error: MostradorError) -> Response[Any]:
    if error.code not in PROBLEMS:  # a test walks the error classes, so none should come here
        return _on_bug(request, error)
    status = PROBLEMS[error.code].status
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    if error.retryable:
        headers = {"Retry-After": str(error.fields.get("retry_after", 1))}
    if status < 500:
        return problem(request, error.code, error.message, headers=headers, fields=error.fields)
    # Sentences about the server's own parts are for its operator: they name files and hosts.
    if (more := _lines.line(error.code)) is not None:
        log.warning("request_failed", code=error.code, detail=error.message, **more)
    sentence = error.message if error.code in _FOR_CLIENTS else PROBLEMS[error.code].detail
    return problem(request, error.code, sentence, headers=headers)


def _on_validation(request: Request[Any, Any, Any], error: ValidationException) -> Response[Any]:
    """Returns a parameter of the address is wrong, or there is no body (bodies are checked by ApiRequest)."""
    first = error.extra[0] if isinstance(error.extra, list) and error.extra else {}
    field = "body" if first.get("key") == "data" else first.get("key", "")
    return _on_error(request, invalid_field(field, first.get("message", error.detail)))


def _on_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    if error.status_code in _CODES:
        code = _CODES[error.status_code]
        return problem(request, code, PROBLEMS[code].detail, headers=error.headers)
    if error.status_code < 500:
        return problem(request, "bad_request", f"{error.detail.rstrip('.')}.", headers=error.headers)
    return _on_bug(request, error)


def _on_method(request: Request[Any, Any, Any], error: MethodNotAllowedException) -> Response[Any]:
    *_, template = request.app.asgi_router.handle_routing(
        path=request.scope["path"].rstrip("/") or "/", method="OPTIONS"
    )
    methods = {m for route in request.app.routes if route.path_format == template for m in route.methods}
    allowed = ", ".join(sorted(methods))
    return problem(
        request,
        "method_not_allowed",
        f"{request.method} is not possible at this address; it takes {allowed}.",
        headers={"Allow": allowed},
    )


def _on_gone(request: Request[Any, Any, Any], error: InternalServerException) -> Response[Any]:
    # Litestar's word for a client that left before it had sent its whole body; nobody reads this answer.
    log.info("client_went_away")
    return problem(request, "body_incomplete", "The body did not arrive completely; send the request again.")


def _on_bug(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    log.error("request_failed", method=request.method, path=request.url.path, exc_info=error)
    return problem(request, "internal_error", PROBLEMS["internal_error"].detail)


EXCEPTION_HANDLERS: ExceptionHandlersMap = {
    MostradorError: _on_error,
    ValidationException: _on_validation,
    MethodNotAllowedException: _on_method,
    InternalServerException: _on_gone,
    HTTPException: _on_http,
    Exception: _on_bug,
}
"""For the whole app; the most specific one answers."""
