"""Open a count: of everything, of a list, or of one product. It moves no stock, and selling goes on."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from backend.model.answers import Answer, Code, Refusal
from backend.model.books import Books, Effect
from backend.model.commands import Command, Text
from backend.model.counts import COUNT, COUNT_LINE, Category, CountBody, CountStatus, ProductIds, Tolerance
from backend.model.counts import Scope as What
from backend.model.documents import opened
from backend.model.refusals import Refused, unknown
from backend.model.scopes import Scope
from backend.model.steps import step_of
from backend.model.stock import Who

from .verb import Documents, Rows, Verb


class CountOpen(Command, frozen=True, tag="count_open"):
    """Somebody is to count the store, or the products and categories of a list, or one product."""

    scope: What
    products: ProductIds = ()
    categories: Annotated[tuple[Category, ...], Meta(max_length=50)] = ()
    tolerance: Tolerance = Tolerance()
    reference: Text = ""
    note: Text = ""


def _rows(command: CountOpen, _: Documents, rows: Rows) -> None:
    # A product that cannot be: the store is looked up with the rows of a command, also when it names no product.
    rows.stock.update((command.store_id, product_id) for product_id in command.products or ("",))


def _decide(books: Books, command: CountOpen, who: Who, now: datetime) -> Effect:
    _check(command)
    if command.store_id not in books.stores:
        raise Refused(unknown(books, command.store_id, ""))
    for product_id in command.products:
        if (command.store_id, product_id) not in books.stock:
            raise Refused(unknown(books, command.store_id, product_id))
    body = CountBody(
        command.scope,
        command.tolerance,
        (step_of(VERB.name, who, now),),
        tuple(dict.fromkeys(command.products)),
        tuple(dict.fromkeys(command.categories)),
        command.note,
    )
    count = opened(
        command.id, command.store_id, COUNT.name, CountStatus.COUNTING, body, who, now, reference=command.reference
    )
    return Effect(Answer(command.id, at=now, documents=(count,)))


def _check(command: CountOpen) -> None:
    """Raises Refused for a list that does not fit the scope."""
    listed = len(command.products) + len(command.categories)
    wrong = {
        What.FULL: listed and "A full count has no list; leave out products and categories, or open a cycle count.",
        What.CYCLE: not listed and "A cycle count needs its list; name products or categories.",
        What.TASK: (len(command.products), listed) != (1, 1) and "A task is to count one product; name it.",
    }[command.scope]
    if wrong:
        raise Refused(Refusal(Code.EMPTY_BASKET, wrong, field="products"))


VERB = Verb(command=CountOpen, decide=_decide, rows=_rows, scope=Scope.COUNTS_WRITE, opens=(COUNT, COUNT_LINE))
