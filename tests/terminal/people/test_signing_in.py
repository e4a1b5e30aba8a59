"""Signing in with and without a server, and what becomes of it when one answers again."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backend.model.errors import MostradorError
from backend.terminal.api import Api, ServerAway, ServerRefused, SessionEnded, TerminalRemoved
from backend.terminal.identity import Identity, place_of
from backend.terminal.journal import Journal
from backend.terminal.people import signing_in as module
from backend.terminal.people.clock import ForwardClock
from backend.terminal.people.errors import GrantExpired, NoGrant, PinWrong
from backend.terminal.people.known import KnownPeople
from backend.terminal.people.signing_in import SigningIn
from backend.terminal.values import Notice, Session
from tests.eventually import eventually
from tests.terminal.fake_server import FakeServer


class Till:
    """A terminal of a fleet, started anew by `start`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        self.server = FakeServer()
        self.server.series = ["7K3QPM", "0ABCDE"]
        self.said: list[Notice] = []
        self.opened: list[Session] = []
        self.ahead = 0.0
        self.key = self.enrolled_as = ""
        self.api: Api

    async def start(self) -> SigningIn:
        """The program starts, knowing what its files say."""
        self.api = self.server.api()
        self.journal = Journal(self.directory / "T1.db", "T1")
        clock = ForwardClock()
        clock._wall, wall = lambda: wall() + self.ahead, clock._wall
        self.people = KnownPeople(self.directory / "T1.people", clock)
        identity = Identity("T1", is_own_shop=False, key=self.key, enrolled_as=self.enrolled_as)
        place = place_of(self.directory)
        signing_in = SigningIn(self.api, self.journal, self.people, identity, place, self.said.append)
        signing_in.opened = self.opened.append
        return signing_in

    async def stop(self) -> None:
        await self.api.close()
        self.journal.close()
        self.people.close()

    async def restart(self) -> SigningIn:
        await self.stop()
        return await self.start()


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[Till]:
    till = Till(tmp_path / "terminals")
    yield till
    await till.stop()


async def was_here(till: Till) -> SigningIn:
    """Ana signed in while there was a server; now there is none, and the program was started again."""
    await (await till.start()).sign_in("ana", "1234", "292")
    till.server.away = True
    return await till.restart()


async def test_with_a_server_it_decides(till: Till) -> None:
    signing_in = await till.start()
    assert (await signing_in.stores())[1] == []
    with pytest.raises(ServerRefused, match="wrong"):
        await signing_in.sign_in("ana", "0000", "292")
    session = await signing_in.sign_in("ana", "1234", "292")
    assert session.access_token
    assert session.offline is None
    assert [one.user for one in await signing_in.granted()] == ["ana"]


async def test_without_one_only_those_who_were_here_are_let_in(till: Till) -> None:
    signing_in = await was_here(till)
    stores, granted = await signing_in.stores()
    assert {store.id for store in stores} == {"292", "319", "361", "406"}
    assert [one.display_name for one in granted] == ["Ana"]
    with pytest.raises(NoGrant):
        await signing_in.sign_in("luis", "1234", "292")
    with pytest.raises(PinWrong):
        await signing_in.sign_in("ana", "0000", "292")
    session = await signing_in.sign_in("ana", "1234", "292")
    assert (session.user, session.terminal_id, session.access_token) == ("ana", "7K3QPM", "")


async def test_a_terminal_that_knows_nobody_says_that_no_server_answers(till: Till) -> None:
    till.server.away = True
    signing_in = await till.start()
    with pytest.raises(ServerAway):
        await signing_in.stores()
    with pytest.raises(ServerAway):
        await signing_in.sign_in("ana", "1234", "292")


