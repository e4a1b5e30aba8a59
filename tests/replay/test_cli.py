"""What `replay` says when it cannot sell: one sentence, an exit code, and nothing was sent."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert

from backend.auth.pins import hash_pin
from backend.cli.errors import run
from backend.cli.replay import proven
from backend.database.errors import DatabaseRefused
from backend.database.tables import user_stores, users
from backend.main import mostrador
from backend.replay.run import Result
from tests.proof.conftest import Shop
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


@pytest.fixture
def bread(tmp_path: Path) -> Path:
    """A basket of two of bread, at the price of its day."""
    file = tmp_path / "bread.csv"
    file.write_text(f"{HEADER}7,292,2017-01-01T12:30:00,bread,2,3.10\n")
    return file


@pytest.fixture
async def supervised(shop: Shop) -> Shop:
    """The shop with the supervisor luis, whose PIN is 9876."""
    luis = {"name": "luis", "display_name": "Luis", "role": "supervisor", "pin_hash": hash_pin("9876")}
    async with shop.db.writer.begin() as connection:
        await connection.execute(insert(users).values(**luis, created_at=datetime.now(UTC)))
        await connection.execute(insert(user_stores).values(user_name="luis", store_id="292"))
    return shop


@pytest.mark.slow
def test_it_sells_and_proves_in_the_database_that_the_environment_names(
    supervised: Shop, bread: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MOSTRADOR_DATA", str(tmp_path / "another shop"))
    monkeypatch.setenv("DATABASE_URL", supervised.db.url)
    assert run(mostrador, ["replay", str(bread), "--json", "--terminals", "1"]) == 0
    outcome = json.loads(capsys.readouterr().out)
    assert (outcome["replay"]["units_sold"], outcome["units_in_movements"]) == (2, 2)
    assert outcome["proof"]["drifts"] == []
    assert not (tmp_path / "another shop").exists()


@pytest.mark.slow
def test_a_database_that_no_server_can_start_on_is_told(
    bread: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path / 'none.db'}"
    assert run(mostrador, ["replay", str(bread), "--database-url", url]) == 1
    assert "does not exist; create it with: mostrador migrate" in capsys.readouterr().err


async def test_its_proof_waits_for_a_database_that_is_coming_back() -> None:
    port = free_port()
    sold = Result("R1", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ())
    asked = asyncio.Event()
    url = f"postgresql+asyncpg://nobody@{HOST}:{port}/none"

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """What PostgreSQL says to everybody while it reads its log after a crash, and later that nobody may come in."""
        code = b"28000" if asked.is_set() else b"57P03"
        asked.set()
        await reader.read(8)  # the request for TLS
        writer.write(b"N")
        await reader.read(1024)
        fields = b"SFATAL\0VFATAL\0C" + code + b"\0Mnot now\0\0"
        writer.write(b"E" + (len(fields) + 4).to_bytes(4, "big") + fields)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, HOST, port):
        with pytest.raises(DatabaseRefused):  # the second answer: the first one was waited out
            await proven(sold, url, lambda *_: None)
    assert asked.is_set()
