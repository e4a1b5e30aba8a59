"""The registry of verbs: what can be asked of the ledger, one file a verb.

The ledger, the batch route, the events, the proof and the API document read the registry and name no verb.
"""

from . import (
    adjust,
    approval_grant,
    approval_refuse,
    approval_request,
    cancel,
    confirm,
    count_task_done,
    expire,
    extend,
    hold_elsewhere,
    hold_found,
    hold_missing,
    hold_withdraw,
    order_cancel,
    order_fulfil,
    order_open,
    quarantine,
    receive,
    release,
    repair,
    reserve,
    return_goods,
    return_sale,
    sell,
    set_stock,
    shift_close,
    shift_open,
    shift_pay_in,
    shift_pay_out,
    transfer,
    transfer_assign,
    transfer_cancel,
    transfer_close,
    transfer_open,
    transfer_pack,
    transfer_receive,
    transfer_settle,
    transfer_ship,
    void_sale,
    write_off,
)
from .registry import (
    DOCUMENT_KINDS,
    MOVEMENT_KINDS,
    VERBS,
    approvable_commands,
    client_commands,
    list_of_commands,
    register,
)

__all__ = [
    "DOCUMENT_KINDS",
    "MOVEMENT_KINDS",
    "VERBS",
    "approvable_commands",
    "client_commands",
    "list_of_commands",
    "register",
]

for _module in (
    receive,
    adjust,
    set_stock,
    transfer,
    transfer_open,
    transfer_pack,
    transfer_ship,
    transfer_receive,
    transfer_close,
    transfer_cancel,
    transfer_settle,
    transfer_assign,
    sell,
    return_sale,
    return_goods,
    void_sale,
    shift_open,
    shift_pay_in,
    shift_pay_out,
    shift_close,
    reserve,
    confirm,
    cancel,
    extend,
    expire,
    hold_elsewhere,
    hold_found,
    hold_missing,
    hold_withdraw,
    count_task_done,
):
    register(_module.VERB)
for _module in (quarantine, release, write_off, order_open, order_fulfil, order_cancel):
    register(_module.VERB)
for _module in (approval_request, approval_grant, approval_refuse, repair):
    register(_module.VERB)
