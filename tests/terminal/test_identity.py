"""Which terminal a machine is, and that nothing it kept under an older name is lost."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.ids import new_id
from backend.model.answers import Code, Refusal
from backend.model.commands import Command, SaleLine
from backend.model.verbs.sell import Sell
from backend.terminal.api import TerminalRemoved
from backend.terminal.identity import Identity, adopt_older, place_of
from backend.terminal.journal import Journal

from .fake_server import FakeServer

FLEET = Identity("T1", is_own_shop=False)


def selling(receipt_number: str) -> list[Command]:
    return [Sell(id=new_id(), store_id="292", lines=(SaleLine("1041", 2, 119),), receipt_number=receipt_number)]


@pytest.fixture
def server() -> FakeServer:
    server = FakeServer()
    server.series = ["7K3QPM", "0ABCDE", "ZZZZZZ"]
    return server


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "terminals"
    path.mkdir()
    return path


@pytest.fixture
def journal(directory: Path) -> Iterator[Journal]:
    journal = Journal(directory / "T1.db", "T1")
    yield journal
    journal.close()


async def sign_in(identity: Identity, server: FakeServer, journal: Journal, directory: Path) -> str:
    api = server.api()
    session = await identity.sign_in(api, journal, place_of(directory), "ana", "1234", "292")
    await api.close()
    return session.terminal_id


async def test_a_terminal_keeps_the_id_that_the_server_gave_it(
    server: FakeServer, journal: Journal, directory: Path
) -> None:
    assert await sign_in(FLEET, server, journal, directory) == "7K3QPM"
    assert await sign_in(FLEET, server, journal, directory) == "7K3QPM"
    assert journal.keep("292", 238, selling).receipt_number == "292-7K3QPM-000001"
    # A store's long id does not make the number longer than the server takes.
    assert journal.keep("s" * 32, 238, selling).receipt_number == "7K3QPM-000001"


async def test_pain_15_two_machines_get_two_ids_whatever_they_are_called(
    server: FakeServer, journal: Journal, directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "caja.de-la.tienda-número-veintisiete")
    other_directory = tmp_path / "other"
    other = Journal(other_directory / "T1.db", "T1")
    ids = [
        await sign_in(FLEET, server, journal, directory),
        await sign_in(FLEET, server, other, other_directory),
    ]
    numbers = [x.keep("292", 238, selling).receipt_number for x in (journal, other)]
    other.close()
    assert ids == ["7K3QPM", "0ABCDE"]
    assert len(set(numbers)) == 2


async def test_a_copied_directory_is_another_terminal(
    server: FakeServer, journal: Journal, directory: Path, tmp_path: Path
) -> None:
    assert await sign_in(FLEET, server, journal, directory) == "7K3QPM"
    journal.keep("292", 238, selling)
    journal.close()
    shutil.copytree(directory, tmp_path / "copy")
    copy = Journal(tmp_path / "copy" / "T1.db", "T1")
    assert await sign_in(FLEET, server, copy, tmp_path / "copy") == "0ABCDE"
    assert copy.keep("292", 238, selling).receipt_number == "292-0ABCDE-000002"
    copy.close()


async def test_a_file_that_was_lost_takes_its_series_with_it(
    server: FakeServer, directory: Path, tmp_path: Path
) -> None:
    for expected in ("7K3QPM", "0ABCDE"):
        journal = Journal(directory / "T1.db", "T1")
        assert await sign_in(FLEET, server, journal, directory) == expected
        journal.close()
        (directory / "T1.db").unlink()


async def test_an_enrolled_terminal_shows_its_key(server: FakeServer, journal: Journal, directory: Path) -> None:
    enrolled = Identity("T1", is_own_shop=False, key="mk_1.good")
    server.enrolled = {"mk_1.good": "T9"}
    assert await sign_in(enrolled, server, journal, directory) == "T9"
    assert journal.keep("292", 238, selling).receipt_number == "292-7K3QPM-000001"
    server.enrolled = {}
    with pytest.raises(TerminalRemoved):
        await sign_in(enrolled, server, journal, directory)
    assert len(journal.waiting()) == 1


async def test_in_its_own_shop_the_terminal_is_called_by_its_slot(
    server: FakeServer, journal: Journal, directory: Path
) -> None:
    assert await sign_in(Identity("T1", is_own_shop=True), server, journal, directory) == "T1"
    assert journal.keep("292", 238, selling).receipt_number == "292-T1-000001"


def test_what_files_named_by_the_host_keep_is_taken_over_once(journal: Journal, directory: Path) -> None:
    kept = []
    for host in ("caja", "caja-vieja"):
        older = Journal(directory / f"{host}-T1.db", f"{host}-T1")
        older.remember(store="292", user=host)
        kept += [older.keep("292", 238, selling), older.keep("292", 238, selling)]
        older.refused(kept[-1].id, Refusal(Code.INSUFFICIENT_STOCK, "None left."))
        older.close()
    other = Journal(directory / "caja-T11.db", "caja-T11")
    other.keep("292", 238, selling)
    other.close()

    adopt_older(journal, directory, "T1")
    adopt_older(journal, directory, "T1")
    assert {x.id for x in journal.waiting()} == {kept[0].id, kept[2].id}
    assert {x.id for x in journal.conflicts()} == {kept[1].id, kept[3].id}
    assert (journal.recall("store"), journal.recall("user")) == ("292", "caja")
    assert sorted(x.name for x in directory.glob("*.db")) == ["T1.db", "caja-T11.db"]


def test_an_older_file_that_cannot_be_read_is_kept_aside_and_told(journal: Journal, directory: Path) -> None:
    older = directory / "caja-T1.db"
    content = b"no database, but somebody's sales perhaps" * 100
    older.write_bytes(content)
    adopt_older(journal, directory, "T1")
    assert journal.rescued is not None
    assert journal.rescued.path.read_bytes() == content


def test_taking_over_twice_after_a_crash_doubles_nothing(journal: Journal, directory: Path) -> None:
    older = Journal(directory / "caja-T1.db", "caja-T1")
    older.keep("292", 238, selling)
    journal.take_over(older)
    journal.take_over(older)  # the program died before the file was put aside
    older.close()
    assert len(journal.waiting()) == 1
    with sqlite3.connect(directory / "T1.db") as db:
        assert db.execute("SELECT count(*) FROM acts").fetchone() == (1,)
