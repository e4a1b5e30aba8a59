import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.ids import new_id
from backend.model.answers import Code, Refusal, ShortLine
from backend.model.commands import Command, SaleLine
from backend.model.verbs.cancel import Cancel
from backend.model.verbs.sell import Sell
from backend.terminal.journal import Journal, JournalUnusable


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


def test_a_damaged_file_is_named_and_kept(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"This is no database." * 100)
    with pytest.raises(JournalUnusable) as refused:
        Journal(path, "T1")
    assert refused.value.fields == {"reason": "damaged", "path": str(path)}
    assert path.exists()


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
