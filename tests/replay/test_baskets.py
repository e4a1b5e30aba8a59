"""Reading baskets: real ones whole, and every kind of bad file or row by one sentence."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backend.demo.source import BASKETS
from backend.model.commands import SaleLine
from backend.model.errors import InvalidInput
from backend.replay.baskets import BadRow, Basket, read_baskets

HEADER = "basket_id,store_id,transaction_timestamp,product_id,quantity,sales_value\n"
GOOD = "7,292,2017-01-01T12:30:00,bread,2,3.00\n"


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refusal(path: Path, content: str | bytes) -> str:
    with pytest.raises(InvalidInput) as caught:
        read_baskets(written(path, content))
    assert "\n" not in caught.value.message
    return caught.value.message


def test_the_real_file_is_read_whole() -> None:
    found = read_baskets(BASKETS)
    assert found.bad_rows == ()
    assert len(found.baskets) == 2_946
    assert sum(len(basket.lines) for basket in found.baskets) == 33_101
    assert sum(line.quantity for basket in found.baskets for line in basket.lines) == 43_224
    assert list(found.baskets) == sorted(found.baskets, key=lambda basket: basket.at)


def test_rows_become_baskets_in_order_of_time(tmp_path: Path) -> None:
    rows = (
        "8,292,2017-01-01T13:00:00,milk,3,1.00\n",
        "7,292,2017-01-01T12:30:00,bread,2,3.01\n",
        "8,292,2017-01-01T13:00:00,bread,1,0\n",
    )
    assert read_baskets(written(tmp_path / "b.csv", HEADER + "".join(rows))).baskets == (
        Basket("7", "292", datetime(2017, 1, 1, 12, 30, tzinfo=UTC), (SaleLine("bread", 2, 151),)),
        Basket("8", "292", datetime(2017, 1, 1, 13, 0, tzinfo=UTC), (SaleLine("milk", 3, 33), SaleLine("bread", 1, 0))),
    )


@pytest.mark.parametrize("name", ["b.csv", "b.csv.gz", "renamed"])
def test_a_file_may_be_compressed_or_not(tmp_path: Path, name: str) -> None:
    content = (HEADER + GOOD).encode()
    path = written(tmp_path / name, content if name == "b.csv" else gzip.compress(content, mtime=0))
    assert len(read_baskets(path).baskets) == 1


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff" + HEADER + GOOD,
        (HEADER + "\n" + GOOD + "\n\n").replace("\n", "\r\n"),
        HEADER.replace("\n", ",note\n") + GOOD.replace("\n", ',"two\nlines"\n'),
        "quantity,SALES_VALUE, product_id ,transaction_timestamp,store_id,basket_id\n"
        "2, 3.00 ,bread,2017-01-01T12:30:00,292,7",
    ],
    ids=["byte order mark", "empty lines", "a column of other use", "other order"],
)
def test_harmless_differences_are_read(tmp_path: Path, content: str) -> None:
    found = read_baskets(written(tmp_path / "b.csv", content))
    assert found.bad_rows == ()
    assert found.baskets[0].lines == (SaleLine("bread", 2, 150),)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("b.csv", "", "is empty"),
        ("b.csv", " \n", "is empty"),
        ("b.csv", HEADER, "has a header and no rows"),
        (
            "b.csv",
            "basket_id,store_id\n1,2\n",
            "lacks the columns transaction_timestamp, product_id, quantity, sales_value",
        ),
        ("b.csv", '"\n', "lacks the columns"),
        ("b.csv", (HEADER + GOOD + "8,caf\xe9").encode("latin-1"), "is not UTF-8 text (line 3)"),
        ("b.csv", HEADER.encode("utf-16"), "is not UTF-8 text (line 1)"),
        ("b.csv.gz", HEADER + GOOD, "is a damaged or incomplete gzip file"),
        ("b.csv.gz", gzip.compress((HEADER + GOOD).encode(), mtime=0)[:-12], "is a damaged or incomplete gzip file"),
        ("b.csv", gzip.compress((HEADER + GOOD).encode(), mtime=0)[:20], "is a damaged or incomplete gzip file"),
    ],
)
def test_a_file_that_is_not_baskets_is_refused(tmp_path: Path, name: str, content: str | bytes, expected: str) -> None:
    assert expected in refusal(tmp_path / name, content)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (GOOD.replace(",2,", ",0,"), "quantity must be a whole number from 1 to 1000000, not '0'"),
        (GOOD.replace(",2,", ",-1,"), "quantity must be a whole number from 1 to 1000000, not '-1'"),
        (GOOD.replace(",2,", ",1.5,"), "quantity must be a whole number from 1 to 1000000, not '1.5'"),
        (GOOD.replace(",2,", ",99999999,"), "quantity must be a whole number from 1 to 1000000, not '99999999'"),
        (GOOD.replace(",2,", ",1e999999999,"), "quantity must be a whole number from 1 to 1000000, not '1e999999999'"),
        (GOOD.replace(",2,", ",two,"), "quantity must be a number, not 'two'"),
        (GOOD.replace(",2,", ",,"), "quantity must be a number, not ''"),
        (GOOD.replace("3.00", "-3"), "sales_value must be an amount from 0 to 1000000 a unit, not '-3'"),
        (GOOD.replace("3.00", "9e999"), "sales_value must be an amount from 0 to 1000000 a unit, not '9e999'"),
        (GOOD.replace("3.00", "NaN"), "sales_value must be a number, not 'NaN'"),
        (GOOD.replace("292", "2 92"), "store_id must be letters, digits, '-' or '_', not '2 92'"),
        (GOOD.replace("bread", ""), "product_id must be letters, digits, '-' or '_', not ''"),
        (GOOD.replace("7,", ",", 1), "basket_id is empty"),
        (GOOD.replace("2017-01-01", "01/01/2017"), "must look like 2017-01-31T18:05:00, not '01/01/2017T12:30:00'"),
        (GOOD.replace("bread", "b" * 1000), "not '" + "b" * 40 + "…'"),
        ("7,292\n", "has 2 fields instead of 6"),
        (GOOD.replace("\n", ",8\n"), "has 7 fields instead of 6"),
        (GOOD.replace("bread", 'br"e"ad'), "product_id must be letters"),
        (GOOD.replace("bread", '"br"ead'), "is not CSV"),
        (GOOD.replace("292", "406"), "basket 7 has another store or time here than in row 2"),
        (GOOD.replace("12:30", "12:31"), "basket 7 has another store or time here than in row 2"),
    ],
)
def test_a_bad_row_is_named_and_the_others_are_kept(tmp_path: Path, row: str, problem: str) -> None:
    found = read_baskets(written(tmp_path / "b.csv", HEADER + GOOD + row + GOOD))
    [bad] = found.bad_rows
    assert bad.row == 3
    assert problem in bad.problem
    assert [len(basket.lines) for basket in found.baskets] == [2]


def test_a_basket_has_no_more_lines_than_a_command_may(tmp_path: Path) -> None:
    found = read_baskets(written(tmp_path / "b.csv", HEADER + GOOD * 501))
    assert found.bad_rows == (BadRow(502, "basket 7 has more than 500 lines"),)
