import pytest

from backend.terminal.money import age, countdown, money, number


@pytest.mark.parametrize(
    ("cents", "english", "spanish"),
    [
        (0, "0.00", "0,00"),
        (5, "0.05", "0,05"),
        (119, "1.19", "1,19"),
        (123456, "1,234.56", "1.234,56"),
        (-250, "-2.50", "-2,50"),
        (100000000, "1,000,000.00", "1.000.000,00"),
    ],
)
def test_money_is_written_as_people_write_it(cents: int, english: str, spanish: str) -> None:
    assert money(cents, "en") == english
    assert money(cents, "es") == spanish


def test_a_number_has_its_thousands_marked() -> None:
    assert number(12298, "en") == "12,298"
    assert number(12298, "es") == "12.298"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(900, "15:00"), (899.2, "15:00"), (59.9, "01:00"), (0.1, "00:01"), (0, "00:00"), (-3, "00:00"), (3600, "1:00:00")],
)
def test_a_countdown_counts_the_second_it_is_in_and_stops_at_zero(seconds: float, shown: str) -> None:
    assert countdown(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.9, "0s"), (42, "42s"), (60, "1m"), (3599, "59m"), (3600, "1h"), (200000, "2d")]
)
def test_an_age_is_in_its_largest_unit(seconds: float, shown: str) -> None:
    assert age(seconds) == shown
