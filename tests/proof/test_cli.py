"""What `verify`, `explain` and `migrate` print and how they end."""

import json
import re
from pathlib import Path

import pytest
from sqlalchemy import text

from backend.cli.errors import run
from backend.main import mostrador

from .conftest import Shop


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test reads this machine's settings or shop."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("MOSTRADOR_DATA", str(tmp_path / "nothing here"))
    monkeypatch.chdir(tmp_path)


def test_verify_proves_and_says_what(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(mostrador, ["verify", "--database-url", shop.db.url]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"units sold +7 *\n", printed)
    assert re.search(r"drifts +0 *\n", printed)


async def _lose_a_unit(shop: Shop) -> None:
    async with shop.db.writer.begin() as connection:
        await connection.execute(text("UPDATE stock SET on_hand = on_hand - 1 WHERE product_id = 'milk'"))


@pytest.fixture
async def drifted(shop: Shop) -> Shop:
    """The shop after somebody changed a number behind the ledger's back."""
    await _lose_a_unit(shop)
    return shop


def test_verify_names_the_drift_and_fails(drifted: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(mostrador, ["verify", "--database-url", drifted.db.url]) == 1
    assert "store 292, product milk: on_hand after the last movement: expected 32, found 31" in capsys.readouterr().out
    assert run(mostrador, ["verify", "--database-url", drifted.db.url, "--json"]) == 1
    drifts = json.loads(capsys.readouterr().out)["drifts"]
    assert {"store_id": "292", "product_id": "milk"}.items() <= drifts[0].items()


def test_explain_tells_the_story_in_order(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(mostrador, ["explain", "292", "sku-milk", "--database-url", shop.db.url]) == 0
    title, _, *lines = capsys.readouterr().out.splitlines()
    assert title == "Milk (sku-milk) in Centro (store 292)"
    assert [line.split()[2] for line in lines] == ["receive", "sell", "reserve", "adjust"]
    receive, sell, _, adjust = lines
    assert re.search(r"receive +\+40 +40 +0 +40 +luis +T2 +D-1", receive)
    assert re.search(r"sell +-2 +38 +0 +38 +Ana +T1 +T1-1", sell)
    assert re.search(r"adjust +-6 +32 +4 +28 +luis +T2 +broken bottles", adjust)


def test_explain_limits_to_the_last_movements(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["explain", "292", "bread", "--limit", "2", "--database-url", shop.db.url]
    assert run(mostrador, command) == 0
    assert "6 earlier movements are not shown" in capsys.readouterr().out
    assert run(mostrador, [*command, "--json"]) == 0
    history = json.loads(capsys.readouterr().out)
    assert [(step["version"], step["kind"]) for step in history["steps"]] == [(7, "cancel"), (8, "reserve")]


@pytest.mark.parametrize(
    ("store", "sku", "sentence"),
    [
        ("999", "bread", "There is no store 999; check the store id.\n"),
        ("292", "beer", "There is no product beer; check the code.\n"),
    ],
)
def test_explain_of_something_unknown(
    shop: Shop, capsys: pytest.CaptureFixture[str], store: str, sku: str, sentence: str
) -> None:
    assert run(mostrador, ["explain", store, sku, "--database-url", shop.db.url]) == 2
    assert capsys.readouterr().err == sentence


def test_migrate_makes_the_database_that_the_others_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(mostrador, ["verify", "--data", str(tmp_path)]) == 1
    assert "does not exist; create it with: mostrador migrate" in capsys.readouterr().err
    assert run(mostrador, ["migrate", "--data", str(tmp_path)]) == 0
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'mostrador.db'}")
    assert run(mostrador, ["migrate"]) == 0
    capsys.readouterr()
    assert run(mostrador, ["verify", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["movements"] == 0


def test_the_database_may_be_named_in_the_env_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / ".env").write_text("DATABASE_URL=sqlite:///from-env-file.db\n")
    assert run(mostrador, ["verify"]) == 1
    assert "from-env-file.db" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["verify"], ["explain", "292", "bread"], ["migrate"]])
def test_a_damaged_file_is_one_sentence(command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "shop.db").write_bytes(b"not a database" * 100)
    assert run(mostrador, [*command, "--database-url", f"sqlite:///{tmp_path / 'shop.db'}"]) == 1
    assert re.fullmatch(r"The database file .*shop.db is damaged .*\n", capsys.readouterr().err)
