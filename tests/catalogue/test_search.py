from tests.http.shop import PACK, PRODUCTS, Shop, assert_problem


async def ids(shop: Shop, q: str) -> list[str]:
    return [product["id"] for product in (await shop.get("products", q=q)).json()["products"]]


async def test_every_word_must_occur_and_case_and_accents_do_not_count(shop: Shop) -> None:
    assert await ids(shop, "LÉCHE") == ["milk", "choc"]
    assert await ids(shop, "leche choc") == ["choc"]
    assert await ids(shop, "eche ent") == ["milk"]
    assert await ids(shop, "leche pan") == []
    assert await ids(shop, "%") == []
    assert await ids(shop, "despensa") == ["rice", "choc", "milk", "bread"]


async def test_an_exact_code_comes_first(shop: Shop) -> None:
    assert (await ids(shop, PRODUCTS["rice"][1])) == ["rice"]
    assert (await ids(shop, "RICE")) == ["rice"]
    assert (await ids(shop, PACK)) == ["milk"]
    assert (await ids(shop, "choc"))[0] == "choc"


async def test_pages(shop: Shop) -> None:
    first = (await shop.get("products", page_size=3)).json()
    assert len(first["products"]) == 3
    assert {key: first[key] for key in ("total", "page", "page_size", "total_pages")} == {
        "total": 4,
        "page": 1,
        "page_size": 3,
        "total_pages": 2,
    }
    second = (await shop.get("products", page_size=3, page=2)).json()
    assert {product["id"] for product in first["products"] + second["products"]} == set(PRODUCTS)
    beyond = (await shop.get("products", page_size=3, page=9)).json()
    assert (beyond["products"], beyond["total"]) == ([], 4)
    beyond = (await shop.get("products", q="leche", page=9)).json()
    assert (beyond["products"], beyond["total"]) == ([], 2)


async def test_a_product_by_each_of_its_codes(shop: Shop) -> None:
    name, barcode, _ = PRODUCTS["milk"]
    by_id = (await shop.get("products/milk")).json()
    assert by_id["name"] == name
    assert by_id["barcode"] == barcode
    assert by_id["price"] == 1.29
    assert (await shop.get("products/sku/MILK")).json() == by_id
    assert (await shop.get(f"products/barcode/{barcode}")).json() == by_id | {"pack_quantity": 1}
    assert (await shop.get(f"products/barcode/{PACK}")).json() == by_id | {"pack_quantity": 6}


async def test_a_search_shows_the_stock_of_a_store(shop: Shop) -> None:
    await shop.receive("milk", 5)
    found = (await shop.get("products", q="leche", store_id="norte")).json()["products"]
    assert [(product["stock"]["quantity"], product["stock"]["version"]) for product in found] == [(5, 1), (0, 0)]


async def test_what_is_unknown(shop: Shop) -> None:
    assert_problem(await shop.get("products/gold"), 404, "unknown_product")
    assert_problem(await shop.get("products/sku/gold"), 404, "unknown_product")
    assert_problem(await shop.get("products/barcode/123"), 404, "unknown_barcode")
    assert_problem(await shop.get("products", store_id="oeste"), 404, "unknown_store")


async def test_a_page_out_of_range_names_the_parameter(shop: Shop) -> None:
    for wrong in ({"page": 0}, {"page": "x"}, {"page": 10**12}, {"page_size": 101}, {"q": "x" * 201}):
        problem = assert_problem(await shop.get("products", **wrong), 400, "invalid_input")
        assert problem["field"] == next(iter(wrong))
        assert next(iter(wrong)) in problem["detail"]


async def test_an_address_with_a_nul_character_is_refused(shop: Shop) -> None:
    for path in ("products/a%00b", "stock/milk/a%00b", "products?q=%00", "products?store_id=%00"):
        assert_problem(await shop.client.get(path, headers=shop.auth), 400, "invalid_input")
