"""The queue as a file: what a dead terminal could not send is carried to another one, which sends it once.

The file has the acts under their own ids, with who did them, and a checksum over all of it. It has no secret, and
nothing in it can be sent twice: an id has one effect, whoever sends it.
"""

from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from backend.model.answers import Refusal
from backend.model.errors import MostradorError
from backend.model.verbs import list_of_commands
from backend.model.verbs.sell import Sell

from .acts import KeptAct, KeptSale

FORMAT = "mostrador-queue"
VERSION = 1


class ExportUnusable(MostradorError):
    """The file is none of `mostrador queue export`, was changed since, or is of another shop."""

    code = "export_unusable"


class ExportedAct(Struct, frozen=True, omit_defaults=True):
    """An act as the file has it."""

    id: UUID
    sequence: int
    store_id: str
    actor: str
    made_at: datetime
    commands: msgspec.Raw
    receipt_number: str = ""
    total_cents: int = 0
    refusal: Refusal | None = None


class Export(Struct, frozen=True, kw_only=True):
    """A queue as the file has it. `place` names the shop or the fleet that it belongs to."""

    format: str
    version: int
    place: str
    terminal: str
    journal: str
    exported_at: datetime
    acts: list[ExportedAct]


class _Sealed(Struct, frozen=True):
    sha256: str
    queue: msgspec.Raw


def written(acts: list[KeptAct], place: str, terminal: str, journal: str, now: datetime) -> bytes:
    """Returns the file of these acts."""
    export = Export(
        format=FORMAT,
        version=VERSION,
        place=place,
        terminal=terminal,
        journal=journal,
        exported_at=now,
        acts=[_exported(act) for act in acts],
    )
    content = msgspec.json.encode(export)
    return msgspec.json.encode(_Sealed(sha256(content).hexdigest(), msgspec.Raw(content)))


def read(file: bytes, place: str) -> tuple[Export, list[KeptAct]]:
    """Returns what the file has. Raises ExportUnusable."""
    try:
        sealed = msgspec.json.decode(file, type=_Sealed)
        export = msgspec.json.decode(sealed.queue, type=Export)
        acts = [_kept(act) for act in export.acts]
    except msgspec.MsgspecError as error:
        raise ExportUnusable(f"This is no file of mostrador queue export: {error}.") from error
    if export.format != FORMAT or export.version > VERSION:
        raise ExportUnusable("This file was written by a newer version; update this program.")
    if sha256(sealed.queue).hexdigest() != sealed.sha256:
        raise ExportUnusable("This file was changed after it was written; copy it again from the terminal.")
    if export.place != place:
        raise ExportUnusable(f"This file is of {export.place}, and this terminal is of {place}; import it there.")
    return export, acts


def _exported(act: KeptAct) -> ExportedAct:
    sale = act if isinstance(act, KeptSale) else None
    return ExportedAct(
        act.id,
        act.sequence,
        act.store_id,
        act.actor,
        act.made_at,
        msgspec.Raw(msgspec.json.encode(act.commands)),
        sale.receipt_number if sale else "",
        sale.total_cents if sale else 0,
        act.refusal,
    )


def _kept(act: ExportedAct) -> KeptAct:
    commands = msgspec.json.decode(act.commands, type=list_of_commands())
    if not commands or commands[-1].id != act.id:
        raise msgspec.ValidationError(f"The act {act.sequence} has not the id of its last command")
    fields: dict[str, Any] = {name: getattr(act, name) for name in KeptAct.__struct_fields__} | {"commands": commands}
    if isinstance(commands[-1], Sell):
        return KeptSale(**fields, receipt_number=act.receipt_number, total_cents=act.total_cents)
    return KeptAct(**fields)
