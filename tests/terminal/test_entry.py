import pytest

from backend.terminal.entry import BadQuantity, Entry, parse


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("", Entry(None, "")),
        ("  whole milk ", Entry(None, "whole milk")),
        ("3*", Entry(3, "")),
        ("3*milk", Entry(3, "milk")),
        (" 12 * milk 2% ", Entry(12, "milk 2%")),
        ("3×milk", Entry(3, "milk")),
        ("7up", Entry(None, "7up")),
        ("2000000010410", Entry(None, "2000000010410")),
        ("a*b", Entry(None, "a*b")),
        ("*milk", Entry(None, "*milk")),
        ("1000000*x", Entry(1_000_000, "x")),
    ],
)
def test_a_quantity_stands_before_a_star(text: str, entry: Entry) -> None:
    assert parse(text) == entry


@pytest.mark.parametrize("text", ["0*", "-1*milk", "1.5*milk", "1,5*", "1000001*", "99999999999999999*milk", "+3*"])
def test_zero_negative_fractional_and_absurd_quantities_are_refused(text: str) -> None:
    with pytest.raises(BadQuantity) as refused:
        parse(text)
    assert str(refused.value.fields["entered"]) in text
