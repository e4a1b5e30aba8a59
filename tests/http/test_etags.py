"""ETags by themselves; what the stock routes do with them is in test_stock_writes."""

import pytest
from litestar.testing import RequestFactory

from backend.http.etags import Match, etag, if_match, tagged
from backend.http.request import ApiRequest
from backend.model.errors import InvalidInput
from backend.stores.schemas import StoreShape

SHOWN = StoreShape("norte", "Norte")
TAG = etag(7, SHOWN)


def request(**headers: str) -> ApiRequest:
    plain = RequestFactory().get(headers={name.replace("_", "-"): value for name, value in headers.items()})
    return ApiRequest(plain.scope)


def test_a_tag_tells_the_version_and_all_that_is_shown() -> None:
    assert TAG.startswith('"7-')
    assert len({TAG, etag(8, SHOWN), etag(7, StoreShape("norte", "Norte 2"))}) == 3


@pytest.mark.parametrize("sent", [TAG, f"W/{TAG}", f'"other", {TAG}', "*"])
def test_what_the_client_has_already_is_not_sent_again(sent: str) -> None:
    answer = tagged(request(If_None_Match=sent), 7, SHOWN)
    assert (answer.status_code, answer.headers["ETag"]) == (304, TAG)
    assert not answer.content


@pytest.mark.parametrize("sent", ["", "7", '"7"', TAG.replace("7-", "8-"), TAG.upper()])
def test_what_the_client_has_not_is_sent(sent: str) -> None:
    answer = tagged(request(If_None_Match=sent), 7, SHOWN)
    assert (answer.status_code, answer.content) == (200, SHOWN)


@pytest.mark.parametrize(
    ("sent", "version"),
    [(TAG, 7), ('"7"', 7), ("*", None), (f"W/{TAG}", -1), ('"seven"', -1), ('"7-x"', -1), ('"-1"', -1)],
)
def test_what_a_write_has_seen(sent: str, version: int | None) -> None:
    assert if_match(request(If_Match=sent)) == Match(version)


def test_a_write_that_says_nothing() -> None:
    assert if_match(request()) is None


@pytest.mark.parametrize("sent", ["", "7", f'{TAG}, "8"', 'W/"7', "W/*"])
def test_what_is_no_tag_is_refused(sent: str) -> None:
    with pytest.raises(InvalidInput):
        if_match(request(If_Match=sent))
