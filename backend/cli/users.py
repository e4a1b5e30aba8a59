"""`mostrador users`: the people who sign in, listed, added, changed and removed; and a PIN that was forgotten."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TextIO, TypeVar

import click

from backend.auth.pins import Pins
from backend.auth.roles import ROLES
from backend.database.engine import Database
from backend.people.queries import Person, people_after
from backend.people.service import NewUser, People, UserChange

from .office import (
    CALLER,
    ORIGIN,
    body_of,
    everything,
    in_database,
    no_ended_sessions,
    office_options,
    show,
    tell,
)
from .secret import secret_of, secret_option

T = TypeVar("T")
_role = click.Choice(list(ROLES))
_COLUMNS = ("name", "display_name", "role", "stores")


@click.group()
def users() -> None:
    """The people who sign in.

    \b
    Examples:
      mostrador users list
      mostrador users add ana --role clerk --store 1 --display-name "Ana Torres"
      mostrador users change ana --role supervisor --store 1 --store 2
      mostrador users pin ana
      mostrador users remove ana
    """


@users.command(name="list")
@click.option("--store", metavar="ID", help="Only who works in this store; admins work in all.")
@office_options
def list_(store: str | None, database_url: str | None, data: Path | None, as_json: bool) -> None:
    """List the users, with the stores they work in; an admin works in all.

    \b
    Example:
      mostrador users list --store 1 --json
    """

    async def use(db: Database) -> list[Person]:
        return await everything(
            db, lambda connection, last, limit: people_after(connection, last.name if last else "", None, limit)
        )

    found = in_database(database_url, data, use)
    if store is not None:
        found = [person for person in found if store in person.stores or person.role == "admin"]
    show(as_json, found, _COLUMNS, "There is no user; make the first one with: mostrador users add NAME --role ROLE")


@users.command()
@click.argument("name")
@click.option("--role", type=_role, required=True, help="What they may do.")
@click.option(
    "--store", "stores", multiple=True, metavar="ID", help="A store they work in; once for each, not for admins."
)
@click.option("--display-name", metavar="TEXT", help="The name that others see; default: NAME.")
@secret_option
@office_options
def add(
    name: str,
    role: str,
    stores: tuple[str, ...],
    display_name: str | None,
    secret_file: TextIO | None,
    database_url: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Add the user NAME. The PIN is asked for, or read from a file; they change it themselves at a terminal.

    \b
    Examples:
      mostrador users add ana --role clerk --store 1
      mostrador users add root --role admin --secret-file root.secret
    """
    pin = secret_of(secret_file, f"PIN of {name}")
    body = body_of(NewUser, name=name, display_name=display_name or name, role=role, stores=stores, pin=pin)
    person = _with_people(database_url, data, lambda people: people.add(CALLER, ORIGIN, body, None))
    tell(as_json, person, f"{name} is {_what(person)} now.")


@users.command()
@click.argument("name")
@click.option("--role", type=_role, help="What they may do from now on; an admin needs a new PIN too.")
@click.option("--store", "stores", multiple=True, metavar="ID", help="A store they work in; all of them are named.")
@click.option("--display-name", metavar="TEXT", help="The name that others see.")
@click.option("--pin", "new_pin", is_flag=True, help="Give a new PIN too.")
@secret_option
@office_options
def change(
    name: str,
    role: str | None,
    stores: tuple[str, ...],
    display_name: str | None,
    new_pin: bool,
    secret_file: TextIO | None,
    database_url: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Change the user NAME. What is not named stays. Another role, other stores or a new PIN end their sessions.

    \b
    Example:
      mostrador users change ana --role supervisor --store 1 --store 2
    """
    pin = secret_of(secret_file, f"New PIN of {name}") if new_pin or secret_file else None
    body = body_of(UserChange, role=role, stores=stores or None, display_name=display_name, pin=pin)
    person = _with_people(database_url, data, lambda people: people.change(CALLER, ORIGIN, name, body, None))
    tell(as_json, person, f"{name} is {_what(person)}.")


@users.command()
@click.argument("name")
@secret_option
@office_options
def pin(name: str, secret_file: TextIO | None, database_url: str | None, data: Path | None, as_json: bool) -> None:
    """Give the user NAME a new PIN, for one who forgot it. Their sessions end.

    \b
    Examples:
      mostrador users pin ana
      mostrador users pin ana --secret-file ana.secret --json
    """
    body = body_of(UserChange, pin=secret_of(secret_file, f"New PIN of {name}"))
    person = _with_people(database_url, data, lambda people: people.change(CALLER, ORIGIN, name, body, None))
    tell(as_json, person, f"{name} has the new PIN.")


@users.command()
@click.argument("name")
@office_options
def remove(name: str, database_url: str | None, data: Path | None, as_json: bool) -> None:
    """Take the user NAME away and end their sessions. What they did stays in the books under their name.

    \b
    Example:
      mostrador users remove ana
    """
    _with_people(database_url, data, lambda people: people.remove(CALLER, ORIGIN, name))
    tell(as_json, {"removed": name}, f"{name} signs in no more.")


@users.command(name="sign-out")
@click.argument("name")
@office_options
def sign_out(name: str, database_url: str | None, data: Path | None, as_json: bool) -> None:
    """End all sessions of the user NAME, within about a second on every server.

    \b
    Example:
      mostrador users sign-out ana
    """
    ended = _with_people(database_url, data, lambda people: people.sign_out(CALLER, ORIGIN, name))
    tell(as_json, {"name": name, "sessions": ended}, f"{name}: {ended} sessions ended.")


def _with_people(database_url: str | None, data: Path | None, use: Callable[[People], Awaitable[T]]) -> T:
    return in_database(database_url, data, lambda db: use(People(db, Pins(), no_ended_sessions())))


def _what(person: Person) -> str:
    return person.role + (f" in {', '.join(person.stores)}" if person.stores else " in every store")
