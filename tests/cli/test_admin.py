"""`mostrador admin`: the first admin, on both databases, with a secret that is no argument."""

import asyncio
import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from backend.auth.pins import Pins
from backend.cli import errors
from backend.database.engine import open_database
from backend.database.reads import reading
from backend.main import mostrador
from backend.people.queries import Person, User, find_person, find_user


def stored(url: str, name: str) -> tuple[User | None, Person | None]:
    async def read() -> tuple[User | None, Person | None]:
        db = open_database(url)
        try:
            async with reading(db) as connection:
                return await find_user(connection, name), await find_person(connection, name)
        finally:
            await db.close()

    return asyncio.run(read())


def fits(user: User | None, secret: str) -> bool:
    return user is not None and asyncio.run(Pins().verify(user.pin_hash, secret))


def test_the_first_admin_is_made_and_made_again(database_url: str) -> None:
    command = ["admin", "root", "--database-url", database_url]
    made = CliRunner().invoke(mostrador, command, input="open sesame\nopen sesame\n")
    assert made.exit_code == 0, made.output
    assert made.stdout == "root is an admin now.\n"
    assert "open sesame" not in made.output
    user, person = stored(database_url, "root")
    assert fits(user, "open sesame")
    assert person is not None
    assert (person.role, person.display_name, person.stores) == ("admin", "root", ())

    again = CliRunner().invoke(
        mostrador, [*command, "--display-name", "Rosa", "--secret-file", "-", "--json"], input="close sesame\n"
    )
    assert json.loads(again.stdout) == {"name": "root", "role": "admin", "created": False}
    user, person = stored(database_url, "root")
    assert fits(user, "close sesame")
    assert person is not None
    assert person.display_name == "Rosa"


@pytest.mark.parametrize(
    ("name", "secret", "field"), [("root", "short", "pin"), ("a:b", "open sesame", "name"), ("root", "root", "pin")]
)
def test_a_bad_one_is_refused(
    sqlite_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, secret: str, field: str
) -> None:
    file = tmp_path / "secret"
    file.write_text(secret)
    command = ["admin", name, "--database-url", sqlite_url, "--secret-file", str(file), "--json"]
    assert errors.run(mostrador, command) == errors.WRONG_INPUT
    assert json.loads(capsys.readouterr().err)["field"] == field
    assert stored(sqlite_url, name) == (None, None)


def test_the_secret_is_no_argument() -> None:
    command = mostrador.get_command(click.Context(mostrador), "admin")
    assert command is not None
    assert {name for option in command.params for name in option.opts if "secret" in name} == {"--secret-file"}
