"""Stores, users, terminals, keys and webhooks from the command line, on both databases."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import insert, select

from backend.auth.api_keys import ApiKey
from backend.auth.pins import Pins
from backend.cli import errors
from backend.database import tables
from backend.database.audit_trail import Origin
from backend.database.engine import open_database
from backend.database.reads import database_now, reading
from backend.ids import new_id
from backend.keys.service import Keys
from backend.main import mostrador
from backend.people.queries import find_user
from backend.terminals.enrolment import enrol
from tests.http.shop import furnish


@pytest.fixture
def url(database_url: str) -> str:
    asyncio.run(furnish(database_url))
    return database_url


class Office:
    """Runs commands on a database, and reads what they did."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __call__(self, *words: str, typed: str | None = None) -> Any:
        """What a command that must succeed answers to a program."""
        command = [*words, "--database-url", self.url, "--json"]
        result = CliRunner().invoke(mostrador, command, input=typed)
        assert result.exit_code == 0, (result.output, result.exception)
        return json.loads(result.stdout)

    def says(self, *words: str) -> str:
        result = CliRunner().invoke(mostrador, [*words, "--database-url", self.url])
        assert result.exit_code == 0, result.output
        return result.stdout

    def refused(self, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
        assert errors.run(mostrador, [*words, "--database-url", self.url, "--json"]) != 0
        told: dict[str, Any] = json.loads(capsys.readouterr().err)
        return told

    def acts(self) -> list[tuple[str, str]]:
        """What the trail tells, oldest first, all of it by the command line."""

        async def read() -> Sequence[Any]:
            db = open_database(self.url)
            try:
                async with reading(db) as connection:
                    return (await connection.execute(select(tables.audit).order_by(tables.audit.c.id))).all()
            finally:
                await db.close()

        rows = asyncio.run(read())
        assert {row.actor for row in rows} <= {"system:cli"}
        return [(row.action, row.subject) for row in rows]


@pytest.fixture
def office(url: str) -> Office:
    return Office(url)


def test_stores(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    assert office("stores", "add", "oeste", "Oeste") == {"id": "oeste", "name": "Oeste"}
    assert office("stores", "add", "oeste", "Oeste") == {"id": "oeste", "name": "Oeste"}
    assert office("stores", "change", "oeste", "Poniente") == {"id": "oeste", "name": "Poniente"}
    assert {"id": "oeste", "name": "Poniente"} in office("stores", "list")
    assert "Poniente" in office.says("stores", "list")
    assert office.acts() == [("store.create", "store:oeste"), ("store.rename", "store:oeste")]
    assert office.refused(capsys, "stores", "add", "oeste", "Otro")["field"] == "store_id"
    assert office.refused(capsys, "stores", "add", "o e", "Otro")["field"] == "id"
    assert office.refused(capsys, "stores", "change", "lejos", "Otro")["code"] == "unknown_store"


def test_users(office: Office, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    added = office("users", "add", "pia", "--role", "clerk", "--store", "sur", typed="4071\n4071\n")
    assert (added["name"], added["display_name"], added["stores"]) == ("pia", "pia", ["sur"])
    assert {person["name"] for person in office("users", "list")} == {"ana", "luis", "pia", "root"}
    assert {person["name"] for person in office("users", "list", "--store", "sur")} == {"luis", "pia", "root"}
    changed = office("users", "change", "pia", "--role", "supervisor", "--store", "sur", "--store", "este")
    assert (changed["role"], changed["stores"]) == ("supervisor", ["este", "sur"])
    secret = tmp_path / "secret"
    secret.write_text("7405\n")
    office("users", "pin", "pia", "--secret-file", str(secret))

    async def fits() -> bool:
        db = open_database(office.url)
        try:
            async with reading(db) as connection:
                user = await find_user(connection, "pia")
            return user is not None and await Pins().verify(user.pin_hash, "7405")
        finally:
            await db.close()

    assert asyncio.run(fits())
    assert office("users", "sign-out", "pia") == {"name": "pia", "sessions": 0}
    assert office("users", "remove", "pia") == {"removed": "pia"}
    actions = ["user.create", "user.update", "user.new_pin", "user.sign_out", "user.delete"]
    assert office.acts() == [(action, "user:pia") for action in actions]
    assert office.refused(capsys, "users", "remove", "root")["code"] == "last_admin"
    assert office.refused(capsys, "users", "remove", "nobody")["code"] == "unknown_user"
    secret.write_text("1234")
    told = office.refused(capsys, "users", "pin", "ana", "--secret-file", str(secret))
    assert told["field"] == "pin"


def test_a_new_pin_ends_the_sessions_of_who_forgot_it(office: Office, tmp_path: Path) -> None:
    async def sessions(*, open_one: bool) -> list[str]:
        db = open_database(office.url)
        try:
            if open_one:
                async with db.writer.begin() as connection:
                    where = {"user_name": "ana", "store_id": "norte", "terminal_id": "T1"}
                    now = datetime.now(UTC)
                    moments = {"created_at": now, "expires_at": now + timedelta(hours=1)}
                    row = {"id": "s1", "refresh_hash": "x", **where, **moments}
                    await connection.execute(insert(tables.sessions).values(row))
            async with reading(db) as connection:
                return list(await connection.scalars(select(tables.sessions.c.end_reason)))
        finally:
            await db.close()

    assert asyncio.run(sessions(open_one=True)) == [""]
    secret = tmp_path / "secret"
    secret.write_text("7405\n")
    office("users", "pin", "ana", "--secret-file", str(secret))
    assert asyncio.run(sessions(open_one=False)) == ["user_changed"]


def test_terminals(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    made = office("terminals", "add", "norte", "T7", "--name", "By the door")
    assert (made["terminal_id"], made["name"], made["created_by"]) == ("T7", "By the door", "system:cli")
    again = office("terminals", "add", "norte", "T7")
    assert again["code"] != made["code"]

    async def trade() -> str:
        db = open_database(office.url)
        try:
            return (await enrol(db, Origin("system:cli"), again["code"], None)).key
        finally:
            await db.close()

    assert ApiKey.parse(asyncio.run(trade()))
    [listed] = office("terminals", "list", "--store", "norte")
    assert listed["key_id"]
    assert office("terminals", "list", "--store", "sur") == []
    assert office.refused(capsys, "terminals", "add", "norte", "T7")["code"] == "terminal_enrolled"
    assert office("terminals", "remove", "norte", "T7")["terminal_id"] == "T7"
    assert office("keys", "list") == []
    assert office.refused(capsys, "terminals", "remove", "norte", "T7")["code"] == "unknown_terminal"
    assert office.refused(capsys, "terminals", "add", "lejos", "T7")["code"] == "unknown_store"


def test_keys(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    made = office("keys", "add", "ERP", "--scope", "stock:read", "--store", "sur", "--valid-days", "30")
    assert (made["scopes"], made["stores"], made["created_by"]) == (["stock:read"], ["sur"], "system:cli")

    async def claims() -> frozenset[str]:
        db = open_database(office.url)
        try:
            return (await Keys(db).verify(made["key"])).stores
        finally:
            await db.close()

    assert asyncio.run(claims()) == {"sur"}
    [listed] = office("keys", "list")
    assert listed["id"] == made["id"]
    assert "key" not in listed
    assert made["key"] not in office.says("keys", "list")
    assert office("keys", "remove", made["id"]) == {"revoked": made["id"]}
    assert office.acts() == [("key.create", f"key:{made['id']}"), ("key.revoke", f"key:{made['id']}")]
    assert office.refused(capsys, "keys", "remove", made["id"])["code"] == "unknown_key"
    told = office.refused(capsys, "keys", "add", "ERP", "--scope", "stock:read", "--valid-days", "0")
    assert told["field"] == "valid_days"


def test_webhooks(
    office: Office, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WEBHOOK_KEY", "")
    told = office.refused(capsys, "webhooks", "add", "https://erp.example/stock")
    assert told["field"] == "SIGNING_KEY_FILE"
    monkeypatch.setenv("WEBHOOK_KEY", "kq3Wb8sYt1LmZ0vXc7RnPd5HgJf2Ea9U")
    made = office("webhooks", "add", "https://erp.example/stock", "--store", "sur", "--kind", "sale")
    assert (made["store_id"], made["kinds"], made["created_by"]) == ("sur", ["sale"], "system:cli")
    assert made["secret"].startswith("whsec_")
    [listed] = office("webhooks", "list")
    assert listed["id"] == made["id"]
    assert "secret" not in listed
    assert office("webhooks", "letters", made["id"]) == []
    event = new_id()

    async def give_up() -> None:
        db = open_database(office.url)
        try:
            async with db.writer.begin() as connection:
                row = {"webhook_id": made["id"], "event_id": event, "store_id": "sur", "payload": "{}", "attempts": 9}
                values = {**row, "last_error": "500", "created_at": database_now()}
                await connection.execute(insert(tables.webhook_deliveries).values(**values))
        finally:
            await db.close()

    asyncio.run(give_up())
    [letter] = office("webhooks", "letters", made["id"])
    assert (letter["event_id"], letter["last_error"]) == (str(event), "500")
    assert office("webhooks", "replay", made["id"], str(event))["event_id"] == str(event)
    assert office("webhooks", "letters", made["id"]) == []
    assert office("webhooks", "remove", made["id"])["id"] == made["id"]
    assert [action for action, _ in office.acts()] == ["webhook.create", "webhook.replay", "webhook.delete"]
    assert office.refused(capsys, "webhooks", "remove", made["id"])["code"] == "unknown_webhook"
    assert office.refused(capsys, "webhooks", "add", "http://erp.example/stock")["field"] == "url"
