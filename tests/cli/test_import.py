"""`mostrador import` and `mostrador export` as a person or a program meets them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from backend.cli import errors
from backend.cli.import_ import SHOWN
from backend.main import mostrador


@pytest.fixture
def products(tmp_path: Path) -> Path:
    path = tmp_path / "products.csv"
    path.write_text("sku,name,price\nMILK,Leche,1.29\nRICE,Arroz,0.99\n", "utf-8")
    return path


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(mostrador, [str(word) for word in words])


def test_what_a_file_did_is_said_and_then_that_it_is_so_already(products: Path, sqlite_url: str) -> None:
    where = ("--database-url", sqlite_url)
    tried = run("import", "products", products, "--dry-run", *where)
    assert (tried.exit_code, tried.stdout) == (
        0,
        "products: it would be 2 new, 0 changed, 0 as they were. Nothing was changed.\n",
    )
    assert run("import", "products", products, *where).stdout == "products: 2 new, 0 changed, 0 as they were.\n"
    again = json.loads(run("import", "products", products, *where, "--json").stdout)
    assert again == {
        "kind": "products",
        "file": str(products),
        "rows": 2,
        "created": 0,
        "changed": 0,
        "unchanged": 2,
        "written": True,
        "errors": [],
    }


def test_errors_are_told_with_line_and_column_and_the_exit_code_is_1(
    products: Path, sqlite_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    products.write_text("sku,name,price\n" + "".join(f"S{n},Leche,{n}.999\n" for n in range(SHOWN + 5)), "utf-8")
    command = ["import", "products", str(products), "--database-url", sqlite_url]
    assert errors.run(mostrador, command) == errors.FAILED
    first, *_, more, last = capsys.readouterr().err.splitlines()
    assert first == (
        f"{products}, line 2, price: '0.999' will not do: a number with at most two decimals, such as 2.49."
    )
    assert more == "… and 5 errors more; --json shows all."
    assert last == f"Nothing was changed. Errors: {SHOWN + 5}; correct them and import it again."
    assert errors.run(mostrador, [*command, "--json"]) == errors.FAILED
    told = json.loads(capsys.readouterr().out)
    assert (told["written"], len(told["errors"])) == (False, SHOWN + 5)
    assert told["errors"][0]["line"] == 2


def test_an_export_writes_over_nothing_unless_it_is_told_to(
    products: Path, sqlite_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--database-url", sqlite_url]
    assert run("import", "products", products, *where).exit_code == 0
    assert errors.run(mostrador, ["export", "products", str(products), *where]) == errors.WRONG_INPUT
    assert "name a new file, or add --force" in capsys.readouterr().err
    assert run("export", "products", products, *where, "--force").stdout == f"{products}: 2 products.\n"
    whole = json.loads(run("export", "all", tmp_path / "all", *where, "--json").stdout)
    assert {kind: told["rows"] for kind, told in whole.items()} == {
        "stores": 0,
        "users": 0,
        "products": 2,
        "barcodes": 0,
        "prices": 0,
        "stock": 0,
    }
    assert (tmp_path / "all" / "products.csv").read_bytes() == products.read_bytes()
