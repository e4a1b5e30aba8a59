"""The rule book: what a command does to stock. Pure: the same rows, command and time give the same effect.

The server runs it inside the ledger; a terminal without network runs the same function on its own copy of the rows.
What each verb does is said in its file of `verbs`; all of them change rows by `posting`.
"""

from collections.abc import Iterable
from datetime import datetime

from .answers import Answer
from .books import Books, Effect, Request
from .counts import CORRECTIONS
from .refusals import Refused
from .stock import Move
from .verbs import VERBS


def decide_all(books: Books, requests: Iterable[Request], now: datetime) -> list[Effect]:
    """Returns the effects of `requests` in order, each on what the ones before it left. Does not change `books`."""
    working = Books(
        dict(books.stock),
        books.stores,
        dict(books.reservations),
        dict(books.levels),
        dict(books.documents),
        books.sales,
        dict(books.moves),
    )
    effects = []
    for request in requests:
        effect = decide(working, request, now)
        for row in effect.answer.stock:
            working.stock[row.store_id, row.product_id] = row
        for reservation in effect.reservations:
            working.reservations[reservation.id] = reservation
        for document in effect.documents:
            working.documents[document.id] = document
        if levels := effect.answer.levels:
            working.levels[levels.store_id, levels.product_id] = levels
        if working.moves:
            _add_moves(working, effect)
        effects.append(effect)
    return effects


def decide(books: Books, request: Request, now: datetime) -> Effect:
    """Returns what `request` does to `books` at `now`; for a refused command an effect with nothing but its answer,
    and the documents that its verb leaves for somebody to look at."""
    command, who = request.command, request.who
    verb = VERBS[type(command)]
    try:
        if request.objection is not None:
            raise Refused(request.objection)
        return verb.decide(books, command, who, now)
    except Refused as refused:
        left = tuple(verb.refused(command, who, now, refused.refusal))
        return Effect(Answer(command.id, refused.refusal, documents=left))


def _add_moves(books: Books, effect: Effect) -> None:
    """Adds the movements of `effect` to those of the rows that a count of the same batch asks about."""
    made_at = effect.sale.made_at if effect.sale else effect.left_at
    for x in effect.movements:
        key = (x.store_id, x.product_id)
        if key in books.moves:
            when = None if x.kind in CORRECTIONS else made_at
            books.moves[key] = (*books.moves[key], Move(x.version, x.kind, x.on_hand_change, x.at, when))
