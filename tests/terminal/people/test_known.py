"""Who is let in without a server: with the right PIN, in time, at this terminal, and whatever is done to the file."""

import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import json, structs

from backend.auth.grants import GrantRefused
from backend.auth.roles import EVERY_STORE
from backend.auth.tokens import Tokens
from backend.model.errors import MostradorError
from backend.model.scopes import Scope
from backend.terminal.people.clock import ForwardClock
from backend.terminal.people.errors import (
    GrantExpired,
    NoGrant,
    PeopleUnusable,
    PinLocked,
    PinSpent,
    PinWrong,
    ScopeNotGranted,
    StoreNotGranted,
)
from backend.terminal.people.file import MOST
from backend.terminal.people.known import SPENT, Here, KnownPeople
from backend.terminal.people.sealing import seal
from backend.terminal.values import Offline, Session
from tests.terminal.fake_server import SESSION, FakeServer

HERE = Here("T1", "this place")
ANA = structs.replace(SESSION, terminal_id="T1")
LUIS = structs.replace(ANA, user="luis", display_name="Luis", role="supervisor")
HOUR = 3600.0


class Terminal:
    """A terminal's file, its clock, which anybody may set, and the server it knew."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.server = FakeServer()
        self.wall = time.time()
        self.up = 0.0
        self.people = self._open()

    def _open(self) -> KnownPeople:
        return KnownPeople(self.path, ForwardClock(lambda: self.wall, lambda: self.up))

    def restart(self) -> None:
        self.people.close()
        self.up = 0.0
        self.people = self._open()

    def wait(self, seconds: float) -> None:
        self.wall += seconds
        self.up += seconds

    def keep(self, session: Session = ANA, pin: str = "1234", key: str = "", **changes: object) -> Offline:
        offline = self.server.grant(session, key, **changes)
        self.people.keep(HERE, session, offline, pin)
        return offline

    def let_in(self, user: str = "ana", pin: str = "1234", store_id: str = "292", here: Here = HERE) -> Session:
        return self.people.let_in(here, user, pin, store_id)

    def refused(self, error: type[MostradorError], user: str = "ana", pin: str = "1234", store_id: str = "292") -> None:
        with pytest.raises(error):
            self.let_in(user, pin, store_id)

    def write(self, sql: str, *values: object) -> None:
        with sqlite3.connect(self.path) as db:
            db.execute(sql, values)
        db.close()


@pytest.fixture
def till(tmp_path: Path) -> Iterator[Terminal]:
    till = Terminal(tmp_path / "T1.people")
    yield till
    till.people.close()


def test_who_signed_in_here_is_let_in_as_who_the_server_said(till: Terminal) -> None:
    till.keep()
    till.restart()
    session = till.let_in(store_id="406")
    assert (session.user, session.display_name, session.role) == ("ana", "Ana", "clerk")
    assert (session.store_id, session.store_name, session.terminal_id) == ("406", "Old Town", "T1")
    assert session.stores == SESSION.stores
    assert (session.access_token, session.refresh_token, session.offline) == ("", "", None)
    assert [x.user for x in till.people.granted(HERE)] == ["ana"]


def test_nobody_else_is(till: Terminal) -> None:
    till.refused(NoGrant)
    till.keep()
    till.refused(NoGrant, "luis")
    till.refused(PinWrong, pin="1235")
    till.refused(StoreNotGranted, store_id="999")


def test_the_pin_and_the_secret_are_nowhere_in_the_file(till: Terminal) -> None:
    offline = till.keep(pin="83519247")
    till.let_in(pin="83519247")
    till.people.close()
    content = b"".join(path.read_bytes() for path in till.path.parent.iterdir())
    assert offline.grant.encode() in content
    assert b"83519247" not in content
    assert offline.secret.encode() not in content
    assert till.path.stat().st_mode & 0o777 == 0o600
    till.restart()


def test_a_grant_lasts_as_long_as_it_says(till: Terminal) -> None:
    till.keep()
    till.wait(71.9 * HOUR)
    till.let_in()
    till.wait(0.2 * HOUR)
    till.refused(GrantExpired)
    assert till.people.granted(HERE) == []


def test_a_clock_set_back_prolongs_nothing(till: Terminal) -> None:
    till.keep()
    till.wait(71 * HOUR)
    till.let_in()
    till.wall -= 240 * HOUR
    till.let_in()
    till.restart()  # the latest time seen is on disk
    till.let_in()
    till.wait(1.1 * HOUR)
    till.refused(GrantExpired)
    till.restart()
    till.refused(GrantExpired)


def test_a_clock_set_forward_is_put_right_by_the_next_sign_in_with_a_server(till: Terminal) -> None:
    till.keep()
    for _ in range(6):
        with pytest.raises(MostradorError):
            till.let_in(pin="0000")
    right = till.wall
    till.wall += 10 * 365 * 24 * HOUR
    till.refused(GrantExpired)
    till.wall = right
    till.refused(GrantExpired)
    till.keep(LUIS)
    till.refused(PinLocked)  # not for ten years
    till.wait(0.5 * HOUR)
    till.let_in()


def test_wrong_pins_wait_longer_and_longer_over_restarts_and_then_end_it(till: Terminal) -> None:
    till.keep()
    waits = []
    wrong = 0
    while wrong < SPENT:
        try:
            till.let_in(pin=f"{wrong:04}")
        except PinWrong:
            wrong += 1
        except PinLocked as locked:
            waits.append(int(str(locked.fields["retry_after"])))
            till.restart()
            till.refused(PinLocked)  # not even the right one
            till.wait(waits[-1])
    assert waits[:4] == [16, 31, 61, 121]
    assert waits == sorted(waits)
    assert waits[-1] == 15 * 60 + 1
    till.wait(48 * HOUR)
    till.refused(PinSpent)
    till.keep()
    till.let_in()


def test_the_right_pin_forgives_the_wrong_ones(till: Terminal) -> None:
    till.keep()
    for _ in range(5):
        for _ in range(4):
            till.refused(PinWrong, pin="0000")
        till.let_in()


def test_a_failure_counts_before_the_pin_is_tried(till: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or killing the program while it calculates would give a try for nothing."""
    till.keep()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("backend.terminal.people.known.unseal", killed)
    for _ in range(5):
        with pytest.raises(KeyboardInterrupt):
            till.let_in()
    monkeypatch.undo()
    till.restart()
    till.refused(PinLocked)


