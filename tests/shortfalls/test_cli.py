"""`mostrador shortfalls`: the cases of a store, and what becomes of one."""

import asyncio
import json

import pytest
from click.testing import CliRunner
from sqlalchemy import insert

from backend.alerts.service import Alerts
from backend.cli import errors
from backend.database import tables
from backend.database.engine import open_database
from backend.main import mostrador
from backend.model.books import Request
from tests.ledger.shop import ANA, open_shop, receive, running_ledger

from .test_ledger import fact


@pytest.fixture
def url(database_url: str) -> str:
    """Store 292 sold three packets of tea offline and had one; luis is its supervisor, ana its clerk."""

    async def furnish() -> None:
        db = open_database(database_url)
        sale = fact(3)
        try:
            await open_shop(db)
            async with db.writer.begin() as connection:
                for name, role in (("luis", "supervisor"), ("ana", "clerk")):
                    person = {"name": name, "display_name": name, "role": role, "pin_hash": ""}
                    await connection.execute(insert(tables.users).values(created_at=sale.made_at, **person))
                    await connection.execute(insert(tables.user_stores).values(user_name=name, store_id="292"))
            async with running_ledger(db) as ledger:
                await ledger.submit_many([receive(tea=1), Request(sale, ANA)])
            (alert,) = (await Alerts(db).open_in("292")).alerts
            assert (alert.rule, alert.subject, alert.value, alert.terminal_id) == ("shortfall", str(sale.id), 2, "T1")
            assert alert.sentence == f"Sale {sale.id} of terminal T1 is short of 2 units."
        finally:
            await db.close()

    asyncio.run(furnish())
    return database_url


def said(url: str, *words: str) -> str:
    result = CliRunner().invoke(mostrador, ["shortfalls", *words, "--database-url", url])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.slow
def test_cases_are_listed_and_settled(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    (case,) = json.loads(said(url, "list", "292", "--json"))
    assert (case["status"], case["lines"][0]["open"]) == ("open", 2)
    assert "Closes the case for 2 units with your reason." in said(url, "list", "292")
    assert said(url, "list", "304") == "There are none.\n"

    words = ["shortfalls", "resolve", case["id"], "adjust", "--reason", "in the yard", "--database-url", url]
    assert errors.run(mostrador, [*words, "--as", "ana"]) == errors.FAILED
    assert "sales:settle" in capsys.readouterr().err
    assert errors.run(mostrador, [*words, "tea=3", "--as", "luis"]) == errors.FAILED
    assert "Only 2 units of tea are short in this case, not 3." in capsys.readouterr().err

    (part,) = json.loads(
        said(url, "resolve", case["id"], "adjust", "tea=1", "--reason", "yard", "--as", "luis", "--json")
    )
    assert (part["status"], part["lines"][0]["found"]) == ("open", 1)
    said(url, "resolve", case["id"], "dismiss", "--reason", "typed twice", "--as", "luis")
    (done,) = json.loads(said(url, "list", "292", "--status", "settled", "--json"))
    assert [step["what"] for step in done["steps"]] == ["sell", "adjust", "dismiss"]
