"""The proof of allotments: each thing that it promises to find, made wrong by hand."""

from uuid import UUID

import pytest
from sqlalchemy import text

from backend.database.engine import Database
from backend.proof.books import prove
from tests.allotments.shelf import LUIS, allot, draw, release
from tests.ledger.shop import open_shop, receive, running_ledger


@pytest.fixture
async def mine(database: Database) -> UUID:
    """An allotment of 9 units of which 2 and 1 were sold, beside others that have ended."""
    await open_shop(database)
    async with running_ledger(database) as ledger:
        await ledger.submit(receive(tea=20))
        answer = await ledger.submit(allot(6))
        await ledger.submit(draw(answer.id, 2))
        await ledger.submit(allot(7, answer.id))
        await ledger.submit(draw(answer.id, 1))
        for order in (empty := allot(2, who=LUIS), draw(empty.command.id, 2, who=LUIS)):
            await ledger.submit(order)
        for order in (back := allot(2, who=LUIS), release(back.command.id, LUIS)):
            await ledger.submit(order)
    assert not (await prove(database)).drifts
    return answer.id


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        (
            "UPDATE sale_lines SET quantity = 5 WHERE quantity = 1; UPDATE draws SET quantity = 5 WHERE quantity = 1",
            [("units of allotment", 2, 6)],
        ),
        ("DELETE FROM draws WHERE quantity = 1", [("units of allotment", 7, 6)]),
        (
            "UPDATE draws SET quantity = 5 WHERE quantity = 1",
            [("units of allotment", 2, 6), ("units of a sale, at least those drawn on allotment", 5, 1)],
        ),
        (
            "DELETE FROM sale_lines WHERE quantity = 1",
            [("units of a sale, at least those drawn on allotment", 1, 0)],
        ),
        ("UPDATE allotments SET terminal_id = 'T9' WHERE terminal_id = 'T1'", [("records of allotment", 1, 0)]),
        ("DELETE FROM allotments", [("records of allotment", 1, 0)]),
    ],
)
async def test_it_finds(database: Database, mine: UUID, wrong: str, found: list[tuple[str, int, int]]) -> None:
    async with database.writer.begin() as connection:
        for statement in wrong.split("; "):
            await connection.execute(text(statement))
    drifts = (await prove(database)).drifts
    id_ = mine.hex if database.dialect == "sqlite" else str(mine)
    wanted = {(f"{what} {id_}", expected, was) for what, expected, was in found}
    assert {(x.what, x.expected, x.found) for x in drifts} >= wanted
    assert wanted == {(x.what, x.expected, x.found) for x in drifts if "allotment" in x.what}


async def test_a_movement_of_no_allotment_is_found(database: Database, mine: UUID) -> None:
    async with database.writer.begin() as connection:
        await connection.execute(text("UPDATE movements SET document_id = 'x' WHERE kind = 'allot' AND version = 2"))
    drifts = [x for x in (await prove(database)).drifts if x.what.startswith("units of allotment")]
    assert sorted((x.expected, x.found) for x in drifts) == [(0, 6), (6, 0)]
