"""What the tools share that act in a store: they do so as a person, through a server, with that person's rights."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from typing import Any

import click

from backend.terminal.api import Api

Answer = dict[str, Any]


def acting_options(command: Callable[..., object]) -> Callable[..., object]:
    """Add `--server`, `--user`, `--store`, `--terminal` and `--json` to a command; `acting` takes what they say."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON."),
        click.option("--terminal", metavar="ID", default="", help="The terminal to act at; else a new one."),
        click.option("--store", metavar="ID", envvar="MOSTRADOR_STORE", required=True, help="The store to act in."),
        click.option(
            "--user", metavar="NAME", required=True, help="Who acts; the PIN is asked for (or in MOSTRADOR_PIN)."
        ),
        click.option("--server", metavar="URL", envvar="MOSTRADOR_SERVER", required=True, help="The server's address."),
    ):
        command = option(command)
    return command


def approval_option(command: Callable[..., object]) -> Callable[..., object]:
    """Add `--approved-by` to a command."""
    return click.option(
        "--approved-by",
        metavar="NAME",
        help="A supervisor who approves it; their PIN is asked for (or MOSTRADOR_APPROVAL_PIN).",
    )(command)


def approval(approved_by: str | None) -> Answer:
    """Returns the part of a body that says who approves; empty when nobody is named."""
    if approved_by is None:
        return {}
    pin = os.environ.get("MOSTRADOR_APPROVAL_PIN") or click.prompt(f"PIN of {approved_by}", hide_input=True, err=True)
    return {"approval": {"user": approved_by, "pin": pin}}


def acting(server: str, user: str, store: str, terminal: str, act: Callable[[Api], Awaitable[Answer]]) -> Answer:
    """Returns what `act` answers, done in a session of the person, who is signed out afterwards."""
    pin = os.environ.get("MOSTRADOR_PIN") or click.prompt("PIN", hide_input=True, err=True)
    return asyncio.run(_acting(Api(server), user, pin, store, terminal, act))


async def _acting(
    api: Api, user: str, pin: str, store: str, terminal: str, act: Callable[[Api], Awaitable[Answer]]
) -> Answer:
    try:
        await api.sign_in(user, pin, store, terminal)
        return await act(api)
    finally:
        await api.sign_out()
        await api.close()


def shown(answer: Answer, as_json: bool, *sentences: str) -> None:
    """Print an answer: as JSON, or the sentences about it."""
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
    else:
        for sentence in sentences:
            click.echo(sentence)


def money(amount: float) -> str:
    """Returns an amount as it is printed."""
    return f"{amount:.2f}"


async def sale_of(api: Api, store: str, receipt: str) -> Answer:
    """Returns the sale with this number on its receipt."""
    return await api.call("GET", f"/sales/receipt/{store}/{receipt}")
