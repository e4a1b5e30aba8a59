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
    expire,
    extend,
    order_cancel,
    order_fulfil,
    order_open,
    quarantine,
    receive,
    release,
    repair,
    reserve,
    sell,
    set_stock,
    transfer,
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

for _module in (receive, adjust, set_stock, transfer, sell, reserve, confirm, cancel, extend, expire):
    register(_module.VERB)
for _module in (quarantine, release, write_off, order_open, order_fulfil, order_cancel):
    register(_module.VERB)
for _module in (approval_request, approval_grant, approval_refuse, repair):
    register(_module.VERB)
