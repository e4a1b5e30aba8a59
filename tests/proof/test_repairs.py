"""Drifts are corrected by movements that say so, or are said to need a backup."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, insert, select, text

from backend.cli.errors import run
from backend.database.engine import Database
from backend.database.reads import reading
from backend.database.tables import movements, reservations, users
from backend.main import mostrador
from backend.model.answers import Code
from backend.model.stock import BALANCES, Who
from backend.model.verbs.repair import Differences
from backend.proof.books import prove
from backend.proof.drifts import Drift
from backend.proof.repairing import post_repairs
from backend.proof.repairs import Proposal, Repairs, proposed

from .conftest import Shop

ROOT = Who("root")


async def change(db: Database, *statements: str) -> None:
    async with db.writer.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement))


async def repairs(db: Database) -> Repairs:
    return proposed((await prove(db)).drifts)


async def last(db: Database, product: str, number: int) -> list[tuple[object, ...]]:
    """(kind, on_hand_change, on_hand, actor) of the latest movements of a product."""
    m = movements.c
    query = select(m.kind, m.on_hand_change, m.on_hand, m.actor).where(m.product_id == product)
    async with reading(db) as connection:
        rows = (await connection.execute(query.order_by(m.version.desc()).limit(number))).all()
    return [tuple(row) for row in reversed(rows)]


async def test_an_edited_counter_is_taken_into_the_history_and_back(shop: Shop) -> None:
    await change(shop.db, "UPDATE stock SET on_hand = on_hand + 5 WHERE product_id = 'milk'")
    found = await repairs(shop.db)
    (proposal,) = found.proposals
    assert not found.beyond
    assert (proposal.drifted, proposal.correction) == (Differences(on_hand=5), Differences(on_hand=-5))
    (answer,) = await post_repairs(shop.db, found.proposals, ROOT)
    assert answer.accepted, answer.refusal
    assert await last(shop.db, "milk", 2) == [("drift", 5, 37, "root"), ("repair", -5, 32, "root")]
    assert not (await prove(shop.db)).drifts


async def test_pain_3_a_reserved_counter_that_no_hold_explains_is_freed(shop: Shop) -> None:
    """Somebody removed a hold's rows: its units were reserved for ever, and now they are not."""
    async with shop.db.writer.begin() as connection:
        await connection.execute(delete(reservations).where(reservations.c.status == "PENDING"))
    found = await repairs(shop.db)
    assert {p.product_id: p.correction.reserved for p in found.proposals} == {"bread": -3, "milk": -4}
    assert {p.drifted for p in found.proposals} == {Differences()}
    assert all(answer.accepted for answer in await post_repairs(shop.db, found.proposals, ROOT))
    assert not (await prove(shop.db)).drifts


async def test_a_counter_that_the_holds_prove_right_stays_and_the_history_follows(shop: Shop) -> None:
    await change(
        shop.db,
        "UPDATE reservations SET quantity = 2 WHERE product_id = 'milk' AND status = 'PENDING'",
        "UPDATE stock SET reserved = 2 WHERE product_id = 'milk'",
    )
    found = await repairs(shop.db)
    (proposal,) = found.proposals
    assert (proposal.drifted, proposal.correction) == (Differences(reserved=-2), Differences())
    await post_repairs(shop.db, found.proposals, ROOT)
    assert not (await prove(shop.db)).drifts


async def test_several_balances_of_several_rows_at_once(shop: Shop) -> None:
    await change(
        shop.db,
        "UPDATE stock SET on_hand = on_hand - 3, unavailable = 2, allocated = 1 WHERE product_id = 'bread'",
        "UPDATE stock SET incoming = 7 WHERE product_id = 'milk'",
    )
    found = await repairs(shop.db)
    assert len(found.proposals) == 2
    assert all(answer.accepted for answer in await post_repairs(shop.db, found.proposals, ROOT))
    assert not (await prove(shop.db)).drifts


async def test_two_who_repair_the_same_row_do_it_once(shop: Shop) -> None:
    await change(shop.db, "UPDATE stock SET on_hand = on_hand + 5 WHERE product_id = 'milk'")
    proposals = (await repairs(shop.db)).proposals
    first, second = await post_repairs(shop.db, (*proposals, *proposals), ROOT)
    assert first.accepted
    assert second.refusal is not None
    assert second.refusal.code is Code.VERSION_MOVED
    assert not (await prove(shop.db)).drifts


