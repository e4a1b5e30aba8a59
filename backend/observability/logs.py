"""Logs: one event per line on standard error, with the request, store, terminal and person it belongs to.

Secrets never reach a log: not under a key that names one, however deep, and not inside a sentence, an address or the
text of an exception, whoever wrote it. The variables of a traceback's frames are not logged at all.
"""

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, WrappedLogger

HIDDEN = "***"
_TRACEBACKS = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))
_CONSOLE = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
_SECRET_WORDS = {"pin", "password", "passwd", "secret", "token", "seed", "authorization", "cookie", "apikey"}
_SECRET_NAMES = re.compile(r"api[-_]?key|private[-_]?key", re.IGNORECASE)
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Za-z][a-z]*")
_IN_TEXT = (
    (re.compile(r"(?<=://)([^\s:/@]*):[^\s/@]+@"), rf"\1:{HIDDEN}@"),  # postgresql://user:password@host
    (re.compile(r"\b(Bearer|Basic) +[\w.~+/-]+=*", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+"), HIDDEN),  # a JWT
    (re.compile(r"(?<![\w-])[\w-]{22}\.[\w-]{43}(?![\w-])"), HIDDEN),  # a refresh token
    (re.compile(r"\b(mk_[0-9a-f]{16})\.[\w-]+"), rf"\1.{HIDDEN}"),  # an API key
    (re.compile(r"\bS[ACNOUX][A-Z2-7]{56}\b"), HIDDEN),  # the seed of an nkey
    (
        re.compile(r"\b([\w-]*(?:pin|password|secret|token|api[-_]?key))([\"']?\s*[=:]\s*[\"']?)[^\s\"'&,;}]+", re.I),
        rf"\1\2{HIDDEN}",
    ),  # token=… in an address, "pin": "…" in a body
)


def mask_secrets(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Replace the value of every key that names a secret, and what looks like one in every text."""
    return {key: masked(value, key) for key, value in event.items()}


def masked(value: Any, key: object = "") -> Any:
    """Returns `value`, found under `key`, as plain dicts, lists and scalars with the secrets in it replaced."""
    if isinstance(key, str) and _names_a_secret(key) and value is not None:
        return HIDDEN
    match value:
        case str():
            for pattern, replacement in _IN_TEXT:
                value = pattern.sub(replacement, value)
            return value
        case Mapping():
            return {inner: masked(found, inner) for inner, found in value.items()}
        case list() | tuple() | set() | frozenset():
            return [masked(found) for found in value]
        case None | bool() | int() | float():
            return value
    return masked(str(value))


def _names_a_secret(key: str) -> bool:
    return bool(_SECRET_NAMES.search(key)) or any(word.lower() in _SECRET_WORDS for word in _WORDS.findall(key))


def configure_logging(level: str, style: Literal["json", "console"]) -> None:
    """Send the program's own events and those of its libraries through one chain to standard error."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[structlog.typing.Processor] = (
        [_TRACEBACKS, mask_secrets, structlog.processors.JSONRenderer()]
        if style == "json"
        else [structlog.processors.format_exc_info, mask_secrets, _CONSOLE]
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
