"""The counter of a fleet: the server says which terminal it is, and an older version's sales are sent."""

from datetime import datetime
from pathlib import Path

import pytest

from backend.ids import new_id
from backend.model.commands import Command, SaleLine
from backend.model.verbs.sell import Sell
from backend.terminal.journal import Journal
from tests.terminal.fake_nats import FakeNats
from tui.app import TerminalApp
from tui.words import Words

from .conftest import Counter


@pytest.mark.slow
async def test_the_terminal_is_called_as_the_server_says_and_sends_what_an_older_one_kept(
    tmp_path: Path, bus: FakeNats
) -> None:
    def selling(number: str) -> list[Command]:
        return [Sell(id=new_id(), store_id="292", lines=(SaleLine("1041", 2, 119),), receipt_number=number)]

    older = Journal(
        tmp_path / "terminals" / "caja-de-la-entrada-principal-2-T1.db", "caja-de-la-entrada-principal-2-T1"
    )
    older.keep("292", 238, selling)
    older.close()
    c = Counter(tmp_path, bus)
    c.server.series = ["7K3QPM"]
    c.app = TerminalApp(
        c._connect,
        data_dir=tmp_path,
        terminal_id="T1",
        words=Words("en"),
        in_fleet=True,
        make_api=c.server.api,
        clock=lambda: c.seconds,
        now=lambda: datetime(2026, 11, 24, 9, 41),
    )
    async with c.app.run_test(size=(80, 24)) as pilot:
        c.pilot = pilot
        await c.sign_in()
        await c.shows("7K3QPM")
        await c.until(lambda: len(c.server.sales) == 1)
    assert c.server.sales[0].receipt_number == "292-7K3QPM-000001"
    assert c.app.shared.failures == []
