"""Propose: say what a store is to buy. No stock moves; the units are expected until the proposal is closed."""

from datetime import datetime

from backend.model.answers import Answer
from backend.model.books import Books, Effect
from backend.model.commands import Command, Line, Lines, Text
from backend.model.documents import opened
from backend.model.posting import summed
from backend.model.proposals import PROPOSAL, ProposalBody, ProposalStatus
from backend.model.refusals import Refused, unknown
from backend.model.scopes import Scope
from backend.model.steps import step_of
from backend.model.stock import Who

from .verb import Documents, Rows, Verb


class Propose(Command, frozen=True, tag="propose"):
    """Ask for units to be purchased for the store."""

    lines: Lines
    reference: Text = ""
    note: Text = ""


def _rows(command: Propose, _: Documents, rows: Rows) -> None:
    rows.add_lines(command.store_id, command.lines)


def _decide(books: Books, command: Propose, who: Who, now: datetime) -> Effect:
    wanted = summed(command.lines)
    for product_id in wanted:
        if (command.store_id, product_id) not in books.stock:
            raise Refused(unknown(books, command.store_id, product_id))
    lines = tuple([Line(product_id, units) for product_id, units in wanted.items()])
    body = ProposalBody(lines, (step_of(VERB.name, who, now),), command.note)
    proposal = opened(
        command.id,
        command.store_id,
        PROPOSAL.name,
        ProposalStatus.OPEN,
        body,
        who,
        now,
        reference=command.reference,
    )
    return Effect(Answer(command.id, at=now, documents=(proposal,)))


VERB = Verb(command=Propose, decide=_decide, rows=_rows, scope=Scope.TRANSFERS_WRITE, opens=(PROPOSAL,))
