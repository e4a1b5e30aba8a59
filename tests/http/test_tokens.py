import stat
import sys
import time
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from backend.auth.keys import KeyDamaged, load_signing_key
from backend.auth.pins import Pins, hash_pin
from backend.auth.roles import Scope, TokenRefused
from backend.auth.tokens import AUDIENCE, ISSUER, Tokens
from tests.eventually import eventually

KEY = Ed25519PrivateKey.generate()


def issued(tokens: Tokens, role: str = "clerk") -> str:
    return tokens.issue(user="ana", role=role, stores=["norte"], store_id="norte", terminal_id="T1", session_id="s1")[0]


def signed(changes: dict[str, Any] | None = None, key: Any = KEY, algorithm: str = "EdDSA", **header: Any) -> str:
    """A token like those of `Tokens(KEY)`, except for what is given."""
    kid = jwt.get_unverified_header(issued(Tokens(KEY)))["kid"]
    claims = {"iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + 60, "sub": "ana", "role": "clerk"}
    claims |= {"stores": ["norte"], "store_id": "norte", "terminal_id": "T1", "sid": "s1"} | (changes or {})
    kept = {name: value for name, value in claims.items() if value is not None}
    shown = {name: value for name, value in ({"kid": kid} | header).items() if value is not None}
    return jwt.encode(kept, key, algorithm, headers=shown)


def test_a_token_says_who_where_and_what() -> None:
    claims = Tokens(KEY).verify(issued(Tokens(KEY), "supervisor"))
    assert (claims.actor, claims.terminal_id, claims.store_id) == ("ana", "T1", "norte")
    assert (claims.who.actor, claims.who.terminal_id) == ("ana", "T1")
    assert Scope.STOCK_WRITE in claims.scopes
    assert claims.allows_store("norte")
    assert not claims.allows_store("sur")
    assert Tokens(KEY).verify(signed()).actor == "ana"  # so what follows is refused for what is changed in it


def forgeries() -> dict[str, str]:
    good = signed()
    head, payload, signature = good.split(".")
    none = urlsafe_b64encode(b'{"alg":"none","kid":"%s"}' % jwt.get_unverified_header(good)["kid"].encode()).decode()
    public = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    other = urlsafe_b64encode(b'{"sub":"root","role":"admin","stores":["*"]}').rstrip(b"=").decode()
    return {
        "another key": signed(key=Ed25519PrivateKey.generate()),
        "another key's id": signed(kid="0" * 16),
        "no key id": signed(kid=None),
        "the public key as a shared secret": signed(key=public, algorithm="HS256"),
        "no algorithm": f"{none.rstrip('=')}.{payload}.",
        "no signature": f"{head}.{payload}.",
        "other content": f"{head}.{other}.{signature}",
        "another audience": signed({"aud": "mostrador-refresh"}),
        "no audience": signed({"aud": None}),
        "another issuer": signed({"iss": "elsewhere"}),
        "expired": signed({"exp": int(time.time()) - 1}),
        "never expires": signed({"exp": None}),
        "an unknown role": signed({"role": "owner"}),
        "no stores": signed({"stores": None}),
        "empty": "",
        "not a token": "opensesame",
        "not text": "\udcff.\udcff.\udcff",
        **{f"cut after {size} characters": good[:size] for size in range(1, len(good), 7)},
    }


@pytest.mark.parametrize("name", forgeries())
def test_a_forged_token_is_refused(name: str) -> None:
    with pytest.raises(TokenRefused):
        Tokens(KEY).verify(forgeries()[name])


async def test_a_verified_token_is_remembered_only_until_it_expires() -> None:
    tokens = Tokens(KEY)
    token = signed({"exp": int(time.time()) + 1})
    assert tokens.verify(token) is tokens.verify(token)

    def refused() -> bool:
        try:
            tokens.verify(token)
        except TokenRefused:
            return True
        return False

    await eventually(refused)


async def test_pins() -> None:
    pins = Pins()
    stored = hash_pin("1234")
    assert stored.startswith("$argon2id$")
    assert await pins.verify(stored, "1234")
    assert not await pins.verify(stored, "1235")
    assert not await pins.verify(None, "1234")
    assert not await pins.verify("not a hash", "1234")


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "signing-key.pem"
    token = issued(Tokens(load_signing_key(path)))
    assert Tokens(load_signing_key(path)).verify(token).actor == "ana"
    assert [file.name for file in path.parent.iterdir()] == ["signing-key.pem"]
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_damaged_key_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(content)
    with pytest.raises(KeyDamaged, match=r"key\.pem holds no Ed25519"):
        load_signing_key(path)
