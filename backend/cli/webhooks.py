"""`mostrador webhooks`: who is told of what happens, and what could not be delivered to them."""

from pathlib import Path
from uuid import UUID

import click

from backend.auth.roles import EVERY_STORE
from backend.database.engine import Database, parse_url
from backend.database.reads import reading
from backend.embedded.files import shop_files
from backend.events.subjects import Kind
from backend.model.errors import InvalidInput
from backend.server import sealer_for
from backend.settings import Settings
from backend.webhooks.queries import DeadLetter, StoredWebhook, dead_letters, webhooks_after
from backend.webhooks.sealing import Sealer
from backend.webhooks.service import (
    NewWebhookBody,
    WebhookMade,
    delete_webhook,
    make_webhook,
    replay_letter,
    webhook_of,
)

from .office import CALLER, ORIGIN, body_of, everything, in_database, office_options, show, tell
from .options import database_url_of


@click.group()
def webhooks() -> None:
    """Who is told of what happens, over HTTPS.

    \b
    Examples:
      mostrador webhooks list
      mostrador webhooks add https://erp.example/stock --store 1 --kind sale --kind count
      mostrador webhooks letters 0197a2b4c0de
      mostrador webhooks remove 0197a2b4c0de
    """


@webhooks.command(name="list")
@office_options
def list_(database_url: str | None, data: Path | None, as_json: bool) -> None:
    """List the webhooks, without their secrets.

    \b
    Example:
      mostrador webhooks list --json
    """

    async def use(db: Database) -> list[StoredWebhook]:
        return await everything(
            db, lambda connection, last, limit: webhooks_after(connection, last.id if last else "", None, limit)
        )

    columns = ("id", "url", "store_id", "kinds", "created_by", "created_at")
    show(as_json, in_database(database_url, data, use), columns, "There is no webhook.")


@webhooks.command()
@click.argument("url")
@click.option("--store", "store_id", metavar="ID", default=EVERY_STORE, help="The store to hear of; default: all.")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice([kind.value for kind in Kind]),
    help="Of what; once for each. Default: all.",
)
@office_options
def add(
    url: str, store_id: str, kinds: tuple[str, ...], database_url: str | None, data: Path | None, as_json: bool
) -> None:
    """Have events delivered to URL, and print the secret that its receiver verifies them with.

    The secret cannot be shown again. It is sealed with the servers' key: give this command the same settings as them.

    \b
    Example:
      mostrador webhooks add https://erp.example/stock --store 1 --kind sale
    """
    body = body_of(NewWebhookBody, url=url, store_id=store_id, kinds=kinds or None)
    sealer, allow_private = _sealer(database_url, data)

    async def use(db: Database) -> WebhookMade:
        return await make_webhook(db, sealer, CALLER, ORIGIN, body, None, allow_private=allow_private)

    made = in_database(database_url, data, use)
    tell(as_json, made, f"{url} is told as webhook {made.id}. Its secret cannot be shown again: {made.secret}")


@webhooks.command()
@click.argument("webhook_id")
@office_options
def remove(webhook_id: str, database_url: str | None, data: Path | None, as_json: bool) -> None:
    """Deliver nothing more to a webhook, not even what it is still owed.

    \b
    Example:
      mostrador webhooks remove 0197a2b4c0de
    """
    was = in_database(database_url, data, lambda db: delete_webhook(db, CALLER, ORIGIN, webhook_id))
    tell(as_json, was, f"{was.url} is told nothing more.")


@webhooks.command()
@click.argument("webhook_id")
@office_options
def letters(webhook_id: str, database_url: str | None, data: Path | None, as_json: bool) -> None:
    """List what could not be delivered to a webhook and is not tried any more.

    \b
    Example:
      mostrador webhooks letters 0197a2b4c0de --json
    """

    async def use(db: Database) -> list[DeadLetter]:
        async with reading(db) as connection:
            await webhook_of(connection, CALLER, webhook_id)
        return await everything(
            db,
            lambda connection, last, limit: dead_letters(
                connection, webhook_id, last.event_id if last else UUID(int=0), limit
            ),
        )

    columns = ("event_id", "store_id", "created_at", "attempts", "last_error")
    show(as_json, in_database(database_url, data, use), columns, "Everything was delivered, or is still being tried.")


@webhooks.command()
@click.argument("webhook_id")
@click.argument("event_id")
@office_options
def replay(webhook_id: str, event_id: str, database_url: str | None, data: Path | None, as_json: bool) -> None:
    """Try an event once more that could not be delivered, from its first attempt on.

    \b
    Example:
      mostrador webhooks replay 0197a2b4c0de 0197a2b4-c0de-7000-8000-000000000000
    """
    letter = in_database(database_url, data, lambda db: replay_letter(db, CALLER, ORIGIN, webhook_id, event_id, None))
    tell(as_json, letter, f"The event {event_id} is tried again.")


def _sealer(database_url: str | None, data: Path | None) -> tuple[Sealer, bool]:
    """Returns what the servers of this database seal secrets with, and whether they deliver into private networks.

    Raises InvalidInput when their key is not here: one made now would be nobody's.
    """
    url, own = database_url_of(database_url, data), shop_files(data)
    is_own = parse_url(url) == parse_url(own.database_url)
    given = {"signing_key_file": own.signing_key} if is_own else {}
    settings = Settings.load(database_url=url, database_driver="", **given)
    if not (is_own or settings.webhook_key or settings.jwt_secret or settings.signing_key_file.exists()):
        raise InvalidInput(
            "SIGNING_KEY_FILE",
            f"The servers' key is not here ({settings.signing_key_file} does not exist); set WEBHOOK_KEY, JWT_SECRET or"
            " SIGNING_KEY_FILE as they have it.",
        )
    return sealer_for(settings), settings.webhooks_allow_private
