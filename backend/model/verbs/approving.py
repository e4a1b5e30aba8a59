"""What the verbs of approvals share: the command that an approval carries, and its verb."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from msgspec import ValidationError, convert, structs

from backend.model.answers import Code, Refusal
from backend.model.approvals import Approval
from backend.model.commands import Command
from backend.model.documents import Document
from backend.model.refusals import Refused

from .registry import VERBS, approvable_commands
from .verb import Verb


def approvable(data: Mapping[str, Any]) -> tuple[Command, Verb]:
    """Returns the command that an approval carries, and its verb. Raises Refused for what cannot wait for approval."""
    try:
        command: Command = convert(data, approvable_commands())
    except ValidationError as error:
        message = f"The command of an approval is not one that can wait for approval: {error}."
        raise Refused(Refusal(Code.COMMAND_NOT_APPROVABLE, message, field="command")) from error
    return command, VERBS[type(command)]


def granted_as(document: Document, command_id: UUID, approver: str = "") -> tuple[Command, Verb]:
    """Returns the command of an approval under the id of its grant, as `approver` has approved it, and its verb.

    Raises Refused like `approvable`.
    """
    body = document.read(Approval)
    command, verb = approvable(body.command)
    return structs.replace(verb.approved(command, approver, body.reason), id=command_id), verb
