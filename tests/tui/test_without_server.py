"""The program with no server at all: who was here before goes on selling, and nobody else."""

from pathlib import Path

from msgspec import UNSET
from textual.widgets import Input, Select

from backend.model.allotments import Beyond
from backend.terminal.live import Link
from backend.terminal.values import Policy
from tests.terminal.fake_nats import FakeNats

from .conftest import Counter, Opening

MILK = "2000000010410"


async def fill(c: Counter, user: str, pin: str) -> None:
    form = c.app.screen
    form.query_one("#store", Select).value = "292"
    form.query_one("#user", Input).value = user
    form.query_one("#pin", Input).value = pin
    await c.pilot.pause()
    await c.press("f9")


async def test_it_starts_at_the_sign_in_and_says_who_may(counter: Opening, tmp_path: Path, bus: FakeNats) -> None:
    async with counter():
        pass
    c = Counter(tmp_path, bus)
    c.server.away = True
    async with c.app.run_test(size=(80, 24)) as c.pilot:
        await c.on("SignInScreen")
        await c.shows("No server answers. Until one does, only these can", "here: ana.")
        await fill(c, "luis", "1234")
        await c.shows("luis has not signed in here in the last 72 hours")
        await fill(c, "ana", "0000")
        await c.shows("The user or the PIN is wrong")
        await fill(c, "ana", "1234")
        await c.on("SellScreen")
        await c.shows("Welcome, Ana. No server answers", "OFFLINE")
        c.server.pins = {"ana": "1234"}
        c.server.away = False
        await c.until(lambda: c.desk.live.link is Link.ONLINE)
        assert c.desk.session.access_token
        c.scan(MILK)
        await c.shows("Whole milk", "HOLD")
    assert c.app.shared.failures == []


async def test_it_notices_a_server_that_comes_back(counter: Opening, tmp_path: Path, bus: FakeNats) -> None:
    async with counter():
        pass
    c = Counter(tmp_path, bus)
    c.server.away = True
    async with c.app.run_test(size=(80, 24)) as c.pilot:
        await c.on("SignInScreen")
        await c.shows("No server answers.")
        assert c.app.screen.query_one("#store", Select).value == "292"
        c.server.away = False
        await c.until(lambda: "No server answers." not in c.text)
        await fill(c, "luis", "1234")
        await c.on("SellScreen")
    assert c.app.shared.failures == []


async def test_who_is_refused_later_signs_in_again_and_keeps_the_sale(
    counter: Opening, tmp_path: Path, bus: FakeNats
) -> None:
    async with counter():
        pass
    c = Counter(tmp_path, bus)
    c.server.away = True
    async with c.app.run_test(size=(80, 24)) as c.pilot:
        await c.on("SignInScreen")
        await fill(c, "ana", "1234")
        await c.on("SellScreen")
        c.server.pins["ana"] = "5678"
        c.server.away = False
        await c.on("SignInScreen")
        await c.shows("Your session has ended")
        c.app.screen.query_one("#pin", Input).value = "5678"
        await c.press("f9")
        await c.on("SellScreen")
        await c.until(lambda: c.desk.live.link is Link.ONLINE)
    assert c.app.shared.failures == []


async def test_after_signing_out_the_next_one_is_told_too(counter: Opening, tmp_path: Path, bus: FakeNats) -> None:
    async with counter() as c:
        c.server.away = True
        await c.press("escape")
        await c.on("Ask")
        await c.press("delete")
        await c.on("SignInScreen")
        await c.shows("No server answers.", "here: ana.")


async def test_beyond_what_is_kept_a_supervisor_types_a_pin(counter: Opening) -> None:
    async with counter(signed_in=False) as c:
        c.server.policy = Policy(units=0, beyond=Beyond.SUPERVISOR)
        await c.on("SignInScreen")
        await fill(c, "luis", "1234")
        await c.on("SellScreen")
        await c.press("escape")
        await c.on("Ask")
        await c.press("delete")
        await c.on("SignInScreen")
        await fill(c, "ana", "1234")
        await c.on("SellScreen")
        await c.until(lambda: c.desk.live.cache.is_complete and c.desk.keeping.policies.default.units == 0)
        c.server.away = True
        c.desk.live.check()
        await c.until(lambda: c.desk.is_away)
        c.scan(MILK)
        await c.shows("Whole milk", "NOT HELD")
        await c.press("f9")
        await c.on("ApproveScreen")
        await c.shows("A supervisor must agree", "0 of 1 are kept here")
        await c.press(*"luis", "enter", *"0000", "enter")
        await c.on("SellScreen")
        await c.until(lambda: "wrong" in c.message)
        assert c.desk.cart.units == 1
        await c.press("f9")
        await c.on("ApproveScreen")
        await c.press(*"luis", "enter", *"1234", "f9")
        await c.shows("KEPT, NOT SENT YET")
        c.server.away = False
        await c.until(lambda: c.server.sales)
    [sale] = c.server.sales
    assert sale.offline is not UNSET
    assert (sale.offline.approved_by, sale.offline.guaranteed) == ("luis", False)
