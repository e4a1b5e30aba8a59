"""The queue: every act of this terminal, in order, until the server has answered it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cached_property
from uuid import UUID

import msgspec
from msgspec import Struct

from backend.model.answers import Refusal
from backend.model.commands import Command, kind_of
from backend.model.told import Told
from backend.model.verbs import list_of_commands
from backend.model.verbs.sell import Sell

from .file import File
from .schema import digest_of, name_of

_COMMANDS: msgspec.json.Decoder[list[Command]] = msgspec.json.Decoder(list_of_commands())
LONGEST_RECEIPT_NUMBER = 40
"""Characters that the server takes; terminals of older versions made longer ones."""
COLUMNS = "sequence, id, store_id, actor, made_at, receipt_number, total_cents, commands, refusal, digest"


class KeptAct(Struct, frozen=True, kw_only=True):
    """An act in the journal. `commands` are sent in order; the last one is the act, those before it prepare it.

    `refusal` makes it a conflict.
    """

    id: UUID
    """Of its last command."""
    sequence: int
    """Its place among all acts of this terminal. A number that the server may have heard of is not used again."""
    store_id: str
    actor: str
    """Who did it; empty for acts of older versions, which did not keep it."""
    made_at: datetime
    commands: list[Command]
    refusal: Refusal | None = None

    @property
    def kind(self) -> str:
        """The wire name of what was done."""
        return kind_of(self.commands[-1])


class KeptSale(KeptAct, frozen=True, kw_only=True):
    """A sale in the journal; the last of its commands is the Sell."""

    receipt_number: str
    total_cents: int

    @property
    def sell(self) -> Sell:
        """The sale itself."""
        last = self.commands[-1]
        assert isinstance(last, Sell)
        return last


class Acts(File):
    """The queue in the terminal's file."""

    @cached_property
    def name(self) -> str:
        """The name under which the server knows the numbers of this queue."""
        return name_of(self._db)

    def told(self, act: KeptAct) -> Told:
        """Returns what the server is told of an act."""
        return Told(self.name, act.sequence, act.actor)

    def keep_act(self, commands: Sequence[Command], actor: str) -> KeptAct:
        """Commit an act, before it is shown as done and before it is sent. Returns it with its number.

        Raises JournalUnusable when the disk refuses: then nothing was done.
        """
        last = commands[-1]
        with self.together():
            act = KeptAct(
                id=last.id,
                sequence=0,
                store_id=last.store_id,
                actor=actor,
                made_at=self.now(),
                commands=list(commands),
            )
            return self._insert(act)

    def acts(self) -> list[KeptAct]:
        """Returns what waits for an answer, in order. Sales are KeptSale."""
        return self._read("WHERE refusal IS NULL")

    def refused_acts(self) -> list[KeptAct]:
        """Returns what the server refused and nobody has settled yet, in order. Sales are KeptSale."""
        return self._read("WHERE refusal IS NOT NULL")

    def answered(self, act_id: UUID) -> None:
        """The server has the act: the journal need not keep it any more."""
        with self.together():
            self._db.execute("DELETE FROM acts WHERE id = ?", (str(act_id),))

    def refused(self, act_id: UUID, refusal: Refusal) -> None:
        """The server refused the act after it was shown as done: it is a conflict now."""
        with self.together():
            self._db.execute("UPDATE acts SET refusal = ? WHERE id = ?", (msgspec.json.encode(refusal), str(act_id)))

    def renumber_act(self, act_id: UUID, leave_out: int = 0) -> KeptAct:
        """Give an act the next number, after leaving some out: the server knows its number as another act's.

        Returns the act as it waits now, at the end of the queue.
        """
        [act] = self._read("WHERE id = ?", str(act_id))
        with self.together():
            self._db.execute("DELETE FROM acts WHERE id = ?", (str(act_id),))
            self._db.execute("UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'acts'", (leave_out,))
            return self._insert(act)

    def replace_act(self, act_id: UUID, commands: Sequence[Command], actor: str) -> KeptAct:
        """Try a conflict again under a new id and number; returns the act as it waits now."""
        with self.together():
            self._db.execute("DELETE FROM acts WHERE id = ?", (str(act_id),))
            return self.keep_act(commands, actor)

    def _insert(self, act: KeptAct, sequence: int | None = None) -> KeptAct:
        """Writes an act under a number, else under the next one; in the transaction that is open. Returns it."""
        sale = act if isinstance(act, KeptSale) else None
        commands = msgspec.json.encode(act.commands)
        written = self._db.execute(
            f"INSERT INTO acts (kind, {COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                act.kind,
                sequence,
                str(act.id),
                act.store_id,
                act.actor,
                act.made_at.isoformat(),
                sale.receipt_number if sale else "",
                sale.total_cents if sale else 0,
                commands,
                act.refusal and msgspec.json.encode(act.refusal),
                digest_of(commands),
            ),
        )
        assert written.lastrowid is not None
        return msgspec.structs.replace(act, sequence=written.lastrowid)

    def _read(self, where: str, *values: str) -> list[KeptAct]:
        rows = self._db.execute(f"SELECT {COLUMNS} FROM acts {where} ORDER BY sequence", values)
        return [act_of(row) for row in rows.fetchall()]


def act_of(row: Iterable[object]) -> KeptAct:
    """Returns the act of a row of COLUMNS. Raises msgspec.MsgspecError or ValueError for what was damaged."""
    sequence, act_id, store_id, actor, made_at, receipt_number, total_cents, commands, refusal, digest = row
    if digest_of(msgspec.convert(commands, bytes)) != digest:
        raise ValueError("The act is not as it was written.")
    act = KeptAct(
        sequence=msgspec.convert(sequence, int),
        id=UUID(str(act_id)),
        store_id=str(store_id),
        actor=str(actor),
        made_at=datetime.fromisoformat(str(made_at)),
        commands=_commands_of(msgspec.convert(commands, bytes)),
        refusal=msgspec.json.decode(msgspec.convert(refusal, bytes), type=Refusal) if refusal is not None else None,
    )
    if not isinstance(act.commands[-1], Sell):
        return act
    fields = {name: getattr(act, name) for name in KeptAct.__struct_fields__}
    return KeptSale(**fields, receipt_number=str(receipt_number), total_cents=msgspec.convert(total_cents, int))


def _commands_of(kept: bytes) -> list[Command]:
    """Returns the commands of an act. A receipt number that is too long is cut here; its sale gets another one."""
    try:
        return _COMMANDS.decode(kept)
    except msgspec.ValidationError:
        commands = msgspec.json.decode(kept)
        for command in commands:
            if "receipt_number" in command:
                command["receipt_number"] = command["receipt_number"][-LONGEST_RECEIPT_NUMBER:]
        return list(msgspec.convert(commands, type=list_of_commands()))
