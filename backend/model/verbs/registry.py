"""Where the verbs are registered, apart from the verbs themselves: one that carries another reads the registry."""

from types import GenericAlias
from typing import Any, Union

from backend.model.commands import Command
from backend.model.documents import DocumentKind

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
    if verb.spans_stores and verb.measure is not None:
        raise ValueError(f"The verb {verb.name} spans stores, so it cannot wait for the approval of one of them.")
    VERBS[verb.command] = verb
    MOVEMENT_KINDS.update({kind.name: kind for kind in verb.movements})
    DOCUMENT_KINDS.update({kind.name: kind for kind in verb.opens})


def client_commands() -> Any:
    """Returns the union of the commands that clients may send, as a type to decode into."""
    return Union[tuple(verb.command for verb in VERBS.values() if verb.scope is not None)]  # noqa: UP007  # made here


def list_of_commands() -> Any:
    """Returns the type of a list of commands that clients may send."""
    return GenericAlias(list, (client_commands(),))


def approvable_commands() -> Any:
    """Returns the union of the commands that may wait for approval, as a type to decode into."""
    return Union[tuple(verb.command for verb in VERBS.values() if verb.measure is not None)]  # noqa: UP007  # made here
