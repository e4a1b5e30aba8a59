"""The rules of receiving: expected, received, over, short, damaged, unknown; every unit is accounted for."""

from uuid import UUID

import pytest

from backend.ids import new_id
from backend.model.answers import Code
from backend.model.purchases import (
    PURCHASE,
    RECEIPT,
    ExpectedLine,
    PurchaseBody,
    PurchaseLine,
    PurchaseStatus,
    ReceiptBody,
    ReceiptLine,
    ReceivedLine,
    UnknownItem,
)
from backend.model.stock import StockRow
from backend.model.verbs.goods_receipt import GoodsReceipt
from backend.model.verbs.purchase_end import PurchaseEnd
from backend.model.verbs.purchase_open import PurchaseOpen
from backend.model.verbs.purchase_receive import PurchaseReceive
from tests.counts.shelf import STORE, Shop


def ordering(*lines: ExpectedLine, store: str = STORE) -> PurchaseOpen:
    return PurchaseOpen(id=new_id(), store_id=store, supplier="Hermanos Gil", lines=lines, reference="P-17")


def delivery(purchase: UUID, *lines: ReceivedLine, unknown: tuple[UnknownItem, ...] = ()) -> PurchaseReceive:
    return PurchaseReceive(id=new_id(), store_id=STORE, purchase_id=purchase, lines=lines, unknown=unknown)


def blind(*lines: ReceivedLine, unknown: tuple[UnknownItem, ...] = (), store: str = STORE) -> GoodsReceipt:
    return GoodsReceipt(id=new_id(), store_id=store, supplier="Hermanos Gil", lines=lines, unknown=unknown)


def ending(purchase: UUID) -> PurchaseEnd:
    return PurchaseEnd(id=new_id(), store_id=STORE, purchase_id=purchase, reason="not made any more")


@pytest.fixture
def shop() -> Shop:
    return Shop(tea=0, jam=0)


def ordered(shop: Shop, **units: int) -> UUID:
    command = ordering(*[ExpectedLine(product, n, 80) for product, n in units.items()])
    shop.accept(command)
    return command.id


def line(shop: Shop, purchase: UUID, product: str = "tea") -> PurchaseLine:
    body = shop.document(purchase).read(PurchaseBody)
    return next(x for x in body.lines if x.product_id == product)


def promised(shop: Shop, purchase: UUID) -> dict[str, int]:
    return {x.product_id: x.incoming for x in PURCHASE.promises(shop.document(purchase)) if x.incoming}


def test_what_is_ordered_is_incoming_and_cannot_be_sold(shop: Shop) -> None:
    purchase = ordered(shop, tea=6, jam=2)
    assert shop.row() == StockRow(STORE, "tea", incoming=6, version=1)
    assert shop.row().available == 0
    assert promised(shop, purchase) == {"tea": 6, "jam": 2}


def test_many_receipts_until_all_has_come(shop: Shop) -> None:
    purchase = ordered(shop, tea=6, jam=2)
    first = delivery(purchase, ReceivedLine("tea", good=3, damaged=1))
    shop.accept(first)
    assert shop.row() == StockRow(STORE, "tea", on_hand=4, unavailable=1, incoming=2, version=2)
    assert shop.document(purchase).status == PurchaseStatus.PARTLY_RECEIVED
    shop.accept(delivery(purchase, ReceivedLine("tea", good=2), ReceivedLine("jam", good=2)))
    assert shop.document(purchase).status == PurchaseStatus.RECEIVED
    assert promised(shop, purchase) == {}
    receipt = shop.document(first.id)
    assert (receipt.kind, receipt.reference) == (RECEIPT.name, "P-17")
    body = receipt.read(ReceiptBody)
    assert (body.supplier, body.purchase_id) == ("Hermanos Gil", purchase)
    assert body.lines == (ReceiptLine("tea", 3, 1, 80),), "the cost is the expected one unless another one is said"
    assert shop.code(delivery(purchase, ReceivedLine("tea", good=1))) == Code.WRONG_STATUS


