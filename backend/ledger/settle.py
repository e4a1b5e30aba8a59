"""How one batch of commands is settled, without I/O: a generator that asks for rows and returns what to write.

The two databases differ in how they read and write, not in what is decided; so the procedure is written once and driven
by `ledger.postgres` (awaiting) and `ledger.sqlite` (in its own thread). It yields a `NamedDocuments` or a `NamedSales`
and is sent those that exist, a `Needs` and is sent the `Snapshot` for it, or a `DueHolds` and is sent the dead holds
found, or a `Keepers` and is sent the allotments on what is still short; it returns a `Settled`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from uuid import UUID

from msgspec import Raw, json, structs

from backend.ids import expiry_command_id, new_id
from backend.model.answers import Answer, Code, Refusal
from backend.model.books import Effect, Request, Sale
from backend.model.decide import decide_all
from backend.model.documents import Document
from backend.model.forgetting import COMMANDS_KEPT, forgotten
from backend.model.recalls import KeptUnits, Recall, recalls_of
from backend.model.stock import Key, Who
from backend.model.verbs import VERBS
from backend.model.verbs.expire import Expire
from backend.model.verbs.verb import Documents, Rows

from .asking import (
    DueHold,
    DueHolds,
    Keepers,
    NamedDocuments,
    NamedSales,
    Needs,
    NeedsOneByOne,
    Procedure,
    Recorded,
    Settled,
    Snapshot,
    Ticket,
)
from .rows import (
    OutboxRow,
    RecallRow,
)
from .telling import messages_of
from .writing import writes_of

EXPIRY = Who("system:expiry")


def settle(tickets: Sequence[Ticket]) -> Procedure:
    """Settle `tickets` in order. A product that falls short first has its dead holds expired, in the same batch."""
    expiries: dict[UUID, Ticket] = {}
    while True:
        batch = [*expiries.values(), *tickets]
        documents: Documents = {}
        if named := _named_documents(batch):
            found = yield NamedDocuments(named)
            assert not isinstance(found, Snapshot)
            documents = {x.id: x for x in found if isinstance(x, Document)}
            if named := _documents_named_by(batch, documents):
                found = yield NamedDocuments(named)
                assert not isinstance(found, Snapshot)
                documents = {**documents, **{x.id: x for x in found if isinstance(x, Document)}}
        sales: dict[UUID, Sale] = {}
        if sold := _named_sales(batch):
            found = yield NamedSales(sold)
            assert not isinstance(found, Snapshot)
            sales = {x.record.id: x for x in found if isinstance(x, Sale)}
        snapshot = yield _needs(batch, documents, sales)
        assert isinstance(snapshot, Snapshot)
        snapshot.books.documents, snapshot.books.sales = dict(documents), sales
        batch = [_with_free_id(ticket, snapshot.recorded) for ticket in batch]
        fresh, effects, answers = _decide(snapshot, batch)
        short = _short_keys(fresh, effects)
        # By name, not by number: the next look may be for other products, and other servers end holds meanwhile.
        due = (yield DueHolds(short, list(expiries))) if short else []
        assert isinstance(due, list)
        if not due:
            break
        for hold in due:
            assert isinstance(hold, DueHold)
            expiries[hold.id] = expiry_ticket(hold)
    now = snapshot.now
    recalls: list[Recall] = []
    if missing := _missing(fresh, effects) if short else {}:
        kept = yield Keepers(sorted({key for key, _ in missing}))
        assert isinstance(kept, list)
        told = {effect.answer.allotment.id for effect in effects if effect.answer.allotment}
        others = [x for x in kept if isinstance(x, KeptUnits) and x.id not in told]
        recalls = recalls_of(missing, others, now)
    messages = messages_of(effects, now, recalls)
    writes = writes_of(snapshot.books, fresh, effects, now)
    writes.recalls = [RecallRow(x.allotment_id, x.store_id, x.wanted, now) for x in recalls]
    writes.outbox = [OutboxRow(out.id, out.store_id, Raw(out.payload), now) for out in messages]
    return Settled(answers[len(expiries) :], writes, messages)


def fingerprint(request: Request) -> str:
    """32 digits that tell whether two commands with the same id say the same. Who sent them does not count."""
    return blake2b(json.encode(request.command), digest_size=16).hexdigest()


def expiry_ticket(hold: DueHold) -> Ticket:
    """Returns the command that ends a dead hold; the same on every server, so it has one effect."""
    request = Request(
        Expire(id=expiry_command_id(hold.id, hold.version), store_id=hold.store_id, reservation_id=hold.id), EXPIRY
    )
    return Ticket(request, fingerprint(request))


def _with_free_id(ticket: Ticket, recorded: dict[UUID, Recorded]) -> Ticket:
    """Returns an expiry whose id somebody has used up gets a new one; any other ticket as it is.

    The id can be worked out from the hold, so a client may have sent it. The hold has to end all the same, and ends
    once by its own status and version.
    """
    command = ticket.request.command
    if not isinstance(command, Expire) or command.id not in recorded:
        return ticket
    if recorded[command.id].fingerprint == ticket.fingerprint:
        return ticket
    request = Request(structs.replace(command, id=new_id()), ticket.request.who)
    return Ticket(request, fingerprint(request))


def _named_documents(tickets: Sequence[Ticket]) -> list[UUID]:
    """Returns the ids of the documents that the commands name. Raises NeedsOneByOne if one of them opens it."""
    named: set[UUID] = set()
    for ticket in tickets:
        command = ticket.request.command
        named.update(VERBS[type(command)].documents(command))
    if named and len(tickets) > 1 and not named.isdisjoint([ticket.request.command.id for ticket in tickets]):
        raise NeedsOneByOne
    return sorted(named)


def _named_sales(tickets: Sequence[Ticket]) -> list[tuple[str, UUID]]:
    """Returns the sales that the commands name, by store and id. Raises NeedsOneByOne if one of them makes it."""
    named: set[tuple[str, UUID]] = set()
    for ticket in tickets:
        command = ticket.request.command
        named.update((command.store_id, id_) for id_ in VERBS[type(command)].sales(command))
    made_here = {ticket.request.command.id for ticket in tickets} if named and len(tickets) > 1 else ()
    if any(id_ in made_here for _, id_ in named):
        raise NeedsOneByOne
    return sorted(named)


def _documents_named_by(tickets: Sequence[Ticket], documents: Documents) -> list[UUID]:
    """Returns the ids of further documents. Raises NeedsOneByOne if a command of the batch opens one of them."""
    named: set[UUID] = set()
    for ticket in tickets:
        command = ticket.request.command
        named.update(VERBS[type(command)].more_documents(command, documents))
    if named and len(tickets) > 1 and not named.isdisjoint([ticket.request.command.id for ticket in tickets]):
        raise NeedsOneByOne
    return sorted(named - documents.keys())


def _needs(tickets: Iterable[Ticket], documents: Documents, sales: Mapping[UUID, Sale]) -> Needs:
    rows, ids = Rows(sales), []
    for ticket in tickets:
        command = ticket.request.command
        ids.append(command.id)
        VERBS[type(command)].rows(command, documents, rows)
    return Needs(sorted(rows.stock), rows.reservations, ids, rows.levels, rows.moved_since)


def _decide(snapshot: Snapshot, tickets: Sequence[Ticket]) -> tuple[list[Ticket], list[Effect], list[Answer]]:
    """Returns the tickets that are new, their effects, and the answers to all tickets; a known id gets its first
    answer."""
    fresh: dict[UUID, Ticket] = {}
    old: set[UUID] = set()
    for ticket in tickets:
        command_id = ticket.request.command.id
        if command_id in snapshot.recorded or command_id in fresh:
            continue
        if forgotten(command_id, snapshot.now):
            old.add(command_id)
        else:
            fresh[command_id] = ticket
    effects = decide_all(snapshot.books, [ticket.request for ticket in fresh.values()], snapshot.now)
    decided = {effect.answer.id: effect.answer for effect in effects}
    answers = []
    for ticket in tickets:
        command = ticket.request.command
        if command.id in old:
            answers.append(_too_old(command.id))
            continue
        recorded = snapshot.recorded.get(command.id)
        first = recorded.fingerprint if recorded else fresh[command.id].fingerprint
        if first != ticket.fingerprint:
            answers.append(_reused(command.id))
        elif recorded:
            answers.append(json.decode(recorded.answer, type=Answer))
        else:
            answers.append(decided[command.id])
    return list(fresh.values()), effects, answers


def _reused(command_id: UUID) -> Answer:
    message = f"The command id {command_id} was used before for other content; make a new id for a new command."
    return Answer(command_id, Refusal(Code.COMMAND_REUSED, message, field="id"))


def _too_old(command_id: UUID) -> Answer:
    age = f"older than {COMMANDS_KEPT.days} days"
    message = f"The command id {command_id} is {age}; if it never took effect, send it with a new id."
    return Answer(command_id, Refusal(Code.COMMAND_TOO_OLD, message, field="id"))


def _missing(tickets: Sequence[Ticket], effects: Sequence[Effect]) -> dict[tuple[Key, str], int]:
    """Returns the units that customers could not have, by stock row and terminal."""
    missing: Counter[tuple[Key, str]] = Counter()
    for ticket, effect in zip(tickets, effects, strict=True):
        refusal, command = effect.answer.refusal, ticket.request.command
        if refusal and refusal.code is Code.INSUFFICIENT_STOCK and VERBS[type(command)].customer_waits:
            for line in refusal.lines:
                key = (command.store_id, line.product_id)
                missing[key, ticket.request.who.terminal_id] += line.requested - line.available
    return dict(missing)


def _short_keys(tickets: Sequence[Ticket], effects: Sequence[Effect]) -> list[Key]:
    keys: set[Key] = set()
    for ticket, effect in zip(tickets, effects, strict=True):
        refusal, command = effect.answer.refusal, ticket.request.command
        keys.update(effect.short)
        if refusal and refusal.code is Code.INSUFFICIENT_STOCK and VERBS[type(command)].ends_dead_holds:
            keys.update((command.store_id, line.product_id) for line in refusal.lines)
    return sorted(keys)
