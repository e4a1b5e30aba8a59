"""`mostrador enrol`: trade a terminal's code for its own key, and keep the key where only its owner reads it."""

import asyncio
import json
from pathlib import Path

import click
import msgspec

from backend.embedded.files import shop_files, write_private
from backend.terminal.api import Api
from backend.terminal.values import Enrolment

from .terminal import fleet_files


@click.command()
@click.argument("code")
@click.option("--server", metavar="URL", envvar="MOSTRADOR_SERVER", required=True, help="The fleet's address.")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Data directory of the terminal (MOSTRADOR_DATA).",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, without the key.")
def enrol(code: str, server: str, data: Path | None, as_json: bool) -> None:
    """Enrol this terminal with the CODE that a supervisor was shown.

    The code is good once, for 15 minutes. From then on the counter opens in the terminal's store.

    \b
    Example:
      mostrador enrol 7K3QP-M0XVD --server https://shop.example
    """
    files = fleet_files(server, shop_files(data))
    files.prepare()  # first: the code is good only once
    enrolment = asyncio.run(_enrol(server, code))
    write_private(files.enrolment, msgspec.json.encode(enrolment).decode())
    if as_json:
        where = {"store_id": enrolment.store_id, "terminal_id": enrolment.terminal_id}
        click.echo(json.dumps({**where, "name": enrolment.name, "file": str(files.enrolment)}))
    else:
        click.echo(f"This is terminal {enrolment.terminal_id} of store {enrolment.store_id} now.")


async def _enrol(server: str, code: str) -> Enrolment:
    api = Api(server)
    try:
        return await api.enrol(code)
    finally:
        await api.close()
