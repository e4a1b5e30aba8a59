"""The packed data is whole, and every product has a name that a clerk can tell apart."""

from backend.demo import source
from backend.demo.names import product_names, readable, readable_size


def test_the_catalogue_has_every_product_that_was_sold() -> None:
    products = source.products()
    sold = source.units_sold()
    assert len(products) == len({product.id for product in products}) == 12_298
    assert len(sold) == 24
    assert sum(sum(units.values()) for units in sold.values()) == 43_224
    assert set().union(*sold.values()) <= {product.id for product in products}
    assert all(product.price_cents >= 0 for product in products)


def test_names_are_unique_and_fit_the_catalogue() -> None:
    products = source.products()
    names = product_names(products)
    assert names.keys() == {product.id for product in products}
    assert len(set(names.values())) == len(names)
    assert all(3 <= len(name) <= 80 and name == name.strip() and name[0].isupper() for name in names.values())


def test_products_that_the_source_does_not_tell_apart_are_numbered() -> None:
    product = source.SourceProduct("1", "GROCERY", "YOGURT", "YOGURT NOT MULTI-PACKS", "6 OZ", "Private", 40)
    assert product_names([product]) == {"1": "Yogurt Store Brand 6 oz"}
    names = product_names([product, product._replace(id="2"), product._replace(id="3", size="")])
    assert names == {
        "1": "Yogurt Store Brand 6 oz No. 1",
        "2": "Yogurt Store Brand 6 oz No. 2",
        "3": "Yogurt Store Brand",
    }


def test_abbreviations_are_spelled_out_and_half_words_dropped() -> None:
    assert readable("SFT DRNK 2 LITER BTL CARB INCL") == "Soft Drink 2 Liter Bottle Carbonated"
    assert readable("FACIAL TISSUE & PAPER HANDKE", frozenset({"HANDKE"})) == "Facial Tissue and Paper Handke"
    assert readable("RTS SOUP: CHUNKY/HOMESTYLE ET") == "Ready to Serve Soup Chunky/Homestyle"
    assert readable("CHIX: ROTISSERIE (HOT)") == "Chicken Rotisserie Hot"
    assert readable("BLENDED JUICE&COMBINATIONS (50") == "Blended Juice and Combinations"


def test_a_kind_that_says_nothing_alone_gets_its_category() -> None:
    lean = source.SourceProduct("1", "MEAT", "BEEF", "LEAN", "", "National", 500)
    assert product_names([lean]) == {"1": "Beef Lean"}


def test_sizes_are_written_as_on_a_package() -> None:
    assert [readable_size(size) for size in ("15.75 OZ", "2 L", "450 ML", "L     32 OZ", "")] == [
        "15.75 oz",
        "2 L",
        "450 ml",
        "32 oz",
        "",
    ]
