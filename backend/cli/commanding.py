"""How the tools that move stock send their command: in a person's name, straight to the ledger of the database."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import click
from msgspec import ValidationError, convert, to_builtins

from backend.approvals.limiting import Limiting
from backend.auth.roles import EVERY_STORE, ROLES, ScopeMissing
from backend.auth.tokens import Claims
from backend.database.engine import Database, check_schema, open_database
from backend.database.reads import moment, reading
from backend.http.problems import Refused
from backend.ledger.lanes import open_ledger
from backend.model.answers import Answer
from backend.model.books import Request
from backend.model.commands import Command, Line
from backend.model.errors import InvalidInput
from backend.model.stock import Who
from backend.model.verbs import VERBS
from backend.people.queries import find_person

Result = TypeVar("Result")


def as_option(command: Callable[..., object]) -> Callable[..., object]:
    """Add `--as NAME` to a command."""
    return click.option(
        "--as", "person", metavar="NAME", required=True, help="The person of the shop in whose name it is done."
    )(command)


def lines_of(items: Sequence[str]) -> tuple[Line, ...]:
    """Returns the lines that `PRODUCT=UNITS …` spell. Raises InvalidInput."""
    lines = []
    for item in items:
        product_id, _, units = item.rpartition("=")
        if not product_id or not units.isdecimal():
            raise InvalidInput("line", f"{item} is not PRODUCT=UNITS, such as 818981=2.")
        lines.append(Line(product_id, int(units)))
    return tuple(lines)


async def on_database(url: str, work: Callable[[Database], Awaitable[Result]]) -> Result:
    """Run `work` on a database with this version's schema, and close it."""
    db = open_database(url)
    try:
        await check_schema(db)
        return await work(db)
    finally:
        await db.close()


async def claims_of(db: Database, name: str) -> Claims:
    """Returns what the person `name` may do. Raises InvalidInput for nobody."""
    async with reading(db) as connection:
        person = await find_person(connection, name)
        now = await moment(connection)
    if person is None:
        raise InvalidInput("as", f"There is nobody called {name}; name a person of this shop.")
    stores = frozenset([EVERY_STORE]) if person.role == "admin" else frozenset(person.stores)
    return Claims(person.name, person.role, frozenset(ROLES[person.role]), stores, "", "", now, Who(person.name))


async def send(db: Database, claims: Claims, command: Command) -> Answer:
    """Returns the ledger's answer. Raises InvalidInput, ScopeMissing, StoreNotAllowed and Refused, as the API would."""
    try:
        convert(to_builtins(command), type(command))  # the limits of its fields
    except ValidationError as error:
        raise InvalidInput("command", f"This is not possible: {error}.") from error
    scope = VERBS[type(command)].scope
    if scope not in claims.scopes:
        raise ScopeMissing(f"A {claims.role} may not do this; it needs the right {scope}.")
    claims.require_store(command.store_id)
    objections = await Limiting(db).objections({0: command}, claims)
    ledger = open_ledger(db, lambda _: None)
    await ledger.start()
    try:
        answer = await ledger.submit(Request(command, claims.who, objections.get(0)))
    finally:
        await ledger.close()
    if answer.refusal is not None:
        raise Refused(answer.refusal)
    return answer


async def sent(url: str, person: str, command: Command) -> Answer:
    """Open the database and send one command in the name of `person`."""

    async def work(db: Database) -> Answer:
        return await send(db, await claims_of(db, person), command)

    return await on_database(url, work)


def show_stock(answer: Answer) -> None:
    """Print what a command left of each product."""
    for row in answer.stock:
        click.echo(
            f"store {row.store_id}, product {row.product_id}: {row.on_hand} on hand, {row.unavailable} unavailable,"
            f" {row.allocated} allocated, {row.reserved} reserved, {row.available} available"
        )