def test_nobody_is_let_in_when_failures_cannot_be_counted(till: Terminal) -> None:
    till.keep()
    holder = sqlite3.connect(till.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    till.refused(PeopleUnusable)
    holder.rollback()
    holder.close()
    till.let_in()


def test_another_terminals_grant_is_refused(till: Terminal, tmp_path: Path) -> None:
    till.keep()
    for here in (Here("T2", HERE.place), Here("T1", "another place")):
        with pytest.raises(NoGrant):
            till.let_in(here=here)
        assert till.people.granted(here) == []
    till.people.close()
    shutil.copyfile(till.path, tmp_path / "T2.people")
    copy = KnownPeople(tmp_path / "T2.people")
    with pytest.raises(NoGrant):
        copy.let_in(Here("T2", HERE.place), "ana", "1234", "292")
    copy.close()
    till.restart()
    with pytest.raises(GrantRefused):
        till.people.keep(Here("T2", HERE.place), ANA, till.server.grant(ANA), "1234")


def test_at_an_enrolled_terminal_it_opens_the_terminals_store_only(till: Terminal) -> None:
    till.keep(key="mk_1.good")
    till.let_in()
    till.refused(StoreNotGranted, store_id="406")
    (ana,) = till.people.granted(HERE)
    assert [store.id for store in ana.stores] == ["292"]


def test_a_supervisor_approves_what_their_grant_allows(till: Terminal) -> None:
    till.keep()
    till.keep(LUIS, "9876")
    till.people.approve(HERE, "luis", "9876", "292", Scope.SALES_SETTLE)
    for error, user, pin, store in (
        (ScopeNotGranted, "ana", "1234", "292"),
        (PinWrong, "luis", "1234", "292"),
        (StoreNotGranted, "luis", "9876", "999"),
        (NoGrant, "eva", "1234", "292"),
    ):
        with pytest.raises(error):
            till.people.approve(HERE, user, pin, store, Scope.SALES_SETTLE)


# Somebody writes in the file.


def test_a_pin_of_ones_own_under_somebody_elses_grant_opens_nothing(till: Terminal) -> None:
    """The clerk knows how to seal, has luis' grant in plain sight and the secret of their own grant."""
    own = till.keep()
    till.keep(LUIS, "9876")
    with sqlite3.connect(till.path) as db:
        (record,) = db.execute("SELECT record FROM people WHERE name = 'luis'").fetchone()
        (mine,) = db.execute("SELECT record FROM people WHERE name = 'ana'").fetchone()
    db.close()
    forged = json.decode(record)
    sealed = json.decode(json.encode(seal("1234", own.secret)))
    for content in (json.encode(forged | {"sealed": sealed}), mine):
        till.write("UPDATE people SET record = ? WHERE name = 'luis'", content)
        till.refused(NoGrant, "luis", "1234")  # it opens, and what is in it is not the secret of luis' grant


def test_a_grant_renamed_or_exchanged_opens_nothing(till: Terminal) -> None:
    till.keep()
    till.keep(LUIS, "9876")
    till.write("UPDATE people SET grant_token = (SELECT grant_token FROM people WHERE name = 'luis')")
    till.refused(NoGrant)
    till.write("DELETE FROM people WHERE name = 'luis'")
    till.write("UPDATE people SET name = 'luis'")
    till.refused(NoGrant, "luis")


@pytest.mark.parametrize(
    "claims",
    [{"role": "admin"}, {"stores": [EVERY_STORE]}, {"exp": 10**10}, {"scopes": ["stock:write"]}, {"terminal_id": "T2"}],
)
def test_a_grant_by_another_key_opens_nothing(till: Terminal, claims: dict[str, Any]) -> None:
    till.keep()
    till.server.tokens = Tokens(Ed25519PrivateKey.generate())
    till.write("UPDATE people SET grant_token = ?", till.server.grant(ANA, "", **claims).grant)
    till.refused(NoGrant)


@pytest.mark.parametrize("column", ["place", "grant_token", "record", "failures", "failed_at"])
def test_a_damaged_row_breaks_nothing(till: Terminal, column: str) -> None:
    till.keep(LUIS, "9876")
    for value in ("", "text", b"", b"\xff\x00", b"{}", b"[" * 5000, -5, 0, 2**62, 1e300, -1e300, float("inf")):
        till.keep()
        till.write(f"UPDATE people SET {column} = ? WHERE name = 'ana'", value)
        if column in ("place", "grant_token", "record"):
            till.refused(NoGrant)
        else:
            with suppress(MostradorError):
                till.let_in()
        till.let_in("luis", "9876")


def test_a_damaged_file_is_set_aside_and_begun_anew(till: Terminal) -> None:
    till.keep()
    till.people.close()
    till.path.write_bytes(b"no database at all, but long enough to be read as one" * 20)
    till.people = till._open()
    till.refused(NoGrant)
    till.keep()
    till.let_in()
    assert till.path.with_name("T1.people.damaged").exists()


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "T1.people").mkdir()
    with pytest.raises(PeopleUnusable):
        KnownPeople(tmp_path / "T1.people")


# What servers say later.


def test_what_a_server_calls_bad_is_forgotten_but_not_what_followed_it(till: Terminal) -> None:
    old = till.keep(iat=5)
    new = till.keep()
    till.keep(LUIS, "9876")
    till.people.forget(old.grant)
    till.let_in()
    till.people.forget(new.grant)
    till.refused(NoGrant)
    till.people.forget_person("nobody")
    till.let_in("luis", "9876")
    till.people.forget_all()
    till.refused(NoGrant, "luis", "9876")
    assert till.people.grants() == []


def test_only_so_many_people_are_kept(till: Terminal) -> None:
    for number in range(MOST + 1):
        till.wait(1)
        till.keep(structs.replace(ANA, user=f"user-{number}"))
    assert len(till.people.grants()) == MOST
    till.refused(NoGrant, "user-0")
    till.let_in("user-1")
