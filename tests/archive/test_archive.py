"""Movements that leave the database: the files, the openings, and the proof over both."""

import asyncio
import gzip
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text

from backend.archive import months as archive
from backend.archive.months import Archived, ArchiveFailed, archive_month, months_to_archive
from backend.archive.proof import prove_archives
from backend.database import tables
from backend.database.engine import Database, open_database
from backend.database.errors import DatabaseAway
from backend.database.partitions import make_partitions, months_after, partitions
from backend.ids import new_id
from backend.model.books import Request
from backend.model.commands import Line, Transfer
from backend.model.errors import InvalidInput
from backend.proof import drift
from backend.proof.books import Drift, Proof, prove
from backend.proof.drift import DriftFold
from tests.eventually import eventually
from tests.ledger.shop import ANA, open_shop, receive, reserve, running_ledger, sell

NOW = datetime.now(UTC)
NEXT_MONTH = months_after(NOW, 1)


async def trade(database: Database, receipt: str) -> None:
    """Five movements: 10 tea and 5 jam come, 3 tea and 1 jam are sold, 2 tea stay held."""
    async with running_ledger(database) as ledger:
        for request in (receive(tea=10, jam=5), sell(tea=3, jam=1, receipt=receipt), reserve(tea=2)):
            assert (await ledger.submit(request)).accepted


async def archive_all(database: Database, directory: Path) -> list[Archived]:
    """Archive every month, this one too: as if a month had passed."""
    ends = await months_to_archive(database, NEXT_MONTH)
    return [await archive_month(database, until, directory, NOW) for until in ends]


def files_in(directory: Path) -> list[Path]:
    return list(directory.glob("movements*"))


async def remaining(database: Database) -> int:
    async with database.engine.connect() as connection:
        return await connection.scalar(select(func.count()).select_from(tables.movements)) or 0


async def test_balances_are_proved_from_their_opening(database: Database, tmp_path: Path) -> None:
    await open_shop(database)
    await trade(database, "T1-1")
    (first,) = await archive_all(database, tmp_path)
    assert (first.movements, await remaining(database)) == (5, 0)

    await trade(database, "T1-2")
    proof = await prove(database)
    assert proof.drifts == ()
    assert (proof.movements, proof.units_sold, proof.units_on_hand) == (5, 8, 22)
    assert await prove_archives(database, tmp_path) == ()


async def test_a_second_month_continues_where_the_first_ended(database: Database, tmp_path: Path) -> None:
    await open_shop(database)
    await trade(database, "T1-1")
    await archive_all(database, tmp_path)
    await trade(database, "T1-2")
    async with database.writer.begin() as connection:
        await connection.execute(tables.movements.update().values(at=NEXT_MONTH))
    await make_partitions(database, NEXT_MONTH)
    with pytest.raises(ArchiveFailed, match="archived before"):
        await archive_month(database, NEXT_MONTH, tmp_path, NOW)
    await archive_month(database, months_after(NOW, 2), tmp_path, NOW)
    assert await remaining(database) == 0
    assert (await prove(database)).drifts == ()
    assert await prove_archives(database, tmp_path) == ()


async def test_a_file_has_every_movement_as_one_line_of_json(database: Database, tmp_path: Path) -> None:
    await open_shop(database)
    await trade(database, "T1-1")
    (month,) = await archive_all(database, tmp_path)
    assert month.file_name == f"movements-until-{NEXT_MONTH:%Y-%m-%d}.ndjson.gz"
    with gzip.open(tmp_path / month.file_name) as lines:
        rows = [json.loads(line) for line in lines]
    assert [(row["product_id"], row["version"], row["kind"]) for row in rows] == [
        ("jam", 1, "receive"),
        ("jam", 2, "sell"),
        ("tea", 1, "receive"),
        ("tea", 2, "sell"),
        ("tea", 3, "reserve"),
    ]
    assert {row["actor"] for row in rows} == {"ana"}


