"""Prices of more than one unit, by example and against exact arithmetic."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.model.commands import SaleLine
from backend.model.unit_price import UnitPrice

quantities = st.integers(1, 1_000_000)
prices = st.builds(UnitPrice, st.integers(0, 100_000_000), st.sampled_from([1, 3, 7, 100, 1000, 1_000_000]))


@pytest.mark.parametrize(
    ("price", "units", "cents"),
    [
        (UnitPrice(249, 1000), 1, 0),
        (UnitPrice(249, 1000), 3, 1),
        (UnitPrice(250, 1000), 2, 1),
        (UnitPrice(249, 1000), 1234, 307),
        (UnitPrice(1), 7, 7),
    ],
)
def test_a_line_is_rounded_once_and_a_half_goes_up(price: UnitPrice, units: int, cents: int) -> None:
    assert price.of(units) == cents
    assert SaleLine("ham", units, price.cents, price_per=price.per).amount_cents == cents


@given(prices, quantities)
def test_it_is_what_exact_arithmetic_says(price: UnitPrice, units: int) -> None:
    exact = Decimal(units * price.cents) / price.per
    assert price.of(units) == int(exact.quantize(Decimal(1), ROUND_HALF_UP))


@given(st.integers(1, 5000), st.integers(1, 20_000))
def test_what_a_scale_printed_is_the_price_of_the_weight_found_for_it(cents_a_kilogram: int, grams: int) -> None:
    price = UnitPrice(cents_a_kilogram, 1000)
    printed = price.of(grams)
    assert price.of(price.units_for(printed)) == printed


def test_nothing_is_bought_of_what_costs_nothing() -> None:
    assert UnitPrice(0, 1000).units_for(100) == 0


def test_sentences_name_the_number_of_units() -> None:
    assert (str(UnitPrice(249, 1000)), str(UnitPrice(5))) == ("2.49 per 1,000", "0.05")
