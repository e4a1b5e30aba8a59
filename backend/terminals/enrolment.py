"""Trading an enrolment code for a terminal's own key: once, and with few guesses."""

from datetime import timedelta

import structlog
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.auth import enrolment_codes, lockout
from backend.auth.api_keys import ApiKey
from backend.auth.roles import TERMINAL
from backend.database.audit_trail import Origin, record
from backend.database.engine import Database
from backend.database.once import Attempt, run_once
from backend.database.reads import moment, reading
from backend.database.writes import writing
from backend.keys.queries import StoredKey, add_key
from backend.model.errors import MostradorError
from backend.people.failures import count_failure, failures_of, forgive

from .queries import enrol_terminal

log = structlog.get_logger(__name__)


class CodeRefused(MostradorError):
    """The enrolment code is wrong, used or too old; which of these is nobody's business."""

    code = "enrolment_refused"

    def __init__(self) -> None:
        super().__init__("This enrolment code is not valid; ask a supervisor for a new one.")


class EnrolmentLocked(MostradorError):
    """Too many wrong codes from this address; `retry_after` is in seconds."""

    code = "enrolment_locked"
    retryable = True

    def __init__(self, wait: timedelta) -> None:
        seconds = 1 + int(wait.total_seconds())
        super().__init__(f"Too many wrong codes came from this address; try again in {seconds} s.", retry_after=seconds)


class Enrolled(Struct, frozen=True):
    """A terminal with its key, which cannot be shown again."""

    store_id: str
    terminal_id: str
    name: str
    key: str


async def enrol(db: Database, origin: Origin, typed: str, attempt: Attempt | None) -> Enrolled:
    """Returns the terminal of a code that was typed. Raises InvalidInput, CodeRefused or EnrolmentLocked."""
    code_hash = enrolment_codes.hash_of(typed)
    subject = f"enrol:{lockout.network_of(origin.address)}" if origin.address else "enrol:"
    await _check_lock(db, subject)

    async def effect(connection: AsyncConnection) -> Enrolled:
        key = ApiKey.make()
        terminal = await enrol_terminal(connection, code_hash, key.id)
        if terminal is None:
            raise CodeRefused
        stored = StoredKey(
            key.id,
            f"Terminal {terminal.terminal_id}",
            tuple(sorted(TERMINAL)),
            (terminal.store_id,),
            terminal.terminal_id,
            terminal.created_by,
            await moment(connection),
            None,
        )
        await add_key(connection, stored, key.digest)
        await forgive(connection, subject)
        by = Origin(f"key:{key.id}", terminal.terminal_id, origin.address, origin.request_id)
        where = f"terminal:{terminal.terminal_id}"
        await record(connection, by, "terminal.enrol", where, store_id=terminal.store_id, after=stored)
        return Enrolled(terminal.store_id, terminal.terminal_id, terminal.name, str(key))

    try:
        return await run_once(db, attempt, effect, Enrolled)
    except CodeRefused:
        async with writing(db) as connection:
            await count_failure(connection, {subject: lockout.ENROLMENT.memory})
        log.warning("enrolment_refused", address=origin.address)
        raise


async def _check_lock(db: Database, subject: str) -> None:
    async with reading(db) as connection:
        failures = await failures_of(connection, [subject])
    wait = max((lockout.ENROLMENT.lock(x.count) - x.ago for x in failures), default=timedelta(0))
    if wait > timedelta(0):
        raise EnrolmentLocked(wait)
