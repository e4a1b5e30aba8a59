"""The body of POST /approvals: any command that may wait, whose id may be left to the Idempotency-Key."""

from typing import Any, Union
from uuid import UUID

from msgspec import NODEFAULT, Struct, defstruct, field
from msgspec.structs import fields

from backend.model.commands import Command, Reason
from backend.model.verbs import VERBS
from backend.people.approving import SpotApproval


def approval_body() -> Any:
    """Returns the type of the body, for every verb that may wait by now."""
    kinds = tuple(_without_id(verb.command) for verb in VERBS.values() if verb.measure is not None)
    body = defstruct(
        "ApprovalBody",
        [("command", Union[kinds]), ("reason", Reason), ("approval", SpotApproval | None, None)],  # noqa: UP007
        frozen=True,
        forbid_unknown_fields=True,
        module=__name__,
    )
    body.__doc__ = "A command as it would be sent to /commands, why it is needed, and who approves it on the spot."
    return body


def command_in(said: Struct, id_: UUID) -> Command:
    """Returns the command that a body asks for, with this id."""
    kind = next(kind for kind in VERBS if kind.__struct_config__.tag == said.__struct_config__.tag)
    return kind(**{name: getattr(said, name) for name in said.__struct_fields__} | {"id": id_})


def _without_id(kind: type[Command]) -> type[Struct]:
    """Returns the command's type with an id that may be left out."""
    columns: list[Any] = [("id", UUID | None, None)]
    for one in fields(kind):
        if one.name in ("id", "approved_by"):  # the latter is said by the grant
            continue
        if one.default is not NODEFAULT:
            columns.append((one.name, one.type, field(default=one.default)))
        elif one.default_factory is not NODEFAULT:
            columns.append((one.name, one.type, field(default_factory=one.default_factory)))
        else:
            columns.append((one.name, one.type))
    config = kind.__struct_config__
    like = defstruct(
        f"{kind.__name__}ToApprove",
        columns,
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
        tag_field=config.tag_field,
        tag=config.tag,
        module=__name__,
    )
    like.__doc__ = kind.__doc__
    return like
