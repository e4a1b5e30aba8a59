"""From an empty directory to a sale at a shop of one's own, by the commands that docs/run.md tells."""

import csv
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from backend.embedded.files import ShopFiles
from backend.model.barcode import in_store_ean13
from tests.embedded.shop import NOTHING_RUNS, counts, wait_until
from tests.embedded.window import CTRL_Q, window
from tests.servers import PostgresServer, free_port

pytestmark = pytest.mark.slow

PRODUCTS = 1_000
SECRET = b"open sesame"
ALT_P = b"\x1bp"
GUIDE = (Path(__file__).parents[2] / "docs" / "run.md").read_text("utf-8")


def commands(*, server: bool) -> list[list[str]]:
    """The six commands of the guide: on this machine, or on PostgreSQL with a server."""
    section = GUIDE.partition("## A shop of your own")[2].partition("\n## ")[0]
    blocks = [block.splitlines() for block in re.findall(r"(?:^    .*\n)+", section, re.MULTILINE)]
    first, served = blocks[0], blocks[1]
    lines = [*first[:4], *served] if server else first
    return [shlex.split(line, comments=True)[1:] for line in lines]


def write_files(directory: Path) -> None:
    with (directory / "products.csv").open("w", newline="") as products:
        out = csv.writer(products)
        out.writerow(["sku", "name", "price", "category"])
        out.writerows([f"P-{n}", f"Galletas {n}", f"{n / 100:.2f}", "Despensa"] for n in range(1, PRODUCTS + 1))
    with (directory / "barcodes.csv").open("w", newline="") as barcodes:
        out = csv.writer(barcodes)
        out.writerow(["barcode", "sku"])
        out.writerows([in_store_ean13(str(n)), f"P-{n}"] for n in range(1, PRODUCTS + 1))
    with (directory / "stock.csv").open("w", newline="") as stock:
        out = csv.writer(stock)
        out.writerow(["store_id", "sku", "on_hand"])
        out.writerows([store, f"P-{n}", 5] for store in (1, 2) for n in range(1, PRODUCTS + 1))


def run(directory: Path, words: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "backend.main", *words],
        cwd=directory,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def serving(directory: Path, words: list[str], environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-m", "backend.main", *words, "--json", "--stop-when-stdin-closes"],
        cwd=directory,
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["event"] == "ready"
    try:
        yield
    finally:
        process.communicate()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_six_commands_lead_to_a_sale(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    environment = {"MOSTRADOR_DATA": str(tmp_path / "shop"), "DATABASE_URL": "", "NATS_URL": "", "MOSTRADOR_LANG": "en"}
    if kind == "postgresql":
        postgres: PostgresServer = request.getfixturevalue("postgres")
        environment["DATABASE_URL"] = postgres.url(postgres.create_database())
    six = commands(server=kind == "postgresql")
    assert len(six) == 6
    port = str(free_port())
    six = [[word.replace("8000", port) for word in words] for words in six]
    write_files(tmp_path)

    with window(*six[0], cwd=tmp_path, **environment) as asked:
        for question in (b"Secret of eva", b"Repeat for confirmation"):
            asked.wait_for(question)
            asked.type(SECRET + b"\r")
        assert "mostrador import products" in asked.rest()
        assert asked.process.wait() == 0
    told = [run(tmp_path, words, environment) for words in six[1:4]]
    assert told == [
        "products: 1,000 new, 0 changed, 0 as they were.\n",
        "barcodes: 1,000 new, 0 changed, 0 as they were.\n",
        "stock: 0 new, 2,000 changed, 0 as they were.\n",
    ]
    if kind == "postgresql":
        with serving(tmp_path, six[4], environment):
            sell(tmp_path, six[5], environment)
    else:
        sell(tmp_path, six[4], environment)
        wait_until(lambda: counts(ShopFiles(tmp_path / "shop")) == NOTHING_RUNS, "the servers have stopped")
    proof = json.loads(run(tmp_path, [*six[-1], "--json"] if kind == "sqlite" else ["verify", "--json"], environment))
    assert (proof["sales"], proof["units_sold"], proof["drifts"]) == (1, 1, [])
    assert proof["units_on_hand"] == 2 * PRODUCTS * 5 - 1


def sell(directory: Path, words: list[str], environment: dict[str, str]) -> None:
    """Sign in as eva, scan a product and finish the sale, by keys alone."""
    with window(*words, cwd=directory, **environment) as till:
        till.wait_for(b"Who is at the counter?")
        till.wait_for(b"Centro")
        till.press(b"eva")
        till.press(b"\t")
        till.press(SECRET)
        till.type(b"\r")
        till.wait_for(b"Welcome, eva.")
        till.type(in_store_ean13("42").encode() + b"\r")
        till.wait_for(b"HOLD")
        till.type(ALT_P)
        till.wait_for(b"SOLD")
        till.type(CTRL_Q)
        till.rest()
        assert till.process.wait() == 0
