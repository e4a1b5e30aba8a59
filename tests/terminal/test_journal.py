import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from backend.ids import new_id
from backend.model.answers import Code, Refusal, ShortLine
from backend.model.commands import Command, SaleLine
from backend.model.verbs.adjust import Adjust
from backend.model.verbs.cancel import Cancel
from backend.model.verbs.sell import Sell
from backend.terminal.journal import Journal, JournalUnusable
from backend.terminal.lines import KeptLine
from backend.terminal.values import Product


def selling(receipt_number: str) -> list[Command]:
    return [
        Cancel(id=new_id(), store_id="292", reservation_id=new_id()),
        Sell(id=new_id(), store_id="292", lines=(SaleLine("1041", 2, 119),), receipt_number=receipt_number),
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "terminals" / "T1.db"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    journal = Journal(path, "T1")
    yield journal
    journal.close()


def test_receipts_are_numbered_per_store_and_terminal_across_starts(path: Path) -> None:
    numbers = []
    for store in ("292", "292", "406", "292"):
        journal = Journal(path, "T1")
        numbers.append(journal.keep(store, 238, selling).receipt_number)
        journal.close()
    assert numbers == ["292-T1-000001", "292-T1-000002", "406-T1-000001", "292-T1-000003"]


def test_a_kept_sale_is_there_after_a_restart_with_all_its_commands(journal: Journal, path: Path) -> None:
    kept = journal.keep("292", 238, selling)
    journal.close()
    again = Journal(path, "T1")
    [found] = again.waiting()
    again.close()
    assert found == kept
    assert found.sell.lines == (SaleLine("1041", 2, 119),)


def test_an_answered_sale_is_forgotten_and_its_number_stays_used(journal: Journal) -> None:
    journal.answered(journal.keep("292", 238, selling).id)
    assert journal.waiting() == []
    assert journal.keep("292", 238, selling).receipt_number == "292-T1-000002"


def test_a_sale_taken_back_gives_its_number_back_unless_a_later_one_was_given(journal: Journal) -> None:
    journal.take_back(journal.keep("292", 238, selling))
    first = journal.keep("292", 238, selling)
    second = journal.keep("292", 238, selling)
    journal.take_back(first)
    assert (first.receipt_number, second.receipt_number) == ("292-T1-000001", "292-T1-000002")
    assert journal.keep("292", 238, selling).receipt_number == "292-T1-000003"
    assert [x.receipt_number for x in journal.waiting()] == ["292-T1-000002", "292-T1-000003"]


def test_numbers_that_another_file_used_can_be_left_out(journal: Journal) -> None:
    journal.answered(journal.keep("292", 238, selling).id)
    journal.skip("292", 7)
    assert journal.keep("292", 238, selling).receipt_number == "292-T1-000009"


def test_a_refused_sale_stays_as_a_conflict_until_it_is_retried_or_settled(journal: Journal, path: Path) -> None:
    kept = journal.keep("292", 238, selling)
    refusal = Refusal(Code.INSUFFICIENT_STOCK, "Only 1 of 2.", (ShortLine("1041", 2, 1),))
    journal.refused(kept.id, refusal)
    assert journal.waiting() == []
    journal.close()
    journal = Journal(path, "T1")
    [conflict] = journal.conflicts()
    assert conflict.refusal == refusal
    retried = journal.replace(conflict.id, selling(conflict.receipt_number)[1:])
    assert (journal.conflicts(), journal.waiting()) == ([], [retried])
    assert (retried.receipt_number, retried.made_at) == (kept.receipt_number, kept.made_at)
    journal.refused(retried.id, refusal)
    journal.answered(retried.id)
    assert (journal.conflicts(), journal.waiting()) == ([], [])
    journal.close()


def test_small_things_are_remembered(journal: Journal) -> None:
    assert journal.recall("user") == ""
    journal.remember(user="ana", store="292")
    journal.remember(user="luis")
    assert (journal.recall("user"), journal.recall("store")) == ("luis", "292")


def test_commits_reach_the_disk_before_they_return(journal: Journal) -> None:
    assert journal._db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert journal._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_when_the_commands_cannot_be_made_no_number_is_taken(journal: Journal) -> None:
    def fails(_: str) -> list[Command]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        journal.keep("292", 238, fails)
    assert journal.keep("292", 238, selling).receipt_number == "292-T1-000001"


def test_a_full_disk_refuses_the_sale_and_keeps_the_number(journal: Journal) -> None:
    (pages,) = journal._db.execute("PRAGMA page_count").fetchone()
    journal._db.execute(f"PRAGMA max_page_count = {pages}")

    def large(receipt_number: str) -> list[Command]:
        lines = tuple(SaleLine(f"product-{x}", 1, 119) for x in range(500))
        return [Sell(id=new_id(), store_id="292", lines=lines, receipt_number=receipt_number)]

    with pytest.raises(JournalUnusable) as refused:
        journal.keep("292", 238, large)
    assert refused.value.fields["reason"] == "not_writable"
    journal._db.execute("PRAGMA max_page_count = 100000")
    assert journal.keep("292", 238, large).receipt_number == "292-T1-000001"


def test_a_file_of_a_newer_version_is_left_alone(journal: Journal, path: Path) -> None:
    journal.close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(JournalUnusable) as refused:
        Journal(path, "T1")
    assert refused.value.fields["reason"] == "newer"


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "terminals").write_text("a file where the folder should be")
    with pytest.raises(JournalUnusable) as refused:
        Journal(tmp_path / "terminals" / "T1.db", "T1")
    assert refused.value.fields["reason"] == "not_writable"