def test_over_short_and_what_nobody_had_ordered(shop: Shop) -> None:
    purchase = ordered(shop, tea=6)
    shop.accept(delivery(purchase, ReceivedLine("tea", good=4), ReceivedLine("jam", good=1, cost_cents=55)))
    assert (line(shop, purchase).short, line(shop, purchase).over) == (2, 0)
    assert (line(shop, purchase, "jam").expected, line(shop, purchase, "jam").over) == (0, 1)
    shop.accept(delivery(purchase, ReceivedLine("tea", good=5)))
    assert (line(shop, purchase).short, line(shop, purchase).over) == (0, 3)
    assert (shop.row().on_hand, shop.row().incoming) == (9, 0)
    assert line(shop, purchase, "jam").cost_cents == 55


def test_ending_gives_back_what_is_still_incoming(shop: Shop) -> None:
    one, two = ordered(shop, tea=6), ordered(shop, tea=4)
    shop.accept(delivery(one, ReceivedLine("tea", good=1)))
    shop.accept(ending(one))
    assert shop.document(one).status == PurchaseStatus.CLOSED
    assert (shop.row().on_hand, shop.row().incoming) == (1, 4)
    shop.accept(ending(two))
    assert shop.document(two).status == PurchaseStatus.CANCELLED
    assert (shop.row().on_hand, shop.row().incoming) == (1, 0)
    assert shop.code(ending(two)) == Code.WRONG_STATUS
    assert shop.code(delivery(one, ReceivedLine("tea", good=1))) == Code.WRONG_STATUS


def test_what_is_not_in_the_catalogue_is_written_down_and_moves_nothing(shop: Shop) -> None:
    purchase = ordered(shop, tea=6)
    item = UnknownItem("8400000009999", 3, "a blue box")
    shop.accept(delivery(purchase, unknown=(item,)))
    assert shop.document(purchase).read(PurchaseBody).unknown == (item,)
    assert shop.row().on_hand == 0
    assert shop.code(delivery(purchase, unknown=(UnknownItem("tea", 3),))) == Code.ITEM_KNOWN
    assert shop.code(delivery(purchase, ReceivedLine("gold", good=1))) == Code.UNKNOWN_PRODUCT
    assert shop.code(blind(unknown=(item,), store="999")) == Code.UNKNOWN_STORE


def test_goods_that_nobody_announced_keep_supplier_and_cost(shop: Shop) -> None:
    command = blind(ReceivedLine("tea", good=5, damaged=1, cost_cents=90))
    shop.accept(command)
    assert shop.row() == StockRow(STORE, "tea", on_hand=6, unavailable=1, version=1)
    assert shop.document(command.id).read(ReceiptBody).lines == (ReceiptLine("tea", 5, 1, 90),)


def test_two_lines_of_one_product_are_one(shop: Shop) -> None:
    command = ordering(ExpectedLine("tea", 2, 80), ExpectedLine("tea", 3, 80))
    shop.accept(command)
    assert line(shop, command.id).expected == 5
    shop.accept(delivery(command.id, ReceivedLine("tea", good=2), ReceivedLine("tea", good=2, damaged=1)))
    assert (shop.row().on_hand, shop.row().incoming) == (5, 0)


def test_what_cannot_be_ordered_or_received_is_refused(shop: Shop) -> None:
    assert shop.code(ordering()) == Code.EMPTY_BASKET
    assert shop.code(ordering(ExpectedLine("gold", 1))) == Code.UNKNOWN_PRODUCT
    assert shop.code(ordering(ExpectedLine("tea", 1), store="999")) == Code.UNKNOWN_STORE
    assert shop.code(ordering(ExpectedLine("tea", 0))) == Code.INVALID_QUANTITY
    assert shop.code(ordering(ExpectedLine("tea", 1, 80), ExpectedLine("tea", 1, 81))) == Code.INVALID_QUANTITY
    purchase = ordered(shop, tea=1)
    assert shop.code(delivery(purchase)) == Code.EMPTY_BASKET
    assert shop.code(delivery(purchase, ReceivedLine("tea"))) == Code.EMPTY_BASKET
    assert shop.code(delivery(purchase, ReceivedLine("tea", good=-1))) == Code.INVALID_QUANTITY
    assert shop.code(delivery(new_id(), ReceivedLine("tea", good=1))) == Code.UNKNOWN_DOCUMENT
    assert shop.code(ending(new_id())) == Code.UNKNOWN_DOCUMENT
    assert shop.code(blind()) == Code.EMPTY_BASKET
