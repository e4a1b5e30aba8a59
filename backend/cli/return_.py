"""`mostrador return`: goods come back, by their receipt, or without one by a supervisor's approval."""

import re
from collections.abc import Iterable
from typing import Any

import click

from backend.ids import new_id
from backend.model.returns import Condition
from backend.model.tenders import TenderKind
from backend.terminal.api import Api

from .acting import acting, acting_options, approval, approval_option, money, sale_of, shown

_LINE = re.compile(r"(?P<line>\d{1,3})=(?P<quantity>\d{1,7})(?::(?P<condition>shelf|damaged))?")
_GOODS = re.compile(
    r"(?P<product>[A-Za-z0-9_.-]{1,64})=(?P<quantity>\d{1,7})@(?P<price>\d+(?:\.\d\d?)?)(?::(?P<condition>shelf|damaged))?"
)
_REFUND_BY = click.option(
    "--refund-by",
    type=click.Choice([x.value for x in TenderKind]),
    help="Give back, in this way, all that was paid for these units; without it nothing is given back.",
)
_ID = click.option("--id", "id_", type=click.UUID, help="The command's id: sent again it has no second effect.")


@click.group("return")
def return_() -> None:
    """Take goods back, by receipt or by approval.

    \b
    Example:
      mostrador return receipt 292-T1-000042 --line 1=2 --refund-by cash --store 292 --user ana --server URL
    """


@return_.command()
@click.argument("receipt_number")
@click.option("--line", "lines", metavar="N=UNITS[:damaged]", multiple=True, required=True, help="Line and units.")
@_REFUND_BY
@click.option("--reason", default="", help="Why they come back.")
@_ID
@acting_options
def receipt(
    receipt_number: str,
    lines: tuple[str, ...],
    refund_by: str | None,
    reason: str,
    id_: object,
    server: str,
    user: str,
    store: str,
    terminal: str,
    as_json: bool,
) -> None:
    """Take units of the lines of a receipt back, to the shelf or damaged.

    \b
    Examples:
      mostrador return receipt 292-T1-000042 --line 1=2 --refund-by cash \\
          --store 292 --terminal T1 --user ana --server https://shop.example
      mostrador return receipt 292-T1-000042 --line 1=1 --line 2=1:damaged \\
          --store 292 --user ana --server https://shop.example --json
    """
    wanted = [_parts(_LINE, text, "--line", "1=2 or 1=2:damaged") for text in lines]
    body: dict[str, Any] = {
        "id": str(id_ or new_id()),
        "lines": [{"line": int(x["line"]), "quantity": int(x["quantity"]), "condition": _condition(x)} for x in wanted],
        "refund_by": refund_by,
        "reason": reason,
    }

    async def act(api: Api) -> dict[str, Any]:
        sale = await sale_of(api, store, receipt_number)
        return await api.call("POST", "/returns", body | {"sale_id": sale["id"]})

    answer = acting(server, user, store, terminal, act)
    left = sum(line["left"] for line in answer["sale"]["lines"])
    units = sum(int(x["quantity"]) for x in wanted)
    shown(answer, as_json, f"{units} units came back; {left} of the receipt are left.", _given(answer["refund"]))


@return_.command()
@click.argument("goods", metavar="PRODUCT=UNITS@PRICE[:damaged]", nargs=-1, required=True)
@click.option("--reason", required=True, help="Why they are taken back.")
@_REFUND_BY
@approval_option
@_ID
@acting_options
def goods(
    goods: tuple[str, ...],
    reason: str,
    refund_by: str | None,
    approved_by: str | None,
    id_: object,
    server: str,
    user: str,
    store: str,
    terminal: str,
    as_json: bool,
) -> None:
    """Take goods back without a receipt, by a supervisor's approval.

    \b
    Example:
      mostrador return goods 818981=1@3.69 --reason "a present" --refund-by voucher --approved-by luis \\
          --store 292 --user ana --server https://shop.example
    """
    wanted = [_parts(_GOODS, text, "PRODUCT", "818981=1@3.69 or 818981=1@3.69:damaged") for text in goods]
    body = {
        "id": str(id_ or new_id()),
        "store_id": store,
        "lines": [
            {
                "product_id": x["product"],
                "quantity": int(x["quantity"]),
                "unit_price": float(x["price"]),
                "condition": _condition(x),
            }
            for x in wanted
        ],
        "reason": reason,
        "refund_by": refund_by,
        **approval(approved_by),
    }

    async def act(api: Api) -> dict[str, Any]:
        return await api.call("POST", "/returns/goods", body)

    answer = acting(server, user, store, terminal, act)
    units = sum(line["quantity"] for line in answer["lines"])
    shown(answer, as_json, f"{units} units came back, approved by {answer['approved_by']}.", _given(answer["refund"]))


def _parts(form: re.Pattern[str], text: str, name: str, example: str) -> re.Match[str]:
    match = form.fullmatch(text)
    if match is None:
        raise click.UsageError(f"{name}: {text!r} is not understood; write it like {example}.")
    return match


def _condition(parts: re.Match[str]) -> str:
    return str(parts["condition"] or Condition.SHELF.value)


def _given(refund: Iterable[dict[str, Any]]) -> str:
    given = ", ".join(f"{money(x['amount'])} by {x['kind']}" for x in refund)
    return f"Give back {given}." if given else "Nothing is to be given back."