async def test_a_server_that_does_not_say_a_word_is_waited_for_a_moment_only(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    signing_in = await was_here(till)
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    till.server.away, till.server.silent = False, asyncio.Event()
    async with asyncio.timeout(10):
        assert len((await signing_in.stores())[1]) == 1
        assert (await signing_in.sign_in("ana", "1234", "292")).access_token == ""


@pytest.mark.parametrize(("status", "code"), [(503, "shutting_down"), (503, "database_away"), (502, ""), (302, "")])
async def test_what_says_nothing_of_the_person_is_no_answer(till: Till, status: int, code: str) -> None:
    signing_in = await was_here(till)
    till.server.away = False
    till.server.problem = {"status": status, "code": code}
    assert len((await signing_in.stores())[1]) == 1
    assert (await signing_in.sign_in("ana", "1234", "292")).access_token == ""


@pytest.mark.parametrize(("status", "code"), [(401, "sign_in_refused"), (429, "sign_in_locked"), (429, "rate_limited")])
async def test_what_a_server_refuses_is_not_gone_round(till: Till, status: int, code: str) -> None:
    signing_in = await was_here(till)
    till.server.away = False
    till.server.problem = {"status": status, "code": code}
    with pytest.raises(ServerRefused) as refused:
        await signing_in.sign_in("ana", "1234", "292")
    assert refused.value.code == code


async def test_when_a_server_answers_again_the_session_is_opened_without_a_word(till: Till) -> None:
    signing_in = await was_here(till)
    await signing_in.sign_in("ana", "1234", "292")
    with pytest.raises(ServerAway):
        await till.api.live()
    till.server.away = False
    await asyncio.gather(*(till.api.live() for _ in range(5)))
    assert till.server.requests.count("/auth/sign-in") == 1 + 1 + 1 + 1  # with it, away twice, and once for all
    (session,) = till.opened
    assert (session.user, session.terminal_id, session.access_token) == ("ana", "7K3QPM", till.api.token)
    assert till.api._renewal is not None
    assert till.api._renewal.open_first is None  # and with it the PIN is gone
    assert till.said == []


async def test_who_may_not_come_in_any_more_is_asked_and_their_grant_is_gone(till: Till) -> None:
    signing_in = await was_here(till)
    await signing_in.sign_in("ana", "1234", "292")
    till.server.pins["ana"] = "5678"
    till.server.away = False
    with pytest.raises(SessionEnded):
        await till.api.live()
    till.server.away = True
    with pytest.raises(ServerAway):
        await signing_in.sign_in("ana", "1234", "292")
    till.server.away = False
    await signing_in.sign_in("ana", "5678", "292")
    till.server.away = True
    with pytest.raises(PinWrong):
        await signing_in.sign_in("ana", "1234", "292")
    await signing_in.sign_in("ana", "5678", "292")


async def test_a_lock_at_the_server_ends_no_session(till: Till) -> None:
    signing_in = await was_here(till)
    await signing_in.sign_in("ana", "1234", "292")
    till.server.away, till.server.problem = False, {"status": 429, "code": "sign_in_locked"}
    with pytest.raises(ServerRefused) as refused:
        await till.api.live()
    assert refused.value.retryable
    till.server.problem = None
    await till.api.live()


@pytest.mark.parametrize("change", ["removed", "new pin"])
async def test_the_next_contact_revokes_the_grants_of_everybody(till: Till, change: str) -> None:
    signing_in = await till.start()
    await signing_in.sign_in("luis", "1234", "292")
    await signing_in.sign_in("ana", "1234", "292")
    running = asyncio.create_task(signing_in.run())
    if change == "removed":
        del till.server.pins["luis"]
    else:
        till.server.pins["luis"] = "5678"
    signing_in.hurry()
    await eventually(lambda: len(till.people.grants()) == 1)
    running.cancel()
    till.server.away = True
    with pytest.raises(NoGrant):
        await signing_in.sign_in("luis", "1234", "292")
    await signing_in.sign_in("ana", "1234", "292")


async def test_a_removed_terminal_forgets_everybody(till: Till) -> None:
    till.key, till.enrolled_as, till.server.enrolled = "mk_1.good", "T9", {"mk_1.good": "T9"}
    signing_in = await was_here(till)
    assert (await signing_in.sign_in("ana", "1234", "292")).terminal_id == "T9"
    till.server.away, till.server.enrolled = False, {}
    with pytest.raises(TerminalRemoved):
        await till.api.live()
    till.server.away = True
    assert await signing_in.granted() == []


async def test_files_copied_to_another_machine_let_nobody_in(till: Till, tmp_path: Path) -> None:
    await was_here(till)
    await till.stop()
    (tmp_path / "copy").mkdir()
    for file in till.directory.iterdir():
        (tmp_path / "copy" / file.name).write_bytes(file.read_bytes())
    till.directory = tmp_path / "copy"
    signing_in = await till.start()
    with pytest.raises(ServerAway):
        await signing_in.sign_in("ana", "1234", "292")


async def test_a_session_without_a_server_ends_with_its_grant(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY", 0.01)
    signing_in = await was_here(till)
    ended: list[MostradorError] = []
    signing_in.expired = ended.append
    await signing_in.sign_in("ana", "1234", "292")
    running = asyncio.create_task(signing_in.run())
    till.ahead = 73 * 3600
    await eventually(lambda: ended)
    running.cancel()
    assert len(ended) == 1
    with pytest.raises((GrantExpired, ServerAway)):
        await signing_in.sign_in("ana", "1234", "292")