async def test_a_correction_below_zero_is_refused(shop: Shop) -> None:
    wrong = Proposal("292", "milk", Differences(), Differences(on_hand=-1000), "made up")
    (answer,) = await post_repairs(shop.db, [wrong], ROOT)
    assert answer.refusal is not None
    assert "restore a backup" in answer.refusal.message
    assert not (await prove(shop.db)).drifts


@pytest.mark.parametrize(
    ("statements", "why"),
    [
        (["UPDATE movements SET on_hand = on_hand + 1 WHERE kind = 'adjust'"], "a movement was changed"),
        (["DELETE FROM movements WHERE kind = 'adjust'"], "movements are missing"),
        (["DELETE FROM commands WHERE kind = 'adjust'"], "the command behind a movement is missing"),
        (["UPDATE sales SET total_cents = 1"], "a sale or its lines were changed"),
        (["UPDATE sale_lines SET quantity = 9 WHERE product_id = 'milk'"], "a sale"),
        (["UPDATE movements SET kind = 'sell' WHERE kind = 'adjust'"], "a sale, its lines or its movements"),
    ],
)
async def test_a_changed_history_needs_a_backup(shop: Shop, statements: Sequence[str], why: str) -> None:
    await change(shop.db, *statements)
    found = await repairs(shop.db)
    assert not found.proposals
    assert found.beyond
    assert any(why in one.why for one in found.beyond)


def test_every_drift_of_a_row_with_a_changed_history_is_beyond() -> None:
    counter = Drift("292", "milk", "on_hand as the sum of movements", 3, 5)
    step = Drift("292", "milk", "on_hand after movement 4", 3, 5)
    bread = Drift("292", "bread", "on_hand as the sum of movements", 3, 5)
    found = proposed([counter, step, bread])
    assert [proposal.product_id for proposal in found.proposals] == ["bread"]
    assert {one.drift for one in found.beyond} == {counter, step}


def test_differences_have_every_balance() -> None:
    assert Differences.__struct_fields__ == BALANCES


@pytest.fixture
async def drifted(shop: Shop) -> Shop:
    """The shop with an admin, and a counter of milk that is not right."""
    await change(shop.db, "UPDATE stock SET on_hand = on_hand + 5 WHERE product_id = 'milk'")
    async with shop.db.writer.begin() as connection:
        row = {"display_name": "Root", "pin_hash": "", "created_at": datetime.now(UTC)}
        await connection.execute(insert(users).values({"name": "root", "role": "admin"} | row))
    return shop


@pytest.fixture
async def broken(shop: Shop) -> Shop:
    """The shop with a movement that says something else than it did."""
    await change(shop.db, "UPDATE movements SET on_hand = on_hand + 1 WHERE kind = 'adjust'")
    return shop


def test_verify_shows_the_repair_and_posts_it_only_when_told(drifted: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["verify", "--repair", "--database-url", drifted.db.url]
    assert run(mostrador, command) == 1
    shown = capsys.readouterr().out
    assert "store 292, product milk: drift on_hand +5, then repair on_hand -5" in shown
    assert "--yes --as ADMIN" in shown
    assert run(mostrador, [*command, "--yes"]) == 2
    assert "--as" in capsys.readouterr().err
    assert run(mostrador, [*command, "--yes", "--as", "ana"]) != 0
    assert "ana is a clerk; only an admin repairs stock." in capsys.readouterr().err
    assert run(mostrador, ["verify", "--database-url", drifted.db.url]) == 1
    capsys.readouterr()

    assert run(mostrador, [*command, "--yes", "--as", "root", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["on_hand"] for answer in told["posted"] for row in answer["stock"]] == [32]
    assert told["proof"]["drifts"] == []
    assert run(mostrador, command) == 0
    assert "Proved" in capsys.readouterr().out


def test_verify_says_what_only_a_backup_mends(broken: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(mostrador, ["verify", "--repair", "--database-url", broken.db.url]) == 1
    shown = capsys.readouterr().out
    assert "a movement was changed; restore a backup" in shown
    assert "Nothing can be corrected by movements." in shown
