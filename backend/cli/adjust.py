"""`mostrador adjust`: correct what is on hand."""

import asyncio
from pathlib import Path

import click
import msgspec
from msgspec import UNSET

from backend.ids import new_id
from backend.model.reasons import ReasonCode
from backend.model.verbs.adjust import Adjust

from .commanding import as_option, sent, show_stock
from .options import database_options, database_url_of


@click.command()
@click.argument("store")
@click.argument("product")
@click.argument("units", type=int)
@click.option("--reason", required=True, help="Why, in words.")
@click.option("--reason-code", type=click.Choice([code.value for code in ReasonCode]), help="Why, as reports count it.")
@click.option("--document", default=None, help="The paper behind it.")
@as_option
@database_options
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def adjust(
    store: str,
    product: str,
    units: int,
    reason: str,
    reason_code: str | None,
    document: str | None,
    person: str,
    database_url: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Correct what is on hand of PRODUCT in STORE by UNITS: 3, or -3 after --.

    \b
    Example:
      mostrador adjust --as luis --reason "torn bags" --reason-code damage -- 292 818981 -3
    """
    command = Adjust(
        id=new_id(),
        store_id=store,
        product_id=product,
        adjustment=units,
        reason=reason,
        reason_code=ReasonCode(reason_code) if reason_code else UNSET,
        document_id=document or UNSET,
    )
    answer = asyncio.run(sent(database_url_of(database_url, data), person, command))
    if as_json:
        click.echo(msgspec.json.encode(answer))
    else:
        show_stock(answer)
