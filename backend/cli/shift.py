"""`mostrador shift`: open a drawer, pay in and out, close it with a blind count, and see the report."""

from typing import Any

import click

from backend.ids import new_id
from backend.terminal.api import Api

from .acting import acting, acting_options, money, shown

_ID = click.option("--id", "id_", type=click.UUID, help="The command's id: sent again it has no second effect.")
_AMOUNT = click.FloatRange(0, min_open=True)


@click.group()
def shift() -> None:
    """Open and close the drawer of a terminal, and see its report.

    \b
    Example:
      mostrador shift open 100 --store 292 --terminal T1 --user ana --server https://shop.example
    """


@shift.command("open")
@click.argument("opening_float", metavar="FLOAT", type=click.FloatRange(0))
@_ID
@acting_options
def open_(opening_float: float, id_: object, server: str, user: str, store: str, terminal: str, as_json: bool) -> None:
    """Open a shift at a terminal, with FLOAT in its drawer.

    \b
    Example:
      mostrador shift open 100 --store 292 --terminal T1 --user ana --server https://shop.example
    """
    body = {"id": str(id_ or new_id()), "opening_float": opening_float, "store_id": store}
    answer = _sent("/shifts", body, server, user, store, terminal)
    where = f"terminal {answer['terminal_id']}"
    shown(answer, as_json, f"Shift {answer['id']} is open at {where} with {money(opening_float)} in the drawer.")


@shift.command("pay-in")
@click.argument("shift_id", metavar="SHIFT", type=click.UUID)
@click.argument("amount", type=_AMOUNT)
@click.option("--reason", required=True, help="Where the cash comes from.")
@_ID
@acting_options
def pay_in(
    shift_id: object,
    amount: float,
    reason: str,
    id_: object,
    server: str,
    user: str,
    store: str,
    terminal: str,
    as_json: bool,
) -> None:
    """Put cash into the drawer without a sale.

    \b
    Example:
      mostrador shift pay-in 0197a2b4-c0de-7000-8a52-c1d3e5f60718 20 --reason "change from the bank" \\
          --store 292 --user ana --server https://shop.example
    """
    body = {"id": str(id_ or new_id()), "amount": amount, "reason": reason}
    answer = _sent(f"/shifts/{shift_id}/pay-in", body, server, user, store, terminal)
    shown(answer, as_json, f"{money(amount)} went into the drawer.")


@shift.command("pay-out")
@click.argument("shift_id", metavar="SHIFT", type=click.UUID)
@click.argument("amount", type=_AMOUNT)
@click.option("--reason", required=True, help="What the cash is for.")
@_ID
@acting_options
def pay_out(
    shift_id: object,
    amount: float,
    reason: str,
    id_: object,
    server: str,
    user: str,
    store: str,
    terminal: str,
    as_json: bool,
) -> None:
    """Take cash out of the drawer without a refund.

    \b
    Example:
      mostrador shift pay-out 0197a2b4-c0de-7000-8a52-c1d3e5f60718 5.50 --reason "window cleaner" \\
          --store 292 --user ana --server https://shop.example
    """
    body = {"id": str(id_ or new_id()), "amount": amount, "reason": reason}
    answer = _sent(f"/shifts/{shift_id}/pay-out", body, server, user, store, terminal)
    shown(answer, as_json, f"{money(amount)} left the drawer.")


@shift.command()
@click.argument("shift_id", metavar="SHIFT", type=click.UUID)
@click.option("--counted", type=click.FloatRange(0), help="The cash that is in the drawer; asked for when absent.")
@click.option("--note", default="", help="What is to be known about it.")
@_ID
@acting_options
def close(
    shift_id: object,
    counted: float | None,
    note: str,
    id_: object,
    server: str,
    user: str,
    store: str,
    terminal: str,
    as_json: bool,
) -> None:
    """Close a shift with what is counted in its drawer; only then it is told what should be there.

    \b
    Example:
      mostrador shift close 0197a2b4-c0de-7000-8a52-c1d3e5f60718 --counted 187.35 \\
          --store 292 --user ana --server https://shop.example
    """
    if counted is None:
        counted = click.prompt("Cash in the drawer", type=click.FloatRange(0), err=True)
    body = {"id": str(id_ or new_id()), "counted": counted, "note": note}
    _reported(_sent(f"/shifts/{shift_id}/close", body, server, user, store, terminal), as_json)


@shift.command()
@click.argument("shift_id", metavar="SHIFT", type=click.UUID)
@acting_options
def report(shift_id: object, server: str, user: str, store: str, terminal: str, as_json: bool) -> None:
    """Show what went through the drawer of a closed shift.

    \b
    Example:
      mostrador shift report 0197a2b4-c0de-7000-8a52-c1d3e5f60718 --store 292 --user luis --server https://shop.example
    """

    async def act(api: Api) -> dict[str, Any]:
        return await api.call("GET", f"/shifts/{shift_id}/report")

    _reported(acting(server, user, store, terminal, act), as_json)


@shift.command("list")
@click.option("--status", type=click.Choice(["open", "closed"]), help="Only these.")
@acting_options
def list_(status: str | None, server: str, user: str, store: str, terminal: str, as_json: bool) -> None:
    """List the shifts of a store, latest first.

    \b
    Example:
      mostrador shift list --status open --store 292 --user luis --server https://shop.example
    """
    query: dict[str, str | int] = {"store_id": store}
    if status:
        query["status"] = status

    async def act(api: Api) -> dict[str, Any]:
        return await api.call("GET", "/shifts", query=query)

    answer = acting(server, user, store, terminal, act)
    lines = [
        f"{x['id']}  {x['terminal_id']}  {x['status']}  {x['opened_by']}  {x['opened_at']}" for x in answer["shifts"]
    ]
    shown(answer, as_json, *(lines or ["No shift."]))


def _sent(path: str, body: dict[str, Any], server: str, user: str, store: str, terminal: str) -> dict[str, Any]:
    async def act(api: Api) -> dict[str, Any]:
        return await api.call("POST", path, body)

    return acting(server, user, store, terminal, act)


def _reported(answer: dict[str, Any], as_json: bool) -> None:
    shift, difference = answer["shift"], answer["difference"]
    sentences = [
        f"{x['kind']}: {money(x['taken'])} taken, {money(x['refunded'])} given back" for x in answer["takings"]
    ]
    sentences.append(f"Counted {money(shift['counted'])}, expected {money(answer['expected'])}: {difference:+.2f}.")
    if answer["unsaid_sales"]:
        unsaid = f"{answer['unsaid_sales']} sales of {money(answer['unsaid_total'])}"
        sentences.append(f"Of {unsaid} nobody recorded how they were paid.")
    shown(answer, as_json, *sentences)
