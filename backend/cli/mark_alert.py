"""`mostrador mark-alert`: say of an open alert that it was seen, is put off, or is given to somebody."""

import asyncio
from pathlib import Path

import click
import msgspec

from backend.alerts.findings import thresholds_of
from backend.alerts.marks import mark_of, since_of
from backend.alerts.service import RULES, Alerts
from backend.database.engine import Database
from backend.ids import new_id
from backend.model.alert_marks import MarkStatus
from backend.model.verbs.alert_mark import MOST_HOURS, AlertMark
from backend.settings import RuleSettings

from .commanding import as_option, claims_of, on_database, send
from .options import database_options, database_url_of


@click.command("mark-alert")
@click.argument("store")
@click.argument("rule", type=click.Choice(list(RULES)))
@click.argument("subject")
@click.option("--snooze", "hours", type=click.IntRange(1, MOST_HOURS), help="Put it off for so many hours.")
@click.option("--assign", "owner", metavar="NAME", default="", help="Give it to somebody.")
@click.option("--reopen", is_flag=True, help="As if nothing had been said.")
@click.option("--note", metavar="TEXT", default="", help="What there is to say.")
@as_option
@database_options
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def mark_alert(
    store: str,
    rule: str,
    subject: str,
    hours: int | None,
    owner: str,
    reopen: bool,
    note: str,
    person: str,
    database_url: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Say of the alert of RULE about SUBJECT in STORE that it was seen; or put it off, give it away, open it again.

    \b
    Examples:
      mostrador mark-alert 292 hold_hoarding 818981 --as luis
      mostrador mark-alert 292 stuck_transfer 019a9f3e-0000-7000-8000-000000000000 --assign ana --as luis
    """
    if (hours is not None) + bool(owner) + reopen > 1:
        raise click.UsageError("Say one thing: --snooze, --assign or --reopen.")
    status = MarkStatus.ACKNOWLEDGED
    if hours is not None:
        status = MarkStatus.SNOOZED
    elif owner or reopen:
        status = MarkStatus.ASSIGNED if owner else MarkStatus.REOPENED

    async def work(db: Database) -> bytes:
        claims = await claims_of(db, person)
        found = await Alerts(db, thresholds_of(RuleSettings.load())).look(store)
        command = AlertMark(
            id=new_id(),
            store_id=store,
            rule=rule,
            subject=subject,
            since=since_of(found.alerts, rule, subject),
            status=status,
            hours=hours,
            owner=owner,
            note=note,
        )
        return msgspec.json.encode(mark_of((await send(db, claims, command)).documents[0]))

    found = asyncio.run(on_database(database_url_of(database_url, data), work))
    click.echo(found if as_json else f"The alert {rule} about {subject} is {status}.")
