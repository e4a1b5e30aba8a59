"""What ends a grant: whatever changes who the person or the terminal is, as a server sees it that is asked."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import delete

from backend.auth.grants import AUDIENCE, read_grant
from backend.auth.roles import ROLES
from backend.auth.tokens import Tokens
from backend.database.tables import terminals, users
from backend.people import grants as issuing
from tests.http.shop import PEOPLE, PIN, Shop, assert_problem

from .test_sessions import refresh, rows

EVA = {"name": "eva", "display_name": "Eva Sanz", "role": "clerk", "pin": "8351", "stores": ["norte"]}


@pytest.fixture(autouse=True)
async def eva(shop: Shop) -> AsyncIterator[None]:
    """A clerk, until the end of the test."""
    assert (await shop.post("users", EVA, shop.admin)).status_code == 201
    yield
    await rows(shop, delete(users).where(users.c.name.not_in(PEOPLE)))
    await rows(shop, delete(terminals))


async def sign_in(shop: Shop, **changes: str) -> dict[str, Any]:
    form = {"user": "eva", "pin": "8351", "store_id": "norte", "terminal_id": "T1"} | changes
    answer = await shop.client.post("auth/sign-in", json=form)
    assert answer.status_code == 200, answer.text
    session: dict[str, Any] = answer.json()
    return session


async def is_good(shop: Shop, grant: str) -> bool:
    answer = await shop.client.post("auth/grants", json={"grants": [grant]})
    assert answer.status_code == 200, answer.text
    (good,) = answer.json()["good"]
    return bool(good)


async def enrolled(shop: Shop) -> str:
    """Makes the terminal T9; its key."""
    made = await shop.post("terminals", {"store_id": "norte", "terminal_id": "T9"}, shop.supervisor)
    key: str = (await shop.client.post("terminals/enrol", json={"code": made.json()["code"]})).json()["key"]
    return key


async def test_it_says_what_the_server_knows(shop: Shop) -> None:
    offline = (await sign_in(shop))["offline"]
    claims = read_grant(offline["grant"], shop.tokens.keys)
    assert (claims.sub, claims.name, claims.role, claims.stores) == ("eva", "Eva Sanz", "clerk", ("norte",))
    assert (claims.store_id, claims.terminal_id, claims.enrolled) == ("norte", "T1", False)
    assert set(claims.scopes) == ROLES["clerk"]
    assert claims.expires_at - claims.made_at == timedelta(hours=72)
    assert claims.fits(offline["secret"])
    assert [key["kid"] for key in offline["keys"]] == list(shop.tokens.keys)
    assert await is_good(shop, offline["grant"])


async def test_it_opens_nothing_at_a_server(shop: Shop) -> None:
    offline = (await sign_in(shop))["offline"]
    for shown in (offline["grant"], offline["secret"]):
        assert_problem(await shop.get("products", {"Authorization": f"Bearer {shown}"}), 401, "token_refused")
        assert_problem(await shop.get("products", {"X-API-Key": shown}), 401, "key_refused")
        assert_problem(await refresh(shop.client, shown[:128]), 401, "token_refused")


async def test_it_is_given_at_the_sign_in_at_a_terminal_only(shop: Shop) -> None:
    session = await sign_in(shop)
    assert (await refresh(shop.client, session["refresh_token"])).json()["offline"] is None
    form = {"user": "root", "pin": PIN}
    assert (await shop.client.post("auth/sign-in", json=form)).json()["offline"] is None


async def new_pin_by_admin(shop: Shop) -> None:
    assert (await shop.put("users/eva", {"pin": "5937"}, shop.admin)).status_code == 200


async def own_new_pin(shop: Shop) -> None:
    body = {"user": "eva", "pin": "8351", "new_pin": "5937"}
    assert (await shop.client.put("auth/pin", json=body)).status_code == 204


async def another_role(shop: Shop) -> None:
    assert (await shop.put("users/eva", {"role": "supervisor"}, shop.admin)).status_code == 200


async def other_stores(shop: Shop) -> None:
    assert (await shop.put("users/eva", {"stores": ["norte", "sur"]}, shop.admin)).status_code == 200


async def signed_out_everywhere(shop: Shop) -> None:
    assert (await shop.client.delete("users/eva/sessions", headers=shop.admin)).status_code == 200


async def removed(shop: Shop) -> None:
    assert (await shop.client.delete("users/eva", headers=shop.admin)).status_code == 204


async def removed_and_another_of_the_name(shop: Shop) -> None:
    await removed(shop)
    assert (await shop.post("users", EVA, shop.admin)).status_code == 201


@pytest.mark.parametrize(
    "end",
    [
        new_pin_by_admin,
        own_new_pin,
        another_role,
        other_stores,
        signed_out_everywhere,
        removed,
        removed_and_another_of_the_name,
    ],
)
async def test_it_ends_with_what_the_person_was(shop: Shop, end: Callable[[Shop], Awaitable[None]]) -> None:
    grant = (await sign_in(shop))["offline"]["grant"]
    await end(shop)
    assert not await is_good(shop, grant)


async def test_it_outlives_what_changes_nothing(shop: Shop) -> None:
    session = await sign_in(shop)
    await shop.client.post("auth/sign-out", json={"refresh_token": session["refresh_token"]})
    assert (await shop.put("users/eva", {"display_name": "Eva"}, shop.admin)).status_code == 200
    await sign_in(shop)
    assert await is_good(shop, session["offline"]["grant"])


async def test_it_ends_with_its_terminal_and_with_the_terminals_key(shop: Shop) -> None:
    key = await enrolled(shop)
    grant = (await sign_in(shop, terminal_key=key))["offline"]["grant"]
    claims = read_grant(grant, shop.tokens.keys)
    assert (claims.terminal_id, claims.enrolled) == ("T9", True)
    assert await is_good(shop, grant)
    assert (await shop.client.delete("terminals/norte/T9", headers=shop.supervisor)).status_code == 204
    assert not await is_good(shop, grant)
    await enrolled(shop)  # another machine of that name
    assert not await is_good(shop, grant)


async def test_it_ends_after_72_hours(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuing, "LIFETIME", timedelta(0))
    assert not await is_good(shop, (await sign_in(shop))["offline"]["grant"])


async def test_one_of_another_shop_is_not_good(shop: Shop, other_tokens: Tokens) -> None:
    grant = (await sign_in(shop))["offline"]["grant"]
    claims = read_grant(grant, shop.tokens.keys)
    said = {name: getattr(claims, name) for name in claims.__struct_fields__}
    assert await is_good(shop, shop.tokens.sign({"aud": AUDIENCE, **said}))
    assert not await is_good(shop, other_tokens.sign({"aud": AUDIENCE, **said}))


async def test_many_are_asked_about_in_order(shop: Shop) -> None:
    good = (await sign_in(shop))["offline"]["grant"]
    answer = await shop.client.post("auth/grants", json={"grants": ["x", good, good, f"{good}x"]})
    assert answer.json() == {"good": [False, True, True, False]}
    assert_problem(await shop.client.post("auth/grants", json={"grants": [good] * 17}), 400, "invalid_input")


@pytest.fixture
def other_tokens() -> Tokens:
    return Tokens(Ed25519PrivateKey.generate())
