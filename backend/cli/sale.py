"""`mostrador sale`: show a finished sale, or void it on its own day."""

from typing import Any

import click

from backend.ids import new_id
from backend.terminal.api import Api

from .acting import acting, acting_options, approval, approval_option, money, sale_of, shown


@click.group()
def sale() -> None:
    """Show a sale, or void it on its own day.

    \b
    Example:
      mostrador sale show 292-T1-000042 --store 292 --user ana --server https://shop.example
    """


@sale.command()
@click.argument("receipt_number")
@acting_options
def show(receipt_number: str, server: str, user: str, store: str, terminal: str, as_json: bool) -> None:
    """Show a sale by the number on its receipt: lines, money, and what has come back.

    \b
    Example:
      mostrador sale show 292-T1-000042 --store 292 --user ana --server https://shop.example --json
    """

    async def act(api: Api) -> dict[str, Any]:
        return await sale_of(api, store, receipt_number)

    answer = acting(server, user, store, terminal, act)
    sentences = [f"{answer['receipt_number']} of {answer['sold_at']}, sold by {answer['actor']}:"]
    for number, line in enumerate(answer["lines"], 1):
        back = f", {line['returned']} came back" if line.get("returned") else ""
        per = f" per {line['price_per']:,}" if "price_per" in line else ""
        price = f"{money(line['unit_price'])}{per}"
        sentences.append(f"  {number}. {line['quantity']} × {line['product_id']} at {price}{back}")
    paid = ", ".join(f"{x['kind']} {money(x['amount'])}" for x in answer.get("tenders", ()))
    status = (
        f"; {answer['return_status']}, {money(answer.get('refunded', 0))} given back"
        if "return_status" in answer
        else ""
    )
    sentences.append(f"  total {money(answer['total'])}" + (f", paid with {paid}" if paid else "") + status)
    shown(answer, as_json, *sentences)


@sale.command()
@click.argument("receipt_number")
@click.option("--reason", required=True, help="Why it is voided.")
@approval_option
@click.option("--id", "id_", type=click.UUID, help="The command's id: sent again it has no second effect.")
@acting_options
def void(
    receipt_number: str,
    reason: str,
    approved_by: str | None,
    id_: object,
    server: str,
    user: str,
    store: str,
    terminal: str,
    as_json: bool,
) -> None:
    """Take a whole sale back on its own day, by a supervisor's approval.

    \b
    Examples:
      mostrador sale void 292-T1-000042 --reason "rung up twice" --store 292 --user luis --server https://shop.example
      mostrador sale void 292-T1-000042 --reason "rung up twice" --approved-by luis \\
          --store 292 --user ana --server https://shop.example --json
    """
    body = {"id": str(id_ or new_id()), "reason": reason, **approval(approved_by)}

    async def act(api: Api) -> dict[str, Any]:
        found = await sale_of(api, store, receipt_number)
        return await api.call("POST", f"/sales/{found['id']}/void", body)

    answer = acting(server, user, store, terminal, act)
    back = ", ".join(f"{money(x['amount'])} by {x['kind']}" for x in answer.get("tenders", ()))
    given = f"Give back {back}." if back else f"Nobody recorded how its {money(answer['total'])} were paid."
    shown(answer, as_json, f"{receipt_number} is voided; its units are on the shelf again.", given)
