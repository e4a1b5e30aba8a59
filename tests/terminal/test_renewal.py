import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import nats
import pytest

from backend.terminal.api import Api, ServerAway, SessionEnded
from backend.terminal.cache.cache import Cache
from backend.terminal.live import Link, Live
from backend.terminal.renewal import Renewal
from tests.eventually import eventually

from .fake_nats import FakeNats
from .fake_server import FakeServer, renewable


class Clock:
    """Time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of every renewal."""
    clock = Clock()
    init = Renewal.__init__
    monkeypatch.setattr(Renewal, "__init__", lambda self, session, ask: init(self, session, ask, clock))
    return clock


async def test_a_token_is_renewed_before_it_expires(server: FakeServer, clock: Clock) -> None:
    api = server.signed_in(renewable())
    clock.now = 0.6 * 600 - 1
    await api.live()
    assert api.token == "access 0"
    clock.now = 0.8 * 600
    await api.live()
    assert api.token == "access 1"
    assert server.requests == ["/live", "/auth/refresh", "/live"]


async def test_a_token_that_is_refused_is_renewed_and_the_call_repeated(server: FakeServer) -> None:
    api = server.signed_in(renewable())
    server.expired = {"access 0"}
    assert (await api.search("milk", "292", 10)).total == 2
    assert api.token == "access 1"


async def test_many_calls_at_once_renew_once(server: FakeServer) -> None:
    api = server.signed_in(renewable())
    server.expired = {"access 0"}
    await asyncio.gather(*(api.live() for _ in range(20)))
    assert len(server.renewals) == 1


async def test_a_day_of_work(server: FakeServer, clock: Clock) -> None:
    api = server.signed_in(renewable())
    for _ in range(12 * 60):
        clock.now += 60
        server.expired = {f"access {number}" for number in range(len(server.renewals))}
        await api.live()
    assert 12 * 60 / 8 <= len(server.renewals) <= 12 * 60 / 6


async def test_a_lost_answer_is_asked_for_again_under_the_same_key(server: FakeServer, clock: Clock) -> None:
    api = server.signed_in(renewable())
    clock.now, server.lose_answers = 500, 2
    await api.live()  # the token is still good
    assert api.token == "access 0"
    server.expired = {"access 0"}
    with pytest.raises(ServerAway):
        await api.live()
    await api.live()
    assert api.token == "access 1"
    assert len(server.renewals) == 1


async def test_a_caller_that_leaves_takes_no_answer_away(server: FakeServer) -> None:
    api = server.signed_in(renewable())
    server.expired = {"access 0"}
    call = asyncio.create_task(api.live())
    await eventually(lambda: server.requests)
    call.cancel()
    with suppress(asyncio.CancelledError):
        await call
    await api.live()
    assert len(server.renewals) == 1


async def test_a_session_that_is_over_is_not_renewed_for_ever(server: FakeServer) -> None:
    api = server.signed_in(renewable(7))  # an old token: the server ends the session
    server.expired = {"access 7"}
    for _ in range(3):
        with pytest.raises(SessionEnded):
            await api.live()
    assert server.requests.count("/auth/refresh") == 1


@pytest.mark.parametrize("leave", [Api.sign_out, Api.close])
async def test_leaving_waits_for_no_answer(server: FakeServer, leave: Callable[[Api], object]) -> None:
    api = server.signed_in(renewable())
    server.away = True
    await leave(api)  # type: ignore[misc]


async def test_signing_out_ends_the_session_at_the_server(server: FakeServer) -> None:
    api = server.signed_in(renewable())
    await api.sign_out()
    await api.sign_out()
    assert server.requests == ["/auth/sign-out"]
    assert api.token == ""


async def test_the_live_tail_moves_to_the_new_token_unseen(
    server: FakeServer, clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bus = FakeNats()
    monkeypatch.setattr(nats, "connect", bus.connect)
    cache = Cache(tmp_path / "copy.db", "292")
    live = Live(cache, server.signed_in(renewable()), renewable(), "T1")
    seen: set[Link] = set()
    became = live._became

    def note(link: Link) -> None:
        seen.add(link)
        became(link)

    monkeypatch.setattr(live, "_became", note)
    running = asyncio.create_task(live.run())
    await eventually(lambda: live.link is Link.ONLINE)
    clock.now = 500
    live.check()
    await eventually(lambda: bus.connections == 2 and live.link is Link.ONLINE)
    assert bus.options["token"] == "access 1"
    assert seen == {Link.ONLINE}
    running.cancel()
    await asyncio.wait([running])
    await cache.close()
