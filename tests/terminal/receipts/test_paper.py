"""What stands on a receipt: 42 columns in both languages, and the same lines as bytes for a printer."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from msgspec import structs

from backend.ids import new_id
from backend.model.commands import Command, LinePricing, SaleLine, Tax
from backend.model.tenders import Tender, TenderKind
from backend.model.verbs.sell import Sell
from backend.terminal.journal import Journal, KeptSale
from backend.terminal.money import Lang
from backend.terminal.printer import UnknownReceipt, printed
from backend.terminal.receipts.paper import Paper
from backend.terminal.receipts.printing import bytes_of
from backend.terminal.receipts.text import WIDTH, lines_of, text_of

PAPER = Paper(
    number="292-7K3QPM-000042",
    sale_id=UUID(int=1),
    store_id="292",
    store_name="Harbour Street",
    terminal_id="7K3QPM",
    clerk="Ana",
    at=datetime(2026, 11, 24, 12, 5, tzinfo=UTC),
    lines=(
        SaleLine("1041", 2, 119, LinePricing(tax=Tax(1000, 22))),
        SaleLine("1044", 1, 1295, LinePricing(1495, "card of the house", Tax(2100, 225))),
    ),
    names=("Whole milk", "Olive oil, extra virgin, first cold pressed, of the year"),
    tenders=(Tender(TenderKind.CARD, 1000), Tender(TenderKind.CASH, 533, 1000)),
    currency="EUR",
)

ENGLISH = """\
              Harbour Street

Receipt                  292-7K3QPM-000042
2026-11-24 12:05               Till 7K3QPM
Clerk                                  Ana
------------------------------------------
Whole milk
  2 x 1.19                            2.38
Olive oil, extra virgin, first cold
pressed, of the year                 12.95
  instead of 14.95 card of the house
------------------------------------------
TOTAL EUR                            15.33
  incl. tax 10%                       0.22
  incl. tax 21%                       2.25
Card                                 10.00
Cash                                  5.33
  Given                              10.00
  Change                              4.67
Units                                    3
"""


def test_a_receipt_in_english() -> None:
    assert text_of(PAPER) == ENGLISH


def test_a_receipt_in_spanish_is_marked_as_a_copy_when_it_is_one() -> None:
    text = text_of(structs.replace(PAPER, lang="es"), copy=True)
    for said in ("Tique ", "Caja 7K3QPM", "Atendió", "12,95", "IVA incl. 21%", "Efectivo", "Cambio", "en vez de 14,95"):
        assert said in text
    assert text.count("*** COPIA ***") == 2
    assert "COPIA" not in text_of(structs.replace(PAPER, lang="es"))


def test_tax_that_is_added_is_in_the_total() -> None:
    paper = structs.replace(
        PAPER,
        lines=(SaleLine("1", 1, 1000, LinePricing(tax=Tax(725, 73, included=False))),),
        names=("Tea",),
        tenders=(),
    )
    assert paper.total_cents == 1073
    assert "plus tax 7.25%" in text_of(paper)


@pytest.mark.parametrize("lang", ["en", "es"])
def test_nothing_is_wider_than_the_paper(lang: Lang) -> None:
    lines = (SaleLine("x" * 64, 1_000_000, 100_000_000, LinePricing(1, "r" * 200, Tax(2100, 100_000_000))),) * 2
    paper = structs.replace(
        PAPER, lang=lang, lines=lines, names=("word " * 40, "y" * 200), store_name="s" * 200, number="n" * 40,
        clerk="c" * 200, terminal_id="t" * 64, tenders=(), heading="h" * 100, footing="f " * 100,
    )  # fmt: skip
    assert max(map(len, lines_of(paper, copy=True))) <= WIDTH


def test_the_printer_gets_the_same_text_a_cut_and_perhaps_the_drawer() -> None:
    sent = bytes_of(PAPER)
    for line in ENGLISH.splitlines():
        assert line.encode() in sent
    assert sent.rstrip(b"\x00").endswith(b"\x1dV")
    assert b"\x1bp" not in sent
    assert b"\x1bp" in bytes_of(PAPER, opens_drawer=True)
    assert b"COPY" in bytes_of(PAPER, copy=True)
    assert bytes_of(structs.replace(PAPER, store_name="漢字 Ñandú 🦙"))


def test_the_printer_s_library_is_loaded_only_to_print() -> None:
    program = "import sys, backend.terminal.desk, backend.terminal.receipts.printing; print('escpos' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert run.stdout.strip() == "False"


# Receipts in the terminal's file.


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "T1.db", "T1")
    yield journal
    journal.close()


def selling(number: str) -> list[Command]:
    return [Sell(id=new_id(), store_id="292", lines=PAPER.lines, receipt_number=number)]


def paper_of(sale: KeptSale) -> Paper:
    return structs.replace(PAPER, number=sale.receipt_number, sale_id=sale.id)


def test_a_receipt_is_kept_with_its_sale_and_printed_again_as_it_was(journal: Journal) -> None:
    sale = journal.keep("292", 1533, selling, paper=paper_of)
    journal.answered(sale.id)
    kept = journal.receipt(sale.receipt_number)
    assert kept is not None
    assert (kept.paper.sale_id, kept.text, kept.printed) == (sale.id, text_of(paper_of(sale)), 0)
    assert b"COPY" not in printed(journal, sale.receipt_number)
    assert b"COPY" in printed(journal, sale.receipt_number)
    with pytest.raises(UnknownReceipt):
        printed(journal, "292-T1-999999")
    again = journal.receipt(sale.receipt_number)
    assert again is not None
    assert (again.printed, again.escpos) == (2, bytes_of(kept.paper))
    assert journal.receipt("292-T1-999999") is None


def test_a_sale_taken_back_takes_its_receipt_with_it(journal: Journal) -> None:
    journal.take_back(journal.keep("292", 1533, selling, paper=paper_of))
    assert journal.receipts() == []
    assert journal.keep("292", 1533, selling, paper=paper_of).receipt_number == "292-T1-000001"


def test_a_sale_with_another_number_has_a_receipt_with_it(journal: Journal) -> None:
    sale = journal.keep("292", 1533, selling, paper=paper_of)
    renumbered = journal.renumber(sale.id, 3)
    [kept] = journal.receipts()
    assert (kept.paper.number, kept.paper.sale_id) == ("292-T1-000005", renumbered.id)
    assert "292-T1-000005" in kept.text


def test_only_the_newest_receipts_are_kept(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.terminal.journal.receipts.KEPT", 3)
    numbers = [journal.keep("292", 1533, selling, paper=paper_of).receipt_number for _ in range(5)]
    assert [x.paper.number for x in journal.receipts()] == numbers[:1:-1]
