"""What `replay` says when it cannot sell: one sentence, an exit code, and nothing was sent."""

import json
from pathlib import Path

import pytest

from backend.cli.errors import run
from backend.main import mostrador
from tests.servers import HOST, free_port

HEADER = "basket_id,store_id,transaction_timestamp,product_id,quantity,sales_value\n"
ROWS = "7,292,2017-01-01T12:30:00,bread,2,3.00\n7,292,2017-01-01T12:30:00,bread,0,0\n8,292,noon,bread,1,1\n"


@pytest.fixture
def nobody() -> str:
    """The URL of a server that is not there."""
    return f"http://{HOST}:{free_port()}"


@pytest.fixture
def half_good(tmp_path: Path) -> Path:
    """A file with one good row and two bad ones."""
    file = tmp_path / "baskets.csv"
    file.write_text(HEADER + ROWS)
    return file


def test_bad_rows_are_all_named_and_nothing_is_sold(
    half_good: Path, nobody: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(mostrador, ["replay", str(half_good), "--server", nobody]) == 2
    first, second, last = capsys.readouterr().err.splitlines()
    assert first.endswith("row 3: quantity must be a whole number from 1 to 1000000, not '0'")
    assert second.endswith("row 4: transaction_timestamp must look like 2017-01-31T18:05:00, not 'noon'")
    assert last.endswith("has 2 bad rows and nothing was sold; correct them or add --skip-bad-rows.")


def test_bad_rows_as_json(half_good: Path, nobody: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(mostrador, ["replay", str(half_good), "--server", nobody, "--json"]) == 2
    assert [bad["row"] for bad in json.loads(capsys.readouterr().err)["rows"]] == [3, 4]


def test_the_good_rows_are_sent_when_the_bad_ones_may_be_skipped(
    half_good: Path, nobody: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(mostrador, ["replay", str(half_good), "--skip-bad-rows", "--server", nobody]) == 1
    assert f"No server answers at {nobody}; start it or correct --server." in capsys.readouterr().err


@pytest.mark.parametrize("skip", [[], ["--skip-bad-rows"]])
def test_a_file_without_a_good_row_is_refused(
    tmp_path: Path, nobody: str, skip: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "b.csv").write_text(f"{HEADER}7,292\n")
    assert run(mostrador, ["replay", str(tmp_path / "b.csv"), "--server", nobody, *skip]) == 2
    assert "nothing" in capsys.readouterr().err


@pytest.mark.parametrize("speed", ["0", "-1", "fast", "nan", "inf"])
def test_a_speed_must_be_a_speed(nobody: str, speed: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(mostrador, ["replay", "--speed", speed, "--server", nobody]) == 2
    assert "'max' or how many times faster than real time" in capsys.readouterr().err