async def test_a_movement_dated_later_by_a_clock_set_back_goes_with_its_elders(
    database: Database, tmp_path: Path
) -> None:
    await open_shop(database)
    await trade(database, "T1-1")
    async with database.writer.begin() as connection:
        late = tables.movements.update().where(tables.movements.c.product_id == "tea", tables.movements.c.version == 2)
        await connection.execute(late.values(at=NEXT_MONTH + timedelta(minutes=1)))
    (month,) = await archive_all(database, tmp_path)
    assert (month.movements, await remaining(database)) == (5, 0)
    assert (await prove(database)).drifts == ()
    assert await prove_archives(database, tmp_path) == ()


async def test_a_transfer_of_which_one_side_went_earlier_is_no_drift(database: Database, tmp_path: Path) -> None:
    """The clock was set back after it: in the giving store a sale with an earlier date followed."""
    await open_shop(database)
    async with running_ledger(database) as ledger:
        moved = Transfer(id=new_id(), store_id="292", to_store_id="304", lines=(Line("tea", 2),))
        for each in (receive(tea=10), Request(moved, ANA), sell(tea=1)):
            assert (await ledger.submit(each)).accepted
    async with database.writer.begin() as connection:
        late = tables.movements.update().where(tables.movements.c.command_id == moved.id)
        await connection.execute(late.values(at=NEXT_MONTH + timedelta(minutes=1)))
    await archive_all(database, tmp_path)
    assert await remaining(database) == 1
    assert (await prove(database)).drifts == ()


async def test_a_clock_set_back_too_far_is_no_reason_to_leave_a_gap(database: Database, tmp_path: Path) -> None:
    await open_shop(database)
    await trade(database, "T1-1")
    async with database.writer.begin() as connection:
        late = tables.movements.update().where(tables.movements.c.product_id == "tea", tables.movements.c.version == 2)
        await connection.execute(late.values(at=NEXT_MONTH + timedelta(days=2)))
    with pytest.raises(ArchiveFailed, match="gap"):
        await archive_all(database, tmp_path)
    assert await remaining(database) == 5
    assert (await prove(database)).drifts == ()
    assert files_in(tmp_path) == []


