"""Check digits against printed barcodes, and the two misreadings that they exist for."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from backend.model.barcode import Damage, DamagedBarcode, check_digit, in_store_ean13, parse_scan
from backend.model.errors import InvalidInput

digits = st.text("0123456789", min_size=1, max_size=11)
bodies = st.sampled_from([7, 12, 13]).flatmap(lambda n: st.text("0123456789", min_size=n, max_size=n))


@pytest.mark.parametrize("code", ["4006381333931", "5901234123457", "9780306406157", "96385074", "73513537"])
def test_printed_barcodes_are_read_as_they_are(code: str) -> None:
    assert parse_scan(f" {code}\r\n") == code


def test_a_upc_a_is_the_ean_13_with_a_leading_zero() -> None:
    assert parse_scan("036000291452") == parse_scan("0036000291452") == "0036000291452"


def test_a_box_has_a_code_of_its_own_and_a_single_unit_its_ean_13() -> None:
    assert parse_scan("18400000000014") == "18400000000014"
    assert parse_scan("08400000000017") == "8400000000017"


def test_an_in_store_code_is_the_padded_product_id() -> None:
    assert in_store_ean13("926775") == "2000009267754"


@given(digits)
def test_every_in_store_code_is_a_whole_barcode_of_its_product(product_id: str) -> None:
    code = parse_scan(in_store_ean13(product_id))
    assert code.startswith("2")
    assert int(code[1:12]) == int(product_id)


@given(bodies, st.data())
def test_one_misread_digit_is_always_found(body: str, data: st.DataObject) -> None:
    code = body + check_digit(body)
    place = data.draw(st.integers(0, len(code) - 1))
    digit = data.draw(st.sampled_from([x for x in "0123456789" if x != code[place]]))
    with pytest.raises(DamagedBarcode) as caught:
        parse_scan(code[:place] + digit + code[place + 1 :])
    assert caught.value.damage is Damage.CHECK_DIGIT


@given(bodies, st.data())
def test_two_swapped_neighbours_are_found_unless_they_differ_by_five(body: str, data: st.DataObject) -> None:
    code = body + check_digit(body)
    place = data.draw(st.integers(0, len(code) - 2))
    left, right = code[place], code[place + 1]
    assume(abs(int(left) - int(right)) not in (0, 5))
    with pytest.raises(DamagedBarcode):
        parse_scan(code[:place] + right + left + code[place + 2 :])


@pytest.mark.parametrize(
    ("text", "damage"),
    [
        ("", Damage.CHARACTERS),
        ("40063813A3931", Damage.CHARACTERS),
        ("-4006381333931", Damage.CHARACTERS),
        ("٤٠٠٦٣٨١٣٣٣٩٣١", Damage.CHARACTERS),
        ("400638133393", Damage.CHECK_DIGIT),
        ("40063813339", Damage.LENGTH),
        ("4006381333931" * 2, Damage.LENGTH),
        ("4006381333930", Damage.CHECK_DIGIT),
    ],
)
def test_a_damaged_scan_says_what_is_wrong(text: str, damage: Damage) -> None:
    with pytest.raises(DamagedBarcode) as caught:
        parse_scan(text)
    assert caught.value.damage is damage
    assert caught.value.message.endswith("scan it again.")


@pytest.mark.parametrize("product_id", ["", "123456789012", "A1", "1.5"])
def test_a_product_id_that_fits_no_barcode_is_refused(product_id: str) -> None:
    with pytest.raises(InvalidInput):
        in_store_ean13(product_id)
