import httpx
import pytest

from backend.terminal.api import Api, ServerAway, ServerRefused, SessionEnded

from .fake_server import SESSION, FakeServer
from .test_sender import reserve


def answering(response: httpx.Response) -> Api:
    api = Api("http://server", transport=httpx.MockTransport(lambda _: response))
    api.use(SESSION)
    return api


async def test_signing_in_opens_a_session_for_every_later_call() -> None:
    server = FakeServer()
    api = server.api()
    assert [store.id for store in await api.stores()] == ["292", "319", "361", "406"]
    session = await api.sign_in("ana", "1234", "406", "T1")
    assert (session.store_name, session.display_name, api.token) == ("Old Town", "Ana", "token")


async def test_a_wrong_pin_is_a_refusal_and_not_an_ended_session() -> None:
    with pytest.raises(ServerRefused) as refused:
        await FakeServer().api().sign_in("ana", "0000", "292", "T1")
    assert refused.value.code == "sign_in_refused"


async def test_prices_become_exact_cents() -> None:
    found = await FakeServer().signed_in().search("milk", "292", 10)
    assert {x.name: x.unit_price.cents for x in found.products} == {"Whole milk": 119, "Milk chocolate": 150}
    assert [x.stock.available_qty if x.stock else None for x in found.products] == [10, 10]


async def test_a_problem_keeps_its_code_and_its_fields() -> None:
    with pytest.raises(ServerRefused) as refused:
        await FakeServer().signed_in().by_barcode("4006381333931", "north")
    assert (refused.value.code, refused.value.fields["barcode"]) == ("unknown_barcode", "4006381333931")
    assert not refused.value.retryable


@pytest.mark.parametrize(
    ("response", "error", "code"),
    [
        (httpx.Response(401, json={"code": "not_authenticated"}), SessionEnded, "session_ended"),
        (httpx.Response(502, text="<html>Bad gateway</html>"), ServerAway, "server_away"),
        (httpx.Response(503, json={"code": "busy", "retryable": True}), ServerRefused, "busy"),
        (httpx.Response(404, text="no"), ServerRefused, "http_404"),
        (httpx.Response(200, text="<html>A captive portal</html>"), ServerRefused, "version_mismatch"),
        (httpx.Response(200, json={"nats_url": 7}), ServerRefused, "version_mismatch"),
    ],
)
async def test_every_bad_answer_is_an_error_of_ours(
    response: httpx.Response, error: type[Exception], code: str
) -> None:
    with pytest.raises(error) as raised:
        await answering(response).live()
    assert raised.value.code == code  # type: ignore[attr-defined]


async def test_no_answer_is_worth_another_try() -> None:
    server = FakeServer()
    server.away = True
    with pytest.raises(ServerAway) as away:
        await server.api().stores()
    assert away.value.retryable


async def test_answers_to_other_commands_are_not_taken() -> None:
    with pytest.raises(ServerRefused) as refused:
        await answering(httpx.Response(200, json={"answers": []})).send([reserve()])
    assert refused.value.code == "version_mismatch"