async def test_who_archives_what_is_archived_meanwhile_leaves_the_file_alone(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await open_shop(database)
    await trade(database, "T1-1")
    write = archive._write_file

    async def overtaken(*arguments: Any) -> tuple[str, int]:
        monkeypatch.setattr(archive, "_write_file", write)
        with suppress(DatabaseAway):  # on PostgreSQL the first one's look keeps the second from dropping the month
            await archive_month(database, NEXT_MONTH, tmp_path, NOW)
        return await write(*arguments)

    monkeypatch.setattr(archive, "_write_file", overtaken)
    with suppress(ArchiveFailed):
        await archive_month(database, NEXT_MONTH, tmp_path, NOW)
    assert await prove_archives(database, tmp_path) == ()
    assert await remaining(database) == 0
    assert len(files_in(tmp_path)) == 1


async def test_a_proof_that_begins_while_a_month_goes_waits_for_its_opening(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = open_database(postgres_url)
    await open_shop(database)
    await trade(database, "T1-1")
    drop = archive._drop
    proofs: list[asyncio.Task[Proof]] = []

    async def drop_slowly(*arguments: Any) -> None:
        await drop(*arguments)
        proofs.append(asyncio.create_task(prove(database)))
        await eventually(lambda: somebody_waits(database))

    monkeypatch.setattr(archive, "_drop", drop_slowly)
    await archive_month(database, NEXT_MONTH, tmp_path, NOW)
    assert [(await proof).drifts for proof in proofs] == [()]
    await database.close()


async def somebody_waits(database: Database) -> bool:
    """Whether a connection to this database waits for a lock."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with database.engine.connect() as connection:
        return bool(await connection.scalar(text(query)))


async def test_an_interrupted_archive_is_made_anew(database: Database, tmp_path: Path) -> None:
    """The process died after the file and before the transaction."""
    await open_shop(database)
    await trade(database, "T1-1")
    (tmp_path / f"movements-until-{NEXT_MONTH:%Y-%m-%d}.ndjson.gz").write_bytes(b"half a file")
    await archive_all(database, tmp_path)
    assert await prove_archives(database, tmp_path) == ()


async def test_what_is_younger_stays(database: Database, tmp_path: Path) -> None:
    await open_shop(database)
    await trade(database, "T1-1")
    assert await months_to_archive(database, months_after(NOW, 0)) == []


@pytest.mark.parametrize(
    ("falsify", "found"),
    [
        ("UPDATE openings SET on_hand = on_hand + 1 WHERE product_id = 'tea'", "opening on_hand after the archives"),
        ("DELETE FROM openings WHERE product_id = 'jam'", "opening of archived movements"),
        ("UPDATE openings SET sold = 9 WHERE product_id = 'jam'", "opening sold after the archives"),
    ],
)
async def test_a_falsified_opening_is_named(database: Database, tmp_path: Path, falsify: str, found: str) -> None:
    await open_shop(database)
    await trade(database, "T1-1")
    await archive_all(database, tmp_path)
    async with database.writer.begin() as connection:
        await connection.execute(text(falsify))
    assert [drift.what for drift in await prove_archives(database, tmp_path)] == [found]
    assert (await prove(database)).drifts != ()


async def test_a_changed_or_missing_file_is_refused(database: Database, tmp_path: Path) -> None:
    await open_shop(database)
    await trade(database, "T1-1")
    (month,) = await archive_all(database, tmp_path)
    with (tmp_path / month.file_name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(InvalidInput, match="missing or changed"):
        await prove_archives(database, tmp_path)


async def test_without_its_opening_a_row_has_drifted(database: Database, tmp_path: Path) -> None:
    await open_shop(database)
    await trade(database, "T1-1")
    await archive_all(database, tmp_path)
    async with database.writer.begin() as connection:
        await connection.execute(text("DELETE FROM openings"))
    drifts = (await prove(database)).drifts
    assert Drift("292", "tea", "on_hand as the sum of movements", 0, 7) in drifts


async def test_partitions_are_made_ahead_and_take_in_what_had_none(postgres_url: str, tmp_path: Path) -> None:
    database = open_database(postgres_url)
    await open_shop(database)
    await trade(database, "T1-1")
    await archive_all(database, tmp_path)
    await trade(database, "T1-2")  # this month has no partition now
    made = await make_partitions(database, NOW)
    assert made == [f"movements_{months_after(NOW, n):%Y_%m}" for n in range(4)]
    assert await make_partitions(database, NOW) == []
    async with database.engine.connect() as connection:
        assert [part.name for part in await partitions(connection)] == made
        assert await connection.scalar(text("SELECT count(*) FROM movements_default")) == 0
        assert await connection.scalar(text(f"SELECT count(*) FROM {made[0]}")) == 5
    assert (await prove(database)).drifts == ()
    await database.close()


async def test_a_version_is_written_once_in_every_partition(postgres_url: str) -> None:
    database = open_database(postgres_url)
    await make_partitions(database, NOW)
    async with database.engine.connect() as connection:
        keyed = await connection.scalar(
            text("""
            SELECT bool_and(EXISTS (
                SELECT FROM pg_constraint k WHERE k.conrelid = i.inhrelid AND k.contype = 'p'
                AND pg_get_constraintdef(k.oid) = 'PRIMARY KEY (store_id, product_id, version)'
            )) FROM pg_inherits i WHERE i.inhparent = 'movements'::regclass""")
        )
    assert keyed is True
    await database.close()


@pytest.mark.parametrize("most", [5_000, 2])
async def test_the_background_fold_begins_at_the_openings(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(drift, "MOVEMENTS", most)
    await open_shop(database)
    await trade(database, "T1-1")
    fold = DriftFold(database)
    await fold.turn()  # in the middle of a row, when slices are small
    await archive_all(database, tmp_path)
    await trade(database, "T1-2")
    for _ in range(2):
        while not await fold.turn():
            pass
    assert fold.units == 0
    async with database.writer.begin() as connection:
        await connection.execute(text("UPDATE openings SET on_hand = on_hand + 1 WHERE product_id = 'tea'"))
    while not await fold.turn():
        pass
    assert fold.units == 1
