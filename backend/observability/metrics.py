"""Every number that an operator can ask a server for, and the port on which it is asked.

One process is one server, so the instruments belong to the process, as loggers do: whoever has something to count
imports its instrument from here. What happens thousands of times a second is counted once a batch.
docs/operations.md tells what each number means and when to worry.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import Counter, Gauge, Histogram, start_http_server

from backend.model.errors import MostradorError

_QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
"""Bounds in seconds: half of the answers come within a few milliseconds, and ten seconds is where patience ends."""

HTTP_REQUESTS = Counter(
    "mostrador_http_requests", "Requests answered, by the route's template.", ["method", "route", "status"]
)
HTTP_SECONDS = Histogram(
    "mostrador_http_request_seconds",
    "From a request's head to the end of its answer.",
    ["method", "route"],
    buckets=_QUICK,
)

CONNECTIONS = Gauge("mostrador_connections", "Connections of clients that are open.")
CONNECTIONS_CUT = Counter(
    "mostrador_connections_cut",
    "Connections that the server ended or did not take, by the limit that they met.",
    ["reason"],
)
FILES_EXHAUSTED = Gauge("mostrador_files_exhausted", "1 while this process can open no further file or connection.")

LEDGER_COMMANDS = Counter("mostrador_ledger_commands", "Commands that got their answer, refusals included.")
LEDGER_REFUSALS = Counter("mostrador_ledger_refusals", "Commands that were refused, by the refusal's code.", ["code"])
LEDGER_BATCH_COMMANDS = Histogram(
    "mostrador_ledger_batch_commands", "Commands settled by one commit.", buckets=[4**n for n in range(6)]
)
LEDGER_BATCH_SECONDS = Histogram(
    "mostrador_ledger_batch_seconds", "From taking a batch to its commit, repetitions included.", buckets=_QUICK
)
LEDGER_WAIT_SECONDS = Histogram(
    "mostrador_ledger_wait_seconds", "How long the first command of a batch waited to be taken.", buckets=_QUICK
)
LEDGER_WAITING = Gauge("mostrador_ledger_waiting", "Commands accepted and not yet taken into a batch.")
LEDGER_CONFLICTS = Counter(
    "mostrador_ledger_conflicts", "Batches decided again because another server had changed one of their rows."
)
DATABASE_LOST = Counter("mostrador_database_lost", "Batches that found their connection to the database broken.")

HOLDS = Gauge("mostrador_holds", "Holds that are PENDING: live, or due and not yet written down as ended.", ["state"])
HOLDS_OVERDUE_SECONDS = Gauge(
    "mostrador_holds_overdue_seconds", "How long the hold that fell due first has waited to be written down as ended."
)

OUTBOX_MESSAGES = Gauge("mostrador_outbox_messages", "Messages in the outbox.")
OUTBOX_OLDEST_SECONDS = Gauge("mostrador_outbox_oldest_seconds", "Age of the oldest message in the outbox.")
PUBLISH_SECONDS = Histogram(
    "mostrador_publish_seconds", "From handing a message to NATS to JetStream's acknowledgement.", buckets=_QUICK
)
COMMIT_TO_PUBLISH_SECONDS = Histogram(
    "mostrador_commit_to_publish_seconds",
    "From a commit to JetStream's acknowledgement of its message.",
    buckets=_QUICK,
)
PUBLISH_REFUSED = Counter("mostrador_publish_refused", "Messages that NATS did not take; they stay in the outbox.")
NATS_CONNECTED = Gauge("mostrador_nats_connected", "1 while messages are published, 0 while they wait in the outbox.")

WEBHOOK_ATTEMPTS = Counter("mostrador_webhook_attempts", "Posts to webhooks: received, or failed.", ["result"])
WEBHOOK_DEAD_LETTERS = Counter("mostrador_webhook_dead_letters", "Events that failed too often to be tried again.")

_TERMINAL = ["store", "terminal"]
# Each server tells when it heard a terminal itself; the latest of all servers counts.
TERMINAL_SEEN = Gauge(
    "mostrador_terminal_seen_timestamp_seconds", "When a terminal was last heard here, in Unix time.", _TERMINAL
)
TERMINAL_CLOSED = Gauge(
    "mostrador_terminal_closed_timestamp_seconds", "When a terminal last said here that it closes.", _TERMINAL
)
TERMINAL_QUEUE = Gauge(
    "mostrador_terminal_queue_sales",
    "Acts (sales and others) that waited in a terminal when it was last heard here.",
    _TERMINAL,
)

TERMINAL_HEALED = Counter(
    "mostrador_terminal_healed_rows",
    "Rows of terminals' copies that differed from the database without an event on its way, and were put right.",
    ["copy"],
)

RATE_LIMITED = Counter("mostrador_rate_limited", "Requests refused with 429, by the limit that they met.", ["policy"])
REDIS_UP = Gauge("mostrador_redis_up", "0 while the Redis of REDIS_URL does not answer; 1 also when none is set.")
REDIS_UP.set(1)
CACHE_REQUESTS = Counter(
    "mostrador_cache_requests",
    "Uses of views: hit, miss (computed and kept), away (computed because Redis is away).",
    ["view", "result"],
)

DRIFT = Gauge(
    "inventory_drift_units",
    "Units by which counters of stock differ from the sums of their movements and holds. Must be 0.",
)

DRIFT_ROWS = Counter("inventory_drift_rows_checked", "Rows of stock that were compared with their movements and holds.")
DRIFT_PASSED = Gauge("inventory_drift_pass_timestamp_seconds", "When all rows had last been compared, in Unix time.")


class MetricsPortTaken(MostradorError):
    """The port for metrics cannot be listened on."""

    code = "metrics_port_taken"


@asynccontextmanager
async def exposed(host: str, port: int) -> AsyncIterator[int]:
    """Answer Prometheus at http://host:port/metrics until the end of the block; the port (`port` 0 takes a free one).

    A port of its own, because the numbers are not for the public: it is not behind the load balancer, which also would
    ask another server each time; and a thread of its own, which answers also when the event loop is stuck.

    Raises MetricsPortTaken.
    """
    try:
        server, thread = start_http_server(port, host)
    except (OSError, UnicodeError) as error:  # UnicodeError: a name that DNS cannot have
        reason = error.strerror if isinstance(error, OSError) else "no such host"
        raise MetricsPortTaken(
            f"Metrics cannot be served on {host}:{port}: {reason}; choose another METRICS_PORT.", port=port
        ) from error
    try:
        yield server.server_port
    finally:
        await asyncio.to_thread(server.shutdown)
        server.server_close()
        thread.join()
