"""The registry of verbs: what can be asked of the ledger, one file a verb.

The ledger, the batch route, the events, the proof and the API document read the registry and name no verb.
"""

from types import GenericAlias
from typing import Any, Union

from backend.model.commands import Command
from backend.model.documents import DocumentKind

from . import (
    adjust,
    cancel,
    confirm,
    count_task_done,
    expire,
    extend,
    hold_elsewhere,
    hold_found,
    hold_missing,
    hold_withdraw,
    proposal_close,
    propose,
    receive,
    reserve,
    sell,
    set_stock,
    transfer,
    transfer_assign,
    transfer_cancel,
    transfer_close,
    transfer_open,
    transfer_pack,
    transfer_receive,
    transfer_settle,
    transfer_ship,
)
from .verb import MovementKind, Verb

VERBS: dict[type[Command], Verb] = {}
"""Every verb by the type of its command."""
MOVEMENT_KINDS: dict[str, MovementKind] = {}
"""Every kind of movement by its name."""
DOCUMENT_KINDS: dict[str, DocumentKind] = {}
"""Every kind of document by its name."""

_LONGEST_NAME = 16


def register(verb: Verb) -> None:
    """Adds a verb. Raises ValueError for a name that is taken, too long, or breaks the rule of `Verb.spans_stores`."""
    kinds = {kind.name for kind in verb.movements}
    names = {known.name for known in VERBS.values()}
    if verb.name in names or kinds & MOVEMENT_KINDS.keys():
        raise ValueError(f"The verb {verb.name}, or a kind of its movements, is registered already.")
    if any(len(name) > _LONGEST_NAME for name in (verb.name, *kinds, *[kind.name for kind in verb.opens])):
        raise ValueError(f"The names of the verb {verb.name} may have {_LONGEST_NAME} characters.")
    if verb.spans_stores and not verb.name.startswith("transfer"):
        raise ValueError(f"The verb {verb.name} spans stores, so its name must begin with transfer.")
    VERBS[verb.command] = verb
    MOVEMENT_KINDS.update({kind.name: kind for kind in verb.movements})
    DOCUMENT_KINDS.update({kind.name: kind for kind in verb.opens})


def client_commands() -> Any:
    """Returns the union of the commands that clients may send, as a type to decode into."""
    return Union[tuple(verb.command for verb in VERBS.values() if verb.scope is not None)]  # noqa: UP007  # made here


def list_of_commands() -> Any:
    """Returns the type of a list of commands that clients may send."""
    return GenericAlias(list, (client_commands(),))


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
    propose,
    proposal_close,
):
    register(_module.VERB)
