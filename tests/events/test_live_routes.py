"""The live tail as a terminal uses it: signed in over HTTP, it hears over NATS of its own store and of no other."""

import asyncio
from pathlib import Path

import httpx
import nats
from msgspec import json
from nats.aio.msg import Msg

from backend.auth.keys import load_signing_key
from backend.auth.tokens import Tokens
from backend.events.nats_auth import inbox_prefix
from backend.events.nats_config import new_issuer_seed, public_key, render_config
from backend.model.events import Message
from backend.server import running
from backend.settings import Settings
from tests.eventually import eventually
from tests.http.shop import PIN, Shop, assert_problem, furnish
from tests.servers import HOST, free_port, nats_server


async def test_a_terminal_hears_of_its_store(sqlite_url: str, tmp_path: Path) -> None:
    await furnish(sqlite_url)
    seed, port = new_issuer_seed(), free_port()
    seed_file, config = tmp_path / "seed", tmp_path / "nats.conf"
    await asyncio.to_thread(seed_file.write_text, seed)
    text = render_config(
        host=HOST, port=port, store=tmp_path / "js", user="server", password="x", issuer=public_key(seed)
    )
    await asyncio.to_thread(config.write_text, text)
    with nats_server(config, port) as server:
        settings = Settings.load(
            _env_file=None,
            database_url=sqlite_url,
            nats_url=server.url,
            nats_user="server",
            nats_password="x",
            nats_issuer_seed_file=seed_file,
            signing_key_file=tmp_path / "key.pem",
        )
        async with running(settings) as app:
            transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
            async with httpx.AsyncClient(transport=transport, base_url="http://shop/api/v1/") as client:
                shop = Shop(client, Tokens(load_signing_key(settings.signing_key_file)), sqlite_url)
                await hears_of_its_store(shop)


async def hears_of_its_store(shop: Shop) -> None:
    form = {"user": "ana", "pin": PIN, "store_id": "norte", "terminal_id": "T7"}
    token = (await shop.client.post("auth/sign-in", json=form)).json()["access_token"]
    live = (await shop.get("live", {"Authorization": f"Bearer {token}"})).json()
    assert live["subject"] == "inventory.norte.>"
    assert_problem(await shop.get("live", store_id="sur"), 403, "store_not_allowed")

    async def quiet(_: Exception) -> None:
        """The first attempts may come before the server has begun to answer NATS."""

    heard: list[Message] = []

    async def on_message(message: Msg) -> None:
        heard.append(json.decode(message.data, type=Message))

    connection = await nats.connect(
        live["nats_url"], token=token, inbox_prefix=inbox_prefix("ana", "T7"), error_cb=quiet, reconnect_time_wait=0.05
    )
    try:
        await connection.subscribe(live["subject"], cb=on_message)
        await connection.flush()
        await shop.receive("milk", 5, "sur")
        await shop.receive("milk", 7, "norte")
        await eventually(lambda: heard)
    finally:
        await connection.close()
    assert [(message.store_id, [row.on_hand for row in message.stock]) for message in heard] == [("norte", [7])]
