"""Logs: one event per line on standard error, with the request, store, terminal and person it belongs to.

Secrets never reach a log: the values of keys that name one are masked, whoever wrote them.
"""

import logging
import sys
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, WrappedLogger

_SECRET_WORDS = ("pin", "password", "secret", "token", "seed", "authorization")


def mask_secrets(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Replace the value of every key that names a secret."""
    for key in event:
        if _names_secret(key):
            event[key] = "***"
    return event


def masked(value: Any) -> Any:
    """`value`, of plain dicts, lists and scalars, with the secrets in it replaced."""
    if isinstance(value, dict):
        return {key: "***" if _names_secret(key) else masked(part) for key, part in value.items()}
    return [masked(part) for part in value] if isinstance(value, list) else value


def _names_secret(key: str) -> bool:
    return any(word in key.lower().split("_") for word in _SECRET_WORDS)


def configure_logging(level: str, style: Literal["json", "console"]) -> None:
    """Send the program's own events and those of its libraries through one chain to standard error."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        mask_secrets,
    ]
    last: list[structlog.typing.Processor] = (
        [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer()]
        if style == "json"
        else [structlog.dev.ConsoleRenderer()]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(number)
    # These tell of every start and connection; what they call information is detail here.
    for noisy in ("uvicorn.error", "alembic", "aiosqlite", "asyncio"):
        logging.getLogger(noisy).setLevel(max(number, logging.WARNING))
