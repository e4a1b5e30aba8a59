"""Webhooks over HTTP: who may make and remove one, where it may go, and its dead letters."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import insert

from backend.auth.keys import load_signing_key
from backend.auth.tokens import Tokens
from backend.database.engine import open_database
from backend.database.reads import database_now
from backend.database.tables import webhook_deliveries
from backend.database.writes import writing
from backend.events import relay
from backend.ids import new_id
from backend.settings import Settings
from backend.webhooks import courier
from tests.eventually import eventually
from tests.http.fixtures import server_of
from tests.http.shop import Shop, assert_problem, forget_trade
from tests.servers import NatsServer

from .receiver import receiving, verified

URL = "https://receiver.example/hook"


async def ask_for(shop: Shop, caller: dict[str, str] | None = None, **body: Any) -> httpx.Response:
    return await shop.post("webhooks", {"url": URL, "store_id": "norte"} | body, caller or shop.admin)


async def made(shop: Shop, **body: Any) -> dict[str, Any]:
    answer = await ask_for(shop, **body)
    assert answer.status_code == 201, answer.text
    webhook: dict[str, Any] = answer.json()
    return webhook


async def test_a_webhook_is_listed_without_its_secret_and_removed(shop: Shop) -> None:
    first, second = await made(shop, kinds=["stock", "sale", "stock"]), await made(shop, store_id="*")
    assert first["secret"].startswith("whsec_")
    assert first["secret"] != second["secret"]
    assert first["kinds"] == ["sale", "stock"]
    assert second["kinds"] == ["alert", "count", "reservation", "sale", "stock", "transfer"]

    listed = await shop.get("webhooks", shop.admin, limit=1)
    assert listed.json() == {"webhooks": [{key: first[key] for key in first if key != "secret"}]}
    rest = await shop.client.get(f"http://shop{listed.headers['link'].partition('>')[0][1:]}", headers=shop.admin)
    assert [webhook["id"] for webhook in rest.json()["webhooks"]] == [second["id"]]

    assert (await shop.client.delete(f"webhooks/{first['id']}", headers=shop.admin)).status_code == 204
    again = await shop.client.delete(f"webhooks/{first['id']}", headers=shop.admin)
    assert_problem(again, 404, "unknown_webhook")
    acts = (await shop.get("audit", shop.admin, store_id="norte")).json()["acts"]
    assert [act["action"] for act in acts] == ["webhook.delete", "webhook.create"]
    assert first["secret"] not in str(acts)


async def test_a_webhook_belongs_to_its_store(shop: Shop) -> None:
    webhook, every = await made(shop, store_id="sur"), await made(shop, store_id="*")
    norte = shop.bearer("eva", "admin", ["norte"])
    for store_id in ("sur", "*"):
        assert_problem(await ask_for(shop, norte, store_id=store_id), 403, "store_not_allowed")
    assert_problem(await ask_for(shop, store_id="oeste"), 404, "unknown_store")
    assert (await shop.get("webhooks", norte)).json() == {"webhooks": []}
    for other in (webhook, every):
        path = f"webhooks/{other['id']}"
        assert_problem(await shop.client.delete(path, headers=norte), 404, "unknown_webhook")
        assert_problem(await shop.get(f"{path}/dead-letters", norte), 404, "unknown_webhook")
        replay = await shop.post(f"{path}/dead-letters/{new_id()}/replay", None, norte)
        assert_problem(replay, 404, "unknown_webhook")


async def test_a_webhook_goes_to_the_public_internet(shop: Shop) -> None:
    answer = await ask_for(shop, url="https://169.254.169.254/latest/meta-data")
    assert assert_problem(answer, 400, "invalid_input")["field"] == "url"


async def test_a_webhook_is_made_once_for_its_key(shop: Shop) -> None:
    key = {"Idempotency-Key": str(new_id())}
    first, second = [await ask_for(shop, shop.admin | key) for _ in range(2)]
    assert first.json() == second.json()
    assert len((await shop.get("webhooks", shop.admin)).json()["webhooks"]) == 1


async def test_dead_letters_are_listed_and_replayed_once(shop: Shop) -> None:
    webhook = await made(shop)
    path = f"webhooks/{webhook['id']}/dead-letters"
    events = [new_id() for _ in range(3)]
    await leave_dead(shop, webhook["id"], *events)

    listed = await shop.get(path, shop.admin, limit=2)
    first = listed.json()["dead_letters"][0]
    assert (first["event_id"], first["attempts"], first["last_error"]) == (str(events[0]), 10, "answered 500")
    rest = await shop.client.get(f"http://shop{listed.headers['link'].partition('>')[0][1:]}", headers=shop.admin)
    assert [letter["event_id"] for letter in rest.json()["dead_letters"]] == [str(events[2])]

    key = {"Idempotency-Key": str(new_id())}
    for _ in range(2):
        answer = await shop.post(f"{path}/{events[1]}/replay", None, shop.admin | key)
        assert (answer.status_code, answer.json()["event_id"]) == (202, str(events[1]))
    left = (await shop.get(path, shop.admin)).json()["dead_letters"]
    assert [letter["event_id"] for letter in left] == [str(events[0]), str(events[2])]
    for event in (str(events[1]), str(new_id()), "nothing"):
        assert_problem(await shop.post(f"{path}/{event}/replay", None, shop.admin), 404, "unknown_dead_letter")


async def test_what_happens_in_the_shop_reaches_the_receiver(
    shop_url: str, tmp_path: Path, start_nats: Callable[[], NatsServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole way: the ledger, the outbox, NATS, what is owed, the post."""
    monkeypatch.setattr(relay, "FINISH_SECONDS", 0.02)
    monkeypatch.setattr(courier, "LOOK_SECONDS", 0.02)
    settings = Settings.load(
        _env_file=None,
        database_url=shop_url,
        nats_url=start_nats().url,
        signing_key_file=tmp_path / "key.pem",
        webhooks_allow_private=True,
    )
    tokens = Tokens(load_signing_key(settings.signing_key_file))
    async with receiving() as receiver, server_of(settings) as client:
        shop = Shop(client, tokens, shop_url)
        webhook = await made(shop, url=f"http://localhost:{receiver.port}/hook", kinds=["reservation"])
        await shop.receive("milk", 5)
        hold = await shop.reserve("milk", 2)
        await eventually(lambda: receiver.posts)
    await forget_trade(shop_url)
    [told] = [verified(webhook["secret"], *post) for post in receiver.posts]
    assert (told["store_id"], told["reservations"][0]["id"]) == ("norte", hold["id"])
    assert "stock" not in told


async def leave_dead(shop: Shop, webhook_id: str, *events: object) -> None:
    rows = [
        {
            "webhook_id": webhook_id,
            "event_id": event,
            "store_id": "norte",
            "payload": "{}",
            "attempts": 10,
            "last_error": "answered 500",
        }
        for event in events
    ]
    db = open_database(shop.database_url)
    async with writing(db) as connection:
        await connection.execute(insert(webhook_deliveries).values(created_at=database_now()), rows)
    await db.close()
