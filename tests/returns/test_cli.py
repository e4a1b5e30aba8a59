"""`mostrador return`, `sale` and `shift` against a running server: what they print, with --json and without."""

import asyncio
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from backend.ids import new_id
from backend.main import mostrador
from tests.e2e.server import Server
from tests.http.shop import PIN, furnish


@pytest.fixture(scope="module")
def server(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server on a furnished shop with milk on its shelf."""
    directory = tmp_path_factory.mktemp("shop")
    path = directory / "mostrador.db"
    shutil.copyfile(sqlite_template, path)
    url = f"sqlite+aiosqlite:///{path}"
    asyncio.run(furnish(url))
    running = Server(url, directory)
    running.start()
    running.wait_until_ready()
    receive = {
        "type": "receive",
        "id": str(new_id()),
        "store_id": "norte",
        "lines": [{"product_id": "milk", "quantity": 50}],
    }
    call(running.url, "luis", "commands", {"commands": [receive]})
    yield running.url
    running.stop()


def call(server: str, user: str, path: str, body: object) -> dict[str, Any]:
    """POST as a person who signs in at T1."""
    with httpx.Client(base_url=f"{server}/api/v1/") as client:
        who = {"user": user, "pin": PIN, "store_id": "norte", "terminal_id": "T1"}
        token = client.post("auth/sign-in", json=who).json()["access_token"]
        answer = client.post(path, json=body, headers={"Authorization": f"Bearer {token}"})
        answer.raise_for_status()
        content: dict[str, Any] = answer.json()
        return content


def sold(server: str, receipt: str) -> dict[str, Any]:
    line = {"product_id": "milk", "quantity": 3, "unit_price": 1.29}
    tenders = [{"kind": "cash", "amount": 3.87, "given": 5}]
    body = {"store_id": "norte", "lines": [line], "receipt_number": receipt, "tenders": tenders}
    return call(server, "ana", "sales", body)


def run(server: str, *words: str, user: str = "ana") -> Result:
    where = ["--server", server, "--store", "norte", "--terminal", "T1", "--user", user]
    secrets = {"MOSTRADOR_PIN": PIN, "MOSTRADOR_APPROVAL_PIN": PIN}
    return CliRunner().invoke(mostrador, [*words, *where], env=secrets)


def done(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, (result.output, result.exception)
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def test_units_of_a_receipt_come_back(server: str) -> None:
    sold(server, "T1-1")
    said = run(server, "return", "receipt", "T1-1", "--line", "1=1:damaged", "--refund-by", "cash")
    assert said.output == "1 units came back; 2 of the receipt are left.\nGive back 1.29 by cash.\n"
    words = ("return", "receipt", "T1-1", "--line", "1=2", "--id", str(new_id()), "--json")
    first = done(run(server, *words))
    assert (first["refund"], first["sale"]["status"]) == ([], "returned")
    assert done(run(server, *words)) == first, "sent again it is done once"
    over = run(server, "return", "receipt", "T1-1", "--line", "1=1", "--json")
    assert over.exit_code != 0
    assert getattr(over.exception, "code", "") == "more_than_sold"
    wrong = run(server, "return", "receipt", "T1-1", "--line", "one")
    assert (wrong.exit_code, "write it like 1=2" in wrong.output) == (2, True)


def test_goods_come_back_without_a_receipt_by_approval(server: str) -> None:
    words = ("return", "goods", "milk=2@1.29:damaged", "--reason", "a present", "--refund-by", "voucher")
    alone = run(server, *words)
    assert getattr(alone.exception, "code", "") == "approval_needed"
    said = run(server, *words, "--approved-by", "luis")
    assert said.output == "2 units came back, approved by luis.\nGive back 2.58 by voucher.\n"
    assert done(run(server, *words, "--json", user="luis"))["approved_by"] == "luis"


def test_a_sale_is_shown_and_voided(server: str) -> None:
    sold(server, "T1-2")
    shown = run(server, "sale", "show", "T1-2")
    assert shown.output.splitlines()[1:] == ["  1. 3 × milk at 1.29", "  total 3.87, paid with cash 3.87"]
    void = run(server, "sale", "void", "T1-2", "--reason", "rung up twice", "--approved-by", "luis")
    assert void.output == "T1-2 is voided; its units are on the shelf again.\nGive back 3.87 by cash.\n"
    assert done(run(server, "sale", "show", "T1-2", "--json"))["return_status"] == "voided"


def test_a_shift_from_its_float_to_its_difference(server: str) -> None:
    opened = done(run(server, "shift", "open", "100", "--json"))
    assert done(run(server, "shift", "list", "--status", "open", "--json"))["shifts"] == [opened]
    sold(server, "T1-3")
    assert (
        run(server, "shift", "pay-in", opened["id"], "10", "--reason", "bank").output == "10.00 went into the drawer.\n"
    )
    paid_out = run(server, "shift", "pay-out", opened["id"], "2.5", "--reason", "flowers")
    assert paid_out.output == "2.50 left the drawer.\n"
    early = run(server, "shift", "report", opened["id"])
    assert getattr(early.exception, "code", "") == "shift_open"
    closed = run(server, "shift", "close", opened["id"], "--counted", "111")
    assert closed.output == "cash: 3.87 taken, 0.00 given back\nCounted 111.00, expected 111.37: -0.37.\n"
    assert done(run(server, "shift", "report", opened["id"], "--json", user="luis"))["difference"] == -0.37