# The queue of every act.

VERSION_1 = """
CREATE TABLE series (store_id TEXT PRIMARY KEY, last INTEGER NOT NULL);
CREATE TABLE remembered (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE sales (
    id TEXT PRIMARY KEY,
    receipt_number TEXT NOT NULL,
    store_id TEXT NOT NULL,
    made_at TEXT NOT NULL,
    total_cents INTEGER NOT NULL,
    commands BLOB NOT NULL,
    refusal BLOB
);
INSERT INTO series VALUES ('292', 2);
INSERT INTO remembered VALUES ('user', 'ana');
PRAGMA user_version = 1;
"""


def adjust() -> Command:
    return Adjust(id=new_id(), store_id="292", product_id="1041", adjustment=-1, reason="broken")


def test_acts_of_all_kinds_are_numbered_in_one_order_and_a_number_is_never_used_again(path: Path) -> None:
    journal = Journal(path, "T1")
    kept = [journal.keep_act([adjust()], "ana"), journal.keep("292", 238, selling, actor="luis")]
    journal.take_back(journal.keep("292", 238, selling))
    journal.answered(kept[0].id)
    journal.close()
    journal = Journal(path, "T1")
    kept.append(journal.keep_act([adjust()], "eva"))
    assert [(x.sequence, x.kind, x.actor) for x in kept] == [
        (1, "adjust", "ana"),
        (2, "sell", "luis"),
        (4, "adjust", "eva"),
    ]
    assert journal.acts() == kept[1:]
    assert journal.waiting() == kept[1:2]
    journal.close()


def test_a_file_of_version_1_keeps_every_sale_in_order(path: Path) -> None:
    path.parent.mkdir()
    db = sqlite3.connect(path)
    db.executescript(VERSION_1)
    made = [selling("292-T1-000001"), selling("292-T1-000002"), selling("292-T1-000000")]
    refusal = Refusal(Code.INSUFFICIENT_STOCK, "None left.")
    for minute, commands in enumerate(made):
        db.execute(
            "INSERT INTO sales VALUES (?, ?, '292', ?, 238, ?, ?)",
            (
                str(commands[-1].id),
                commands[-1].receipt_number,  # type: ignore[attr-defined]  # a Sell has one
                f"2026-11-24T12:0{minute}:00+00:00",
                msgspec.json.encode(commands),
                msgspec.json.encode(refusal) if minute == 1 else None,
            ),
        )
    db.commit()
    db.close()
    for _ in range(2):
        journal = Journal(path, "T1")
        assert [x.commands for x in journal.acts()] == [made[0], made[2]]
        assert [x.sequence for x in journal.acts()] == [1, 3]
        [conflict] = journal.conflicts()
        assert (conflict.commands, conflict.refusal, conflict.total_cents) == (made[1], refusal, 238)
        assert journal.recall("user") == "ana"
        journal.close()
    journal = Journal(path, "T1")
    assert journal.keep("292", 238, selling).receipt_number == "292-T1-000003"
    journal.close()


def test_what_is_written_together_is_there_together_or_not_at_all(journal: Journal) -> None:
    acts = [journal.keep_act([adjust()], "ana") for _ in range(3)]

    def fails() -> None:
        with journal.together():
            journal.answered(acts[0].id)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert len(journal.acts()) == 3
    with journal.together():
        for act in acts:
            journal.answered(act.id)
    assert journal.acts() == []


def test_files_have_names_that_a_copy_keeps(path: Path, tmp_path: Path) -> None:
    names = []
    for each in (path, tmp_path / "other.db", path):
        journal = Journal(each, "T1")
        names.append(journal.name)
        journal.close()
    assert names[0] == names[2] != names[1]


def test_a_parked_sale_is_recalled_once_and_never_over_another_one(journal: Journal) -> None:
    line = KeptLine(Product("1041", "S1041", "Whole milk", Decimal("1.19")), 2, 0)
    encoded = {"1041": msgspec.json.encode(line)}
    journal.keep_lines("292", "ana", encoded, ())
    parked = journal.park("292", "the lady with the dog", "ana", [line])
    assert journal.open_sale("292") is None
    assert journal.parked("292") == [parked]
    assert journal.parked("406") == []
    journal.keep_lines("292", "luis", encoded, ())
    assert journal.recall_sale("292", parked.id, "luis") is None
    journal.keep_lines("292", "luis", {}, ["1041"])
    recalled = journal.recall_sale("292", parked.id, "luis")
    assert recalled is not None
    assert (recalled.lines, recalled.clerk) == ([line], "luis")
    assert journal.parked("292") == []
    assert journal.recall_sale("292", parked.id, "luis") is None
