"""A damaged file is set aside, and every act that can still be read goes on."""

import random
from pathlib import Path

import pytest

from backend.ids import new_id
from backend.model.answers import Code, Refusal
from backend.model.commands import Command, SaleLine
from backend.model.verbs.adjust import Adjust
from backend.model.verbs.sell import Sell
from backend.terminal.journal import Journal, KeptAct
from backend.terminal.journal.rescue import unfinished

PAGE = 4096


def selling(receipt_number: str) -> list[Command]:
    lines = tuple(SaleLine(f"product-{number}", 2, 119) for number in range(3))
    return [Sell(id=new_id(), store_id="292", lines=lines, receipt_number=receipt_number)]


def large(receipt_number: str) -> list[Command]:
    lines = tuple(SaleLine(f"product-{number}", 2, 119) for number in range(300))
    return [Sell(id=new_id(), store_id="292", lines=lines, receipt_number=receipt_number)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "terminals" / "T1.db"


def filled(path: Path, acts: int = 60) -> list[KeptAct]:
    """A file with acts, some of them long, one refused."""
    journal = Journal(path, "T1")
    kept: list[KeptAct] = []
    for number in range(acts):
        if number % 3:
            kept.append(journal.keep("292", 714, large if number % 7 == 0 else selling, actor="ana"))
        else:
            adjust = Adjust(id=new_id(), store_id="292", product_id="1041", adjustment=-1, reason="broken")
            kept.append(journal.keep_act([adjust], "ana"))
    journal.refused(kept[3].id, Refusal(Code.SCOPE_MISSING, "No."))
    journal.remember(user="ana", series="7K3QPM")
    journal.close()
    return kept


def reopened(path: Path) -> tuple[Journal, dict[str, list[Command]]]:
    journal = Journal(path, "T1")
    return journal, {str(x.id): x.commands for x in (*journal.acts(), *journal.refused_acts())}


@pytest.mark.parametrize("seed", range(8))
def test_overwritten_bytes_cost_only_what_they_hit(path: Path, seed: int) -> None:
    kept = filled(path)
    content = bytearray(path.read_bytes())
    at = random.Random(seed).randrange(100, len(content) - 600)
    content[at : at + 600] = bytes(600)
    path.write_bytes(bytes(content))

    journal, found = reopened(path)
    expected = {str(x.id): x.commands for x in kept}
    assert journal.rescued is not None or found == expected
    assert found.items() <= expected.items()
    assert len(found) > len(kept) // 2, f"seed {seed}: {len(found)} of {len(kept)}"
    last = kept[-1]
    if str(last.id) in found:
        assert journal.keep("292", 714, selling).receipt_number > "292-T1-000039"
    journal.close()


def test_without_its_first_page_the_queue_is_read_from_the_others(path: Path) -> None:
    kept = filled(path)
    content = bytearray(path.read_bytes())
    content[:PAGE] = random.Random(1).randbytes(PAGE)
    path.write_bytes(bytes(content))

    journal, found = reopened(path)
    assert found == {str(x.id): x.commands for x in kept}
    assert journal.rescued is not None
    assert (journal.rescued.acts, journal.rescued.path.read_bytes()) == (len(kept), bytes(content))
    assert [str(x.id) for x in journal.refused_acts()] == [str(kept[3].id)]
    # Numbers that receipts have already are not given again; the server names a new series.
    assert journal.keep("292", 714, selling).receipt_number == "292-T1-000041"
    assert journal.recall("series") == ""
    journal.close()
    journal, again = reopened(path)
    assert journal.rescued is None
    assert found.items() <= again.items()
    journal.close()


def test_what_was_only_in_the_log_of_a_killed_program_is_rescued_too(path: Path) -> None:
    kept = filled(path, 5)
    journal = Journal(path, "T1")
    kept.append(journal.keep("292", 714, selling))
    files = {suffix: Path(f"{path}{suffix}").read_bytes() for suffix in ("", "-wal")}
    journal.close()
    assert len(files["-wal"]) > 0
    for suffix, content in files.items():
        Path(f"{path}{suffix}").write_bytes(random.Random(1).randbytes(100) + content[100:] if not suffix else content)

    journal, found = reopened(path)
    assert found == {str(x.id): x.commands for x in kept}
    journal.close()


def test_an_act_with_a_byte_changed_is_not_sent(path: Path) -> None:
    kept = filled(path, 6)
    content = path.read_bytes()
    assert b'"adjustment":-1' in content
    path.write_bytes(content.replace(b'"adjustment":-1', b'"adjustment":-9', 1))
    journal, found = reopened(path)
    assert len(found) == len(kept) - 1
    assert journal.rescued is not None
    assert b'"adjustment":-9' in journal.rescued.path.read_bytes()
    journal.close()


def test_a_rescue_that_was_interrupted_is_finished_by_the_next_start(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = filled(path)
    path.write_bytes(random.Random(1).randbytes(PAGE) + path.read_bytes()[PAGE:])

    def killed(_: Path) -> Path:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("backend.terminal.journal.rescue.put_in_place", killed)
        with pytest.raises(KeyboardInterrupt):
            Journal(path, "T1")
    assert unfinished(path).exists()
    journal, found = reopened(path)
    assert len(found) == len(kept)
    assert len([x for x in path.parent.glob("*.damaged-*") if x.suffix[-4:] not in ("-wal", "-shm")]) == 1
    journal.close()


def test_what_is_no_database_is_kept_aside_and_the_terminal_starts(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"This is no database." * 1000)
    journal, found = reopened(path)
    assert found == {}
    assert journal.rescued is not None
    assert journal.rescued.path.read_bytes() == b"This is no database." * 1000
    assert journal.keep("292", 714, selling).receipt_number == "292-T1-000001"
    journal.close()
