"""The rules for goods that enter a store, move to another one, or are counted: no hold and no sale is concerned."""

from datetime import datetime

from msgspec import structs

from .answers import Answer, Code, Refusal
from .books import Books, Effect
from .commands import MAX_QUANTITY, Adjust, LevelChanges, Receive, SetStock, Transfer
from .posting import post, summed
from .refusals import Refused, bad_quantity, moved_on, unknown
from .stock import Levels, Who


def receive(books: Books, command: Receive, who: Who, now: datetime) -> Effect:
    """Goods enter the store."""
    changes = {p: (n, 0) for p, n in summed(command.lines).items()}
    return post(books, command, who, now, changes, document_id=command.document_id)


def adjust(books: Books, command: Adjust, who: Who, now: datetime) -> Effect:
    """What is on hand is corrected by some units; those that are held or promised cannot be taken away."""
    if command.adjustment == 0 or abs(command.adjustment) > MAX_QUANTITY:
        raise Refused(bad_quantity("adjustment", f"must be from -{MAX_QUANTITY} to {MAX_QUANTITY} and not 0"))
    change = {command.product_id: (command.adjustment, 0)}
    demand = {command.product_id: -command.adjustment}
    return post(books, command, who, now, change, demand=demand, reason=command.reason, at=now)


def transfer(books: Books, command: Transfer, who: Who, now: datetime) -> Effect:
    """Goods leave this store and arrive in the other one. Each side's movement has the other store as its document."""
    here, there = command.store_id, command.to_store_id
    if here == there:
        message = f"The goods are in store {here} already; name another store."
        raise Refused(Refusal(Code.SAME_STORE, message, field="to_store_id"))
    wanted = summed(command.lines)
    for store_id, field in ((here, "store_id"), (there, "to_store_id")):
        for product_id in wanted:
            if (store_id, product_id) not in books.stock:
                raise Refused(unknown(books, store_id, product_id, field))
    away = {p: (-n, 0) for p, n in wanted.items()}
    hither = {p: (n, 0) for p, n in wanted.items()}
    reason = command.reason
    out = post(books, command, who, now, away, kind="transfer_out", demand=wanted, document_id=there, reason=reason)
    come = post(books, command, who, now, hither, store_id=there, kind="transfer_in", document_id=here, reason=reason)
    answer = Answer(command.id, stock=(*out.answer.stock, *come.answer.stock), at=now)
    return Effect(answer, (*out.movements, *come.movements))


def set_stock(books: Books, command: SetStock, who: Who, now: datetime) -> Effect:
    """On hand becomes `quantity`, the levels what is given of them, if the row is at the version that is expected.

    It is a movement in any case, of no units perhaps: somebody looked, and the version speaks for the levels too.
    """
    key = (command.store_id, command.product_id)
    row = books.stock.get(key)
    if row is None:
        raise Refused(unknown(books, *key))
    if command.expected_version not in (None, row.version):
        raise Refused(moved_on(row))
    quantity = row.on_hand if command.quantity is None else command.quantity
    if command.quantity is not None and not 0 <= quantity <= MAX_QUANTITY:
        raise Refused(bad_quantity("quantity", f"must be from 0 to {MAX_QUANTITY}"))
    levels = None
    if command.levels is not None:
        levels = _changed(books.levels.get(key) or Levels(*key), command.levels)
    units = quantity - row.on_hand
    change, demand = {command.product_id: (units, 0)}, {command.product_id: -units}
    return post(books, command, who, now, change, demand=demand, reason=command.reason, levels=levels, at=now)


def _changed(levels: Levels, changes: LevelChanges) -> Levels:
    given = {name: units for name, units in structs.asdict(changes).items() if units is not None}
    for name, units in given.items():
        if not 0 <= units <= MAX_QUANTITY:
            raise Refused(bad_quantity(name, f"must be from 0 to {MAX_QUANTITY}"))
    changed = structs.replace(levels, **given)
    if 0 < changed.max_level < changed.min_level:
        raise Refused(bad_quantity("max_level", f"must not be below the min_level of {changed.min_level}"))
    return changed
