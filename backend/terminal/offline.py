"""What a terminal may do without a server: its rules, held against what it knows of its store."""

from collections.abc import Mapping

from backend.model.books import Books
from backend.model.commands import Command, kind_of
from backend.model.errors import MostradorError
from backend.model.limits import Limits, exceeds, size_of
from backend.model.scopes import Scope
from backend.model.unit_price import UnitPrice
from backend.model.verbs import VERBS

OFFLINE = frozenset(
    {
        "sell",
        "reserve",
        "extend",
        "confirm",
        "cancel",
        "return_sale",
        "count_scan",
        "receive",
        "purchase_receive",
        "goods_receipt",
        "adjust",
        "shift_open",
        "shift_pay_in",
        "shift_pay_out",
        "shift_close",
    }
)
"""The verbs that need nothing but this store. A count of a shelf, goods at the door and money in a drawer are facts."""


class NeedsServer(MostradorError):
    """The act cannot be done while the server is away, because it needs another store or somebody's decision."""

    code = "needs_server"


class AboveLimit(MostradorError):
    """The correction is above the store's limit, or its limit is not known here: a supervisor approves it online."""

    code = "above_limit"


def check_offline(command: Command, limits: Limits | None, prices: Mapping[str, UnitPrice]) -> None:
    """Raises NeedsServer or AboveLimit for what has to wait until the server answers.

    `limits` are the store's as the server told them last, None if it never did; `prices` what products cost here.
    """
    kind = kind_of(command)
    verb = VERBS[type(command)]
    if kind not in OFFLINE or verb.spans_stores or verb.acts_in(command) != command.store_id:
        message = "This needs another store or a decision of the server, which is away; do it again when it is back."
        raise NeedsServer(message, verb=kind)
    if verb.measure is None or verb.approver is not Scope.APPROVALS_WRITE:
        return
    changes = verb.measure(command, Books({}, set(), {}))
    if limits is None or (limits.value_cents is not None and changes.keys() - prices.keys()):
        message = "What may be corrected without approval is not known here; do it again when the server is back."
        raise AboveLimit(message, verb=kind)
    if exceeds(size_of(changes, prices), limits):
        message = "This is above what may be corrected without approval; ask for it when the server is back."
        raise AboveLimit(message, verb=kind)
