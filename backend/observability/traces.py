"""Traces: from a terminal's key, through request and batch, to the message on NATS. Off unless a collector is named.

One process is one server, so what records is the process's, like its metrics. OpenTelemetry is loaded only when it is
on: nobody else waits for it, and off every step costs one look at a variable.

A request is a span under the terminal's own; a batch is a span under its first command's request and linked to the
others'; a message is a span under its batch, and carries it to its readers in the header `traceparent`.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from structlog.contextvars import bind_contextvars

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span, SpanContext, Tracer

HEADER = "traceparent"
"""W3C Trace Context: version, trace id, parent's id, flags."""
_SENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})", re.ASCII)

_tracer: "Tracer | None" = None


@asynccontextmanager
async def recording(exporter: "SpanExporter", share: float = 1.0) -> AsyncIterator[None]:
    """Record `share` of all traces (0 to 1; the same ones on every server) until the end of the block."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

    global _tracer
    # By the id alone: every terminal asks to be recorded.
    provider = TracerProvider(
        TraceIdRatioBased(share), Resource.create({"service.name": "mostrador"}), shutdown_on_exit=False
    )
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1_000))
    _tracer = provider.get_tracer("mostrador")
    try:
        yield
    finally:
        _tracer = None
        await asyncio.to_thread(provider.shutdown)


def exporter_to(endpoint: str) -> "SpanExporter":
    """Sends spans to the OTLP collector at `endpoint`, over HTTP."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces")


@contextmanager
def request(method: str, path: str, headers: Iterable[tuple[bytes, bytes]]) -> "Iterator[Span | None]":
    """Yields the span of an HTTP request, current in the block; None when nothing is recorded.

    The logs name the caller's trace either way, so that one id finds the lines of all servers.
    """
    parent = _parent(headers)
    if _tracer is None:
        if parent:
            bind_contextvars(trace_id=parent[1])
        yield None
        return
    from opentelemetry.trace import SpanKind

    attributes = {"http.request.method": method, "url.path": path}
    with _tracer.start_as_current_span(method, _under(_remote(parent)), SpanKind.SERVER, attributes) as span:
        bind_contextvars(trace_id=f"{span.get_span_context().trace_id:032x}")
        yield span


def answered(span: "Span | None", method: str, route: str, status: int) -> None:
    """Note on a request's span what became of it."""
    if span is not None:
        from opentelemetry.trace import StatusCode

        span.update_name(f"{method} {route}")
        span.set_attributes({"http.route": route, "http.response.status_code": status})
        if status >= 500:
            span.set_status(StatusCode.ERROR)


def current() -> "SpanContext | None":
    """Returns the span that is current here, for whoever goes on with its work elsewhere; None if it is not
    recorded."""
    if _tracer is None:
        return None
    from opentelemetry.trace import get_current_span

    here = get_current_span().get_span_context()
    return here if here.trace_flags.sampled else None


def batch(causes: "Iterable[SpanContext | None]", size: int) -> AbstractContextManager[object]:
    """Returns the span of a batch of `size` commands that belong to `causes`, current in the block."""
    recorded = {cause.span_id: cause for cause in causes if cause} if _tracer is not None else {}
    if _tracer is None or not recorded:
        return nullcontext()
    from opentelemetry.trace import Link

    first, *others = recorded.values()
    attributes, links = {"mostrador.commands": size}, [Link(other) for other in others]
    return _tracer.start_as_current_span("ledger batch", _under(first), attributes=attributes, links=links)


def message(cause: "SpanContext | None", subject: str) -> "tuple[Span | None, dict[str, str]]":
    """Returns the span of a message that is handed to NATS, and its headers; `ended` ends it."""
    if _tracer is None or cause is None:
        return None, {}
    from opentelemetry.trace import SpanKind

    attributes = {"messaging.system": "nats", "messaging.destination.name": subject}
    span = _tracer.start_span("publish", _under(cause), SpanKind.PRODUCER, attributes)
    here = span.get_span_context()
    return span, {HEADER: f"00-{here.trace_id:032x}-{here.span_id:016x}-{here.trace_flags:02x}"}


def ended(span: "Span | None", why_not: str = "") -> None:
    """A message was taken, or was not and `why_not` says why."""
    if span is not None:
        if why_not:
            from opentelemetry.trace import StatusCode

            span.set_status(StatusCode.ERROR, why_not)
        span.end()


def _parent(headers: Iterable[tuple[bytes, bytes]]) -> re.Match[str] | None:
    for name, value in headers:
        if name == b"traceparent":
            return _SENT.fullmatch(value.decode("latin-1"))
    return None


def _remote(parent: re.Match[str] | None) -> "SpanContext | None":
    from opentelemetry.trace import SpanContext, TraceFlags

    if parent is None:
        return None
    trace, span, flags = (int(part, 16) for part in parent.groups())
    return SpanContext(trace, span, is_remote=True, trace_flags=TraceFlags(flags))


def _under(parent: "SpanContext | None") -> "Context":
    """Returns a context with only this parent: what else is current belongs to somebody else."""
    from opentelemetry.context import Context
    from opentelemetry.trace import NonRecordingSpan, set_span_in_context

    return Context() if parent is None else set_span_in_context(NonRecordingSpan(parent), Context())
