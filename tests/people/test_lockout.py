"""Guessing PINs: counted in the database by name and by address, locked longer and longer, forgiven in time."""

import asyncio
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, update

from backend.auth import lockout, pins
from backend.database.tables import sign_in_failures
from backend.settings import Settings
from tests.http.fixtures import server_of
from tests.http.shop import PIN, Shop, assert_problem

from .test_sessions import rows


async def attempt(client: httpx.AsyncClient, user: str = "ana", pin: str = "0000") -> httpx.Response:
    form = {"user": user, "pin": pin, "store_id": "norte", "terminal_id": "T1"}
    return await client.post("auth/sign-in", json=form)


async def let_pass(shop: Shop, time: timedelta) -> None:
    """The failures so far happened this much earlier."""
    for row in await rows(shop, select(sign_in_failures)):
        earlier = update(sign_in_failures).where(sign_in_failures.c.subject == row.subject)
        await rows(shop, earlier.values(failed_at=row.failed_at - time))


def assert_locked(answer: httpx.Response, at_most: int) -> None:
    problem = assert_problem(answer, 429, "sign_in_locked")
    assert problem["retryable"]
    assert answer.headers["retry-after"] == str(problem["retry_after"])
    assert at_most - 5 < problem["retry_after"] <= at_most


async def test_five_failures_lock_a_name_on_every_server(shop: Shop, twin: httpx.AsyncClient, tmp_path: Path) -> None:
    for _ in range(5):
        assert_problem(await attempt(shop.client), 401, "sign_in_refused")

    assert_locked(await attempt(shop.client), 15)
    assert_locked(await attempt(twin, pin=PIN), 15)
    settings = Settings.load(
        _env_file=None, database_url=shop.database_url, nats_url="", signing_key_file=tmp_path / "key.pem"
    )
    async with server_of(settings) as restarted:
        assert_locked(await attempt(restarted, pin=PIN), 15)
    assert (await attempt(shop.client, "luis", PIN)).status_code == 200


async def test_each_further_failure_doubles_the_lock_and_the_right_pin_ends_it(shop: Shop) -> None:
    for _ in range(5):
        await attempt(shop.client)
    for seconds in (15, 30, 60):
        assert_locked(await attempt(shop.client, pin=PIN), seconds)
        await let_pass(shop, timedelta(seconds=seconds))
        assert_problem(await attempt(shop.client), 401, "sign_in_refused")
    await let_pass(shop, timedelta(seconds=120))
    assert (await attempt(shop.client, pin=PIN)).status_code == 200
    assert_problem(await attempt(shop.client), 401, "sign_in_refused")


async def test_failures_are_forgotten_in_time(shop: Shop) -> None:
    for _ in range(4):
        await attempt(shop.client)
    await let_pass(shop, lockout.NAME.memory)
    for _ in range(5):
        assert_problem(await attempt(shop.client), 401, "sign_in_refused")
    assert_locked(await attempt(shop.client), 15)


async def test_an_address_that_tries_many_names_is_locked_and_no_other(shop: Shop, twin: httpx.AsyncClient) -> None:
    await attempt(shop.client, "nobody")
    await rows(shop, update(sign_in_failures).values(failures=29))
    await let_pass(shop, timedelta(seconds=1))
    assert_problem(await attempt(shop.client, "no one"), 401, "sign_in_refused")

    assert_locked(await attempt(shop.client, pin=PIN), 15)
    assert (await attempt(twin, pin=PIN)).status_code == 200
    assert_locked(await attempt(shop.client, pin=PIN), 15)  # an own account does not forgive guesses at others


async def test_an_ipv6_network_is_one_address(shop: Shop, tmp_path: Path) -> None:
    settings = Settings.load(
        _env_file=None, database_url=shop.database_url, nats_url="", signing_key_file=tmp_path / "key.pem"
    )
    for address in ("2001:db8:1:2::a", "2001:db8:1:2:ffff::b"):
        async with server_of(settings, address) as client:
            await attempt(client, address[-1])
    found = await rows(shop, select(sign_in_failures).where(sign_in_failures.c.subject.like("address:%")))
    assert [(row.subject, row.failures) for row in found] == [("address:2001:db8:1:2::/64", 2)]


class CountingHasher:
    """The real one, and what it was asked."""

    def __init__(self, real: PasswordHasher) -> None:
        self.real, self.asked = real, list[tuple[str, str]]()

    def verify(self, stored: str, secret: str) -> bool:
        self.asked.append((stored, secret))
        return self.real.verify(stored, secret)

    def hash(self, secret: str) -> str:
        return self.real.hash(secret)


@pytest.fixture
def hasher(monkeypatch: pytest.MonkeyPatch) -> CountingHasher:
    counting = CountingHasher(pins._HASHER)
    monkeypatch.setattr(pins, "_HASHER", counting)
    return counting


async def test_a_burst_of_guesses_does_not_outrun_the_lock(
    shop: Shop, twin: httpx.AsyncClient, hasher: CountingHasher
) -> None:
    answers = await asyncio.gather(
        *(attempt(client, pin=f"{n:04}") for n in range(20) for client in (shop.client, twin))
    )

    statuses = [answer.status_code for answer in answers]
    # Of each server one attempt can be under way beside the one that reaches the limit.
    assert 5 <= statuses.count(401) <= 5 + 3
    assert statuses.count(401) == len(hasher.asked)
    assert statuses.count(429) == 40 - len(hasher.asked)


async def test_an_unknown_name_and_a_wrong_pin_cost_the_same(shop: Shop, hasher: CountingHasher) -> None:
    parameters = []
    for user in ("ana", "nobody"):
        hasher.asked.clear()
        assert_problem(await attempt(shop.client, user), 401, "sign_in_refused")
        ((stored, secret),) = hasher.asked
        assert secret == "0000"
        parameters.append(stored.rsplit("$", 2)[0])
    assert parameters[0] == parameters[1]
    assert parameters[0].startswith("$argon2id$")
    counted = await rows(shop, select(sign_in_failures).order_by(sign_in_failures.c.subject))
    assert [(row.subject, row.failures) for row in counted] == [
        ("address:127.0.0.1", 2),
        ("name:ana", 1),
        ("name:nobody", 1),
    ]


def test_the_lock_doubles_up_to_a_quarter_of_an_hour() -> None:
    seconds = [lockout.NAME.lock(failures).total_seconds() for failures in range(15)]
    assert seconds == [0, 0, 0, 0, 0, 15, 30, 60, 120, 240, 480, 900, 900, 900, 900]
    assert lockout.ADDRESS.lock(29) == timedelta(0)
    assert lockout.NAME.lock(10**6) == lockout.LONGEST_LOCK
    for limit in (lockout.NAME, lockout.ADDRESS):
        assert limit.memory > lockout.LONGEST_LOCK
