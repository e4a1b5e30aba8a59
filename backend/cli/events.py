"""`mostrador events tail`: follow what happens in a store, as it is told over NATS."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import click
import msgspec
from nats.aio.msg import Msg

from backend.events.connection import NatsAway, connect_options, connected
from backend.events.subjects import Kind, of_store
from backend.model.errors import InvalidInput
from backend.model.events import Message
from backend.settings import NatsSettings
from backend.terminal.api import Api, ServerAway

TERMINAL = "events-tail"
PAUSE_SECONDS = 1.0


@click.group()
def events() -> None:
    """What happens in the stores, live.

    \b
    Example:
      mostrador events tail --store 292 --server https://shop.example --user luis
    """


@events.command()
@click.option("--store", "stores", metavar="ID", multiple=True, required=True, help="A store; repeat it for several.")
@click.option("--kind", type=click.Choice([x.value for x in Kind]), help="Only this kind.")
@click.option("--product", metavar="ID", help="Only the stock of this product.")
@click.option("--server", metavar="URL", help="Ask this server for NATS, and listen as a person who is signed in.")
@click.option("--user", metavar="NAME", help="Who that is; the PIN is asked for (or in MOSTRADOR_PIN).")
@click.option("--json", "as_json", is_flag=True, help="Print each message as one line of JSON, as it was published.")
def tail(
    stores: tuple[str, ...],
    kind: str | None,
    product: str | None,
    server: str | None,
    user: str | None,
    as_json: bool,
) -> None:
    """Follow what happens in a store until Ctrl-C.

    With --server a person listens, to the stores that are theirs. Without it NATS is reached with NATS_URL, NATS_USER
    and NATS_PASSWORD, as by a server. The same message may come twice, and an older one after a newer one: versions
    tell them apart.

    \b
    Examples:
      mostrador events tail --store 292 --server https://shop.example --user luis
      mostrador events tail --store 292 --kind stock --product 1029743 --json
    """
    if product is not None and kind not in (None, Kind.STOCK):
        raise click.UsageError("--product goes with stock only; leave --kind away.")
    wanted = Kind.STOCK if product is not None else Kind(kind) if kind else None
    subjects = [of_store(store, wanted, product) for store in stores]
    if (server is None) != (user is None):
        raise click.UsageError("--server and --user go together.")
    if server and user:
        asyncio.run(_tail_as_person(server, user, _pin(), stores[0], subjects, as_json))
    else:
        settings = NatsSettings.load()
        if not settings.nats_servers:
            raise InvalidInput("NATS_URL", "NATS_URL is not set; set it, or listen as a person with --server.")
        options = connect_options(settings)
        asyncio.run(_tail(lambda: _always(options), subjects, as_json))


def _pin() -> str:
    pin = os.environ.get("MOSTRADOR_PIN")
    if not pin and not sys.stdin.isatty():  # it would be shown, and getpass would warn of that
        raise InvalidInput("MOSTRADOR_PIN", "There is no terminal to ask for the PIN; put it into MOSTRADOR_PIN.")
    return pin or str(click.prompt("PIN", hide_input=True, err=True))


async def _tail_as_person(server: str, user: str, pin: str, store_id: str, subjects: list[str], as_json: bool) -> None:
    api = Api(server)

    async def options() -> dict[str, Any]:
        address = await api.live()  # with a token that is still fresh, which NATS wants too
        if not address.nats_url:
            raise NatsAway("That server has no NATS; there are no live events from it.")
        return {"servers": address.nats_url.split(","), "token": api.token}

    try:
        await api.sign_in(user, pin, store_id, TERMINAL)
        await _tail(options, subjects, as_json)
    finally:
        await api.sign_out()
        await api.close()


async def _always(options: dict[str, Any]) -> dict[str, Any]:
    return options


async def _tail(options: Callable[[], Awaitable[dict[str, Any]]], subjects: list[str], as_json: bool) -> None:
    """Listen for ever. Raises NatsAway if that is not possible to begin with."""
    await _listen(await options(), subjects, as_json)
    while True:
        click.echo("The connection to NATS has ended; connecting again.", err=True)
        try:
            await _listen(await options(), subjects, as_json)
        except (NatsAway, ServerAway):
            await asyncio.sleep(PAUSE_SECONDS)


async def _listen(options: dict[str, Any], subjects: list[str], as_json: bool) -> None:
    lost = asyncio.Event()

    async def on_lost() -> None:
        lost.set()

    async def show(message: Msg) -> None:
        if as_json:
            click.echo(message.data)
        else:
            for line in lines_of(message.subject, msgspec.json.decode(message.data, type=Message)):
                click.echo(line)

    async with connected(options | {"closed_cb": on_lost}) as client:
        for subject in subjects:
            await client.subscribe(subject, cb=show)
        await client.flush()
        await lost.wait()


def lines_of(subject: str, message: Message) -> Iterator[str]:
    """Yields a line for each thing that a message tells of."""
    head = f"{message.at.astimezone():%H:%M:%S.%f}"[:-3] + f" {message.store_id} {subject.split('.')[2]}"
    for row in message.stock:
        numbers = f"on hand {row.on_hand}, reserved {row.reserved}, available {row.available}"
        yield f"{head} {row.product_id}: {numbers} (version {row.version})"
    for hold in message.reservations:
        goods = ", ".join(f"{line.quantity} × {line.product_id}" for line in hold.lines)
        yield f"{head} {hold.id} {hold.status}: {goods} (version {hold.version})"
    for sale in message.sales:
        yield f"{head} {sale.id} {sale.receipt_number}: {sale.total_cents / 100:.2f}"
    for alert in message.alerts:
        coming = f", {alert.incoming} on their way" if alert.on_its_way else ""
        yield f"{head} {alert.product_id} {alert.state}: {alert.available} available{coming} (version {alert.version})"
    for document in message.documents:
        yield f"{head} {document.kind} {document.id} {document.status} (version {document.version})"
    for recall in message.recalls:
        yield f"{head} {recall.terminal_id}: give back {recall.wanted} of {recall.product_id} ({recall.allotment_id})"
    for move in (*message.transfers, *message.counts, *message.movements):
        yield f"{head} {move.product_id} {move.kind}: {move.on_hand_change:+} (version {move.version})"
