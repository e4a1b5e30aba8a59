"""What codes say: check digits, packs, weights and prices, GS1 element strings in every way they are sent."""

from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from backend.model.barcode import Damage, DamagedBarcode, check_digit
from backend.model.errors import InvalidInput
from backend.model.scans import CodeKind, Scan, masks_of, read_scan, stored_code, upc_a_of

MASKS = masks_of("20IIIIIWWWWW 21IIIIIVPPPP")
GS = "\x1d"
bodies = st.sampled_from([7, 11, 12, 13]).flatmap(lambda n: st.text("0123456789", min_size=n, max_size=n))


@pytest.mark.parametrize(
    ("code", "kind", "key"),
    [
        ("4006381333931", CodeKind.EAN_13, "4006381333931"),
        (" 036000291452\r\n", CodeKind.EAN_13, "0036000291452"),
        ("96385074", CodeKind.EAN_8, "96385074"),
        ("04252614", CodeKind.EAN_13, "0042100005264"),  # a UPC-E
        ("18400000000014", CodeKind.ITF_14, "18400000000014"),
        ("08400000000017", CodeKind.EAN_13, "8400000000017"),
        ("2000009267754", CodeKind.IN_STORE, "2000009267754"),
        ("]C0AB-1234", CodeKind.CODE_128, "AB-1234"),
        ("123", CodeKind.CODE_128, "123"),
    ],
)
def test_a_code_is_kept_in_one_form(code: str, kind: CodeKind, key: str) -> None:
    assert stored_code(code) == (key, kind)
    assert read_scan(key).keys[0] == key


@pytest.mark.parametrize(
    ("upc_e", "upc_a"),
    [
        ("04252614", "042100005264"),
        ("01234505", "012000003455"),
        ("01234531", "012300000451"),
        ("01234543", "012340000053"),
        ("01234558", "012345000058"),
    ],
)
def test_a_upc_e_is_expanded(upc_e: str, upc_a: str) -> None:
    expanded = upc_a[:-1] + check_digit(upc_a[:-1])
    assert upc_a_of(upc_e[:-1] + expanded[-1]) == expanded
    assert expanded[:-1] == upc_a[:-1]


@given(bodies)
def test_a_check_digit_makes_a_whole_code(body: str) -> None:
    code = body + check_digit(body)
    assert read_scan(code).kind is not CodeKind.CODE_128


@given(bodies, st.data())
def test_one_misread_digit_is_always_found(body: str, data: st.DataObject) -> None:
    code = body + check_digit(body)
    place = data.draw(st.integers(0, len(code) - 1))
    digit = data.draw(st.sampled_from([x for x in "0123456789" if x != code[place]]))
    wrong = code[:place] + digit + code[place + 1 :]
    assume(len(code) != 8 or wrong[0] not in "01")  # those may be a whole UPC-E
    with pytest.raises(DamagedBarcode) as caught:
        read_scan(wrong)
    assert caught.value.damage is Damage.CHECK_DIGIT


@given(bodies, st.data())
def test_two_swapped_neighbours_are_found_unless_they_differ_by_five(body: str, data: st.DataObject) -> None:
    code = body + check_digit(body)
    place = data.draw(st.integers(0, len(code) - 2))
    left, right = code[place], code[place + 1]
    assume(abs(int(left) - int(right)) not in (0, 5))
    wrong = code[:place] + right + left + code[place + 2 :]
    assume(len(code) != 8 or wrong[0] not in "01")
    with pytest.raises(DamagedBarcode):
        read_scan(wrong)


@given(st.integers(0, 99_999), st.integers(0, 99_999))
def test_a_weight_is_read_from_an_in_store_code_and_the_item_is_found(item: int, grams: int) -> None:
    body = f"20{item:05}{grams:05}"
    scan = read_scan(body + check_digit(body), MASKS)
    none = f"20{item:05}00000"
    assert (scan.kind, scan.grams, scan.price_cents) == (CodeKind.IN_STORE, grams, None)
    assert scan.keys[0] == none + check_digit(none)
    assert stored_code(body + check_digit(body), MASKS)[0] == scan.keys[0]


@given(st.integers(0, 99_999), st.integers(0, 9_999), st.integers(0, 9))
def test_a_price_is_read_from_an_in_store_code(item: int, cents: int, own_check: int) -> None:
    body = f"21{item:05}{own_check}{cents:04}"
    scan = read_scan(body + check_digit(body), MASKS)
    assert (scan.grams, scan.price_cents) == (None, cents)


def test_without_masks_an_in_store_code_is_a_product_of_its_own() -> None:
    assert read_scan("2012345012501" if check_digit("201234501250") == "1" else "2012345012509") == Scan(
        CodeKind.IN_STORE, ("201234501250" + check_digit("201234501250"),)
    )


@pytest.mark.parametrize(
    "wrong", ["20IIIII", "20IIIIIWWWWP", "30IIIIIWWWWW", "20WWWWWIIIII", "IIIIIIIWWWWW", "20IIIIIIIIII", "20iiiiiwwwww"]
)
def test_a_mask_that_is_none_is_told(wrong: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        masks_of(wrong)
    assert caught.value.fields["field"] == "IN_STORE_CODES"


ALL = Scan(CodeKind.GS1, ("8412345678905",), None, 1250, None, "AB12", date(2026, 12, 31))


@pytest.mark.parametrize(
    "sent",
    [
        "(01)08412345678905(10)AB12(17)261231(3103)001250",
        f"010841234567890510AB12{GS}172612313103001250",
        f"{GS}010841234567890510AB12{GS}172612313103001250",
        "]C1010841234567890517261231310300125010AB12",
        f"]d2010841234567890517261231310300125010AB12{GS}",
    ],
)
def test_a_gs1_code_is_read_however_it_is_sent(sent: str) -> None:
    assert read_scan(sent) == ALL


def test_a_gs1_code_of_boxes_and_prices() -> None:
    boxes = read_scan("(01)18400000000014(37)6")
    assert (boxes.keys, boxes.units) == (("18400000000014",), 6)
    price = read_scan("(01)98400000000010(3922)1250")
    assert (price.keys, price.price_cents) == (("98400000000010",), 1250)
    assert read_scan("(01)08412345678905(3203)001250").grams is None  # pounds
    with pytest.raises(DamagedBarcode):
        stored_code("(01)08412345678905(10)AB12")
    assert stored_code("(01)08412345678905") == ("8412345678905", CodeKind.GS1)


@pytest.mark.parametrize(
    "wrong",
    ["(01)08412345678906", "(10)AB12", "(01)0841234", "0108412345678906", "", "a\x00b", "ñandú", "x" * 49, "(99"],
)
def test_what_is_no_code_is_damaged(wrong: str) -> None:
    if wrong == "0108412345678906":
        assert read_scan(wrong).kind is CodeKind.CODE_128  # 16 digits are no code of GS1 without more
        return
    with pytest.raises(DamagedBarcode):
        read_scan(wrong)


@given(st.text(max_size=120))
def test_nothing_else_is_raised(text: str) -> None:
    try:
        scan = read_scan(text, MASKS)
    except DamagedBarcode:
        return
    assert scan.keys
    assert all(0 < len(key) <= 48 for key in scan.keys)
