"""The price in a store at a moment, against the plainest way to find it."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from backend.model.price_lists import CHAIN, ListPrice, effective_price, prices_between
from backend.model.unit_price import UnitPrice

BASE = UnitPrice(100)
START = datetime(2026, 1, 1, tzinfo=UTC)
moments = st.integers(0, 20).map(lambda n: START + timedelta(hours=n))
prices = st.lists(
    st.builds(
        ListPrice,
        st.sampled_from(["s1", "s2", CHAIN]),
        moments,
        st.none() | st.integers(0, 9),
        st.sampled_from([1, 1000]),
    ),
    max_size=8,
    unique_by=lambda price: (price.store_id, price.valid_from),
)


def day(hour: int) -> datetime:
    return START + timedelta(hours=hour)


def test_the_store_comes_before_the_chain_and_the_chain_before_the_catalogue() -> None:
    lists = [
        ListPrice(CHAIN, day(1), 90),
        ListPrice("s1", day(2), 80),
        ListPrice("s1", day(4), None),
        ListPrice(CHAIN, day(5), None),
        ListPrice("s2", day(1), 1),
    ]
    assert [effective_price(BASE, lists, "s1", day(hour)).cents for hour in range(7)] == [100, 90, 80, 80, 90, 100, 100]
    assert prices_between(BASE, lists, "s1", day(1), day(5)) == [(100, 1), (90, 1), (80, 1)]
    assert prices_between(BASE, lists, "s1", day(3), day(3)) == [(80, 1)]


@given(prices, moments, moments)
def test_every_price_of_a_time_is_among_those_of_its_span(lists: list[ListPrice], one: datetime, two: datetime) -> None:
    since, until = sorted((one, two))
    between = prices_between(BASE, lists, "s1", since, until)
    hours = int((until - since) / timedelta(hours=1))
    each = [effective_price(BASE, lists, "s1", since + timedelta(hours=n)) for n in range(hours + 1)]
    assert set(between) == set(each)
    assert between[0] == each[-1]
    assert effective_price(BASE, reversed(lists), "s1", until) == each[-1]
