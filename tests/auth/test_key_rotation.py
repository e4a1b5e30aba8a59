"""Another key signs, on two servers of a fleet that are restarted one after the other, and nobody signs in again."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from backend.auth.keys import load_signing_key
from backend.auth.tokens import AUDIENCE, ISSUER
from backend.settings import Settings
from tests.http.fixtures import server_of
from tests.http.shop import Shop
from tests.people.test_sessions import refresh, sign_in, works


class Fleet:
    """Servers one after the other in the same two places."""

    def __init__(self, database_url: str, stack: AsyncExitStack) -> None:
        self.database_url, self.stack = database_url, stack
        self.places: list[httpx.AsyncClient] = []

    async def start(self, signing: Path, accepted: str) -> httpx.AsyncClient:
        settings = Settings.load(
            _env_file=None,
            database_url=self.database_url,
            nats_url="",
            signing_key_file=signing,
            signing_keys_accepted=accepted,
        )
        return await self.stack.enter_async_context(server_of(settings))


@pytest.fixture
def shop_url(furnished_sqlite: str) -> str:
    """Keys know nothing of databases."""
    return furnished_sqlite


@pytest.mark.slow
async def test_a_key_is_rotated_without_a_sign_out(shop: Shop, tmp_path: Path) -> None:
    old, new, public = tmp_path / "old.pem", tmp_path / "new.pem", tmp_path / "old.pub"
    key = load_signing_key(old).public_key()
    public.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    load_signing_key(new)
    async with AsyncExitStack() as stack:
        fleet = Fleet(shop.database_url, stack)
        places = [await fleet.start(old, ""), await fleet.start(old, "")]
        sessions = [await sign_in(places[0]), await sign_in(places[1], "luis")]
        # The steps of docs/operations.md: everybody accepts the new key; it signs; the old one goes.
        for signing, accepted in ((old, f"{new}"), (new, f"{public}"), (new, "")):
            for at in (0, 1):
                places[at] = await fleet.start(signing, accepted)
                for i, session in enumerate(sessions):
                    # With the last step the old tokens are over ten minutes old.
                    for place in places if accepted else ():
                        assert await works(place, session)
                    answer = await refresh(places[(at + i) % 2], session["refresh_token"])
                    assert answer.status_code == 200, answer.text
                    sessions[i] = answer.json()
                    for place in places:
                        assert await works(place, sessions[i])


async def test_the_published_keys_verify_a_token(shop: Shop, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    load_signing_key(other)
    async with AsyncExitStack() as stack:
        place = await Fleet(shop.database_url, stack).start(tmp_path / "key.pem", str(other))
        answer = await place.get("http://shop/.well-known/jwks.json")
        session: dict[str, Any] = await sign_in(place)
    assert answer.headers["cache-control"] == "public, max-age=300"
    keys = jwt.PyJWKSet.from_dict(answer.json())
    assert len(keys.keys) == 2
    assert all("d" not in key for key in answer.json()["keys"])
    token = session["access_token"]
    key = keys[jwt.get_unverified_header(token)["kid"]]
    said = jwt.decode(token, key, algorithms=["EdDSA"], audience=AUDIENCE, issuer=ISSUER)
    assert (said["sub"], said["store_id"], said["stores"]) == ("ana", "norte", ["norte"])
