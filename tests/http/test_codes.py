"""The table of problems against the error classes that can reach a client, the ledger's refusals, and docs/api.md."""

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import backend.server  # noqa: F401  # loads every class that a server can raise
from backend.http.codes import PROBLEMS
from backend.model.answers import Code
from backend.model.errors import MostradorError

API_DOC = Path(__file__).parents[2] / "docs" / "api.md"
BEFORE_SERVING = {
    "archive_failed",  # `mostrador archive`
    "damaged_barcode",  # what a till's scanner reads
    "database_newer",
    "database_not_migrated",
    "grant_refused",  # what a terminal says that has a grant of another shop
    "metrics_port_taken",
    "nats_away",  # what `mostrador events` says
    "port_refused",
    "port_taken",
    "signing_key_damaged",
    "webhook_key_unfit",  # what the log and a dead letter say
    "worker_failed",
}
"""What stops a server from starting; no client hears of it."""


@cache
def served() -> set[str]:
    """The modules that a server loads, whatever the tests of this process have loaded."""
    program = "import sys, backend.server; print(*sys.modules)"
    return set(
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    )


def server_errors(base: type[MostradorError] = MostradorError) -> Iterator[type[MostradorError]]:
    for each in base.__subclasses__():
        if each.__module__ in served():
            yield each
        yield from server_errors(each)


@pytest.mark.slow
def test_every_error_that_can_reach_a_client_has_its_meaning() -> None:
    errors = {each.code: each for each in server_errors() if each.code != MostradorError.code}
    assert len(errors) > 15
    for code, error in errors.items():
        assert code in PROBLEMS or code in BEFORE_SERVING, (
            f"{error.__qualname__} has the code {code}, which clients can look up nowhere:"
            " give it an entry in PROBLEMS (backend/http/codes.py) and a line in docs/api.md,"
            " or name it in BEFORE_SERVING here"
        )
        if code in PROBLEMS:
            assert error.retryable == PROBLEMS[code].retryable, code
    assert set(Code) <= PROBLEMS.keys()


def test_every_meaning_is_a_whole_sentence() -> None:
    for code, meaning in PROBLEMS.items():
        assert 400 <= meaning.status < 600, code
        for text in (meaning.what, meaning.fix, meaning.detail):
            assert text.endswith("."), (code, text)


def test_the_documentation_lists_the_same_codes() -> None:
    lines = re.findall(r"^\| (\d{3}) \| `(\w+)` \|", API_DOC.read_text("utf-8"), re.MULTILINE)
    documented = {(code, int(status)) for status, code in lines}
    own = {"reservation_not_due"}  # the expiry loop's own
    assert documented == {(code, meaning.status) for code, meaning in PROBLEMS.items() if code not in own}, (
        "the table of codes in docs/api.md and PROBLEMS in backend/http/codes.py differ"
    )
