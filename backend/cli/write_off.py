"""`mostrador write-off`: take units out of the books for good."""

import asyncio
from pathlib import Path

import click
import msgspec

from backend.ids import new_id
from backend.model.reasons import ReasonCode
from backend.model.verbs.write_off import Source, WriteOff

from .commanding import as_option, lines_of, sent, show_stock
from .options import database_options, database_url_of


@click.command()
@click.argument("store")
@click.argument("line", nargs=-1, required=True)
@click.option("--reason-code", type=click.Choice([code.value for code in ReasonCode]), required=True, help="Why.")
@click.option(
    "--source",
    type=click.Choice([source.value for source in Source]),
    default=Source.AVAILABLE.value,
    show_default=True,
    help="Units of the shelf, or of quarantine.",
)
@click.option("--reason", default="", help="Why, in words.")
@click.option("--document", default="", help="The paper behind it.")
@as_option
@database_options
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def write_off(
    store: str,
    line: tuple[str, ...],
    reason_code: str,
    source: str,
    reason: str,
    document: str,
    person: str,
    database_url: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Take units out of the books for good: each LINE is PRODUCT=UNITS.

    \b
    Example:
      mostrador write-off 292 818981=3 --reason-code expired --source unavailable --as luis
    """
    command = WriteOff(
        id=new_id(),
        store_id=store,
        lines=lines_of(line),
        reason_code=ReasonCode(reason_code),
        source=Source(source),
        reason=reason,
        document_id=document,
    )
    answer = asyncio.run(sent(database_url_of(database_url, data), person, command))
    if as_json:
        click.echo(msgspec.json.encode(answer))
    else:
        show_stock(answer)
