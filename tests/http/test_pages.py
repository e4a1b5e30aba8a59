from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple, cast

import httpx
import pytest
from litestar.testing import RequestFactory
from msgspec import Meta

from backend.http.pages import behind, page
from backend.http.request import ApiRequest
from backend.model.commands import ProductId
from backend.model.errors import InvalidInput


class Key(NamedTuple):
    at: Annotated[datetime, Meta(tz=True)]
    product_id: ProductId


ROWS = [Key(datetime(2026, 1, day, 12, 0, 0, day, UTC), f"p{day}") for day in range(1, 8)]


def rows_after(key: Key | None, limit: int) -> list[Key]:
    """What a repository does: rows are in the order of their keys."""
    return [row for row in ROWS if key is None or row > key][: limit + 1]


def asked(query: str) -> ApiRequest:
    return cast("ApiRequest", RequestFactory().get("/api/v1/sales", query_params=dict(httpx.QueryParams(query))))


def test_the_links_lead_through_all_rows_once_and_keep_the_rest_of_the_question() -> None:
    seen: list[Key] = []
    query: str | None = "store_id=norte&limit=3"
    while query is not None:
        key = behind(httpx.QueryParams(query).get("cursor"), Key)
        shown, headers = page(asked(query), rows_after(key, 3), 3, lambda row: row)
        assert len(shown) in {3, 1}
        seen += shown
        link = httpx.Response(200, headers=headers).links.get("next", {}).get("url")
        query = None
        if link:
            url = httpx.URL(link)
            assert (url.path, url.params["store_id"], url.params["limit"]) == ("/api/v1/sales", "norte", "3")
            query = url.query.decode()
    assert seen == ROWS


def test_a_full_last_page_has_no_next_one() -> None:
    assert page(asked(""), ROWS, len(ROWS), lambda row: row) == (ROWS, {})
    assert page(asked(""), [], 5, lambda row: row) == ([], {})


def encoded(json: str) -> str:
    return urlsafe_b64encode(json.encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "ñ",
        "%%%",
        encoded("{"),
        encoded("null"),
        encoded("[]"),
        encoded('["2026-01-01T00:00:00Z"]'),
        encoded('["2026-01-01T00:00:00", "milk"]'),  # which moment that is depends on the server's clock
        encoded('["2026-01-01T00:00:00Z", "a\\u0000b"]'),
        encoded('["2026-01-01T00:00:00Z", 7]'),
        encoded('["9999-12-31T23:59:59-14:00", "milk"]'),  # no moment of UTC's calendar
        encoded('["0001-01-01T00:00:00+14:00", "milk"]'),
        urlsafe_b64encode(b"\xff\xfe").decode(),
    ],
)
def test_a_cursor_that_was_not_handed_out_names_the_field(cursor: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        behind(cursor, Key)
    assert refused.value.field == "cursor"
