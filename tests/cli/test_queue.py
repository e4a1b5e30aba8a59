"""`mostrador queue`: what a terminal could not send is listed, and carried to another one that sends it once."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from backend.embedded.files import FileLock
from backend.ids import new_id
from backend.main import mostrador
from backend.model.answers import Code, Refusal
from backend.model.commands import Command, SaleLine
from backend.model.verbs.adjust import Adjust
from backend.model.verbs.sell import Sell
from backend.terminal.journal import Journal, KeptAct

SERVER = "https://shop.example:8000"


def selling(number: str) -> list[Command]:
    return [Sell(id=new_id(), store_id="292", lines=(SaleLine("1041", 2, 119),), receipt_number=number)]


def journal_of(data: Path, slot: str = "T1") -> Journal:
    return Journal(data / "fleets" / "shop.example_8000" / "terminals" / f"{slot}.db", slot)


@pytest.fixture
def dead(tmp_path: Path) -> tuple[Path, list[KeptAct]]:
    """The data of a terminal that died with a sale, a correction and a refused sale."""
    journal = journal_of(tmp_path / "dead")
    adjust = Adjust(id=new_id(), store_id="292", product_id="1041", adjustment=-1, reason="broken")
    kept = [
        journal.keep("292", 238, selling, actor="ana"),
        journal.keep_act([adjust], "luis"),
        journal.keep("292", 238, selling, actor="ana"),
    ]
    journal.refused(kept[2].id, Refusal(Code.INSUFFICIENT_STOCK, "None left."))
    journal.close()
    return tmp_path / "dead", kept


def run(*arguments: object, data: Path, said: str = "") -> Result:
    command = ["queue", *map(str, arguments), "--server", SERVER, "--data", str(data)]
    return CliRunner().invoke(mostrador, command, input=said)


def test_the_list_names_what_waits_and_what_was_refused(dead: tuple[Path, list[KeptAct]]) -> None:
    data, kept = dead
    shown = json.loads(run("list", "--json", data=data).output)
    assert [(x["sequence"], x["kind"], x["actor"], x["refused"]) for x in shown] == [
        (1, "sell", "ana", ""),
        (2, "adjust", "luis", ""),
        (3, "sell", "ana", "insufficient_stock"),
    ]
    assert "292-T1-000001" in run("list", data=data).output
    assert "answered" in run("list", data=data.parent / "new").output
    assert len(kept) == 3


def test_a_file_carries_the_queue_to_another_terminal_once(dead: tuple[Path, list[KeptAct]], tmp_path: Path) -> None:
    data, kept = dead
    file, other = tmp_path / "unsent.json", tmp_path / "other"
    assert run("export", file, data=data).exit_code == 0
    assert file.stat().st_mode & 0o077 == 0
    assert run("export", file, data=data).exit_code != 0  # never over another file
    asked = run("import", file, data=other, said="n\n")
    assert "3 acts of ana, luis" in asked.output
    assert asked.exit_code != 0
    assert run("import", file, "--json", data=other).exit_code != 0  # nobody can be asked
    own = journal_of(other)
    mine = own.keep("292", 238, selling, actor="eva")
    own.close()
    done = json.loads(run("import", file, "--json", "--yes", data=other).output)
    assert (done["acts"], done["known"], done["people"]) == (3, 0, ["ana", "luis"])

    journal = journal_of(other)
    assert [(x.id, x.sequence, x.actor) for x in journal.acts()] == [
        (mine.id, 1, "eva"),
        (kept[0].id, 2, "ana"),
        (kept[1].id, 3, "luis"),
    ]
    assert [x.id for x in journal.conflicts()] == [kept[2].id]
    assert journal.acts()[1].commands == kept[0].commands
    for act in kept:
        journal.answered(act.id)
    journal.close()
    # Answered in the meantime, and imported again by mistake: nothing waits anew.
    done = json.loads(run("import", file, "--json", "--yes", data=other).output)
    assert (done["acts"], done["known"]) == (0, 3)


def test_a_changed_file_and_one_of_another_fleet_are_refused(dead: tuple[Path, list[KeptAct]], tmp_path: Path) -> None:
    data, _ = dead
    file = tmp_path / "unsent.json"
    run("export", file, data=data)
    content = file.read_bytes()
    for wrong, said in (
        (content.replace(b'"quantity":2', b'"quantity":9', 1), "changed"),
        (content[:-40], "no file of mostrador queue export"),
        (b"[]", "no file of mostrador queue export"),
    ):
        assert wrong != content
        file.write_bytes(wrong)
        refused = run("import", file, "--yes", data=tmp_path / "other")
        assert refused.exit_code != 0
        assert said in str(refused.exception) + refused.output
    file.write_bytes(content)
    command = ["queue", "import", str(file), "--yes", "--data", str(tmp_path / "other")]
    refused = CliRunner().invoke(mostrador, command)
    assert "is of shop.example_8000" in str(refused.exception) + refused.output


def test_nothing_is_imported_under_a_running_terminal(dead: tuple[Path, list[KeptAct]], tmp_path: Path) -> None:
    data, _ = dead
    file = tmp_path / "unsent.json"
    run("export", file, data=data)
    lock = FileLock(data / "fleets" / "shop.example_8000" / "terminals" / "T1.lock")
    assert lock.acquire()
    try:
        refused = run("import", file, "--yes", data=data)
    finally:
        lock.release()
    assert "is open" in str(refused.exception) + refused.output
