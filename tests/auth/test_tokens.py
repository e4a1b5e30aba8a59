import stat
import sys
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from backend.auth.ended import EndedSessions
from backend.auth.keys import KeyDamaged, derive_signing_key, load_accepted_key, load_signing_key
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


def test_a_servers_clock_may_be_a_little_ahead() -> None:
    assert Tokens(KEY).verify(signed({"iat": int(time.time()) + 30})).actor == "ana"


def test_only_so_many_verified_tokens_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.auth.tokens.REMEMBERED", 3)
    tokens = Tokens(KEY)
    for number in range(10):
        tokens.verify(signed({"sid": f"s{number}"}))
        assert len(tokens._verified) <= 3


def test_the_token_of_a_session_that_ended_is_refused_until_it_would_have_expired() -> None:
    tokens, token = Tokens(KEY), signed({"sid": "s9"})
    tokens.verify(token)
    tokens.ended.add(["s9"])
    with pytest.raises(TokenRefused):
        tokens.verify(token)
    assert tokens.verify(signed()).session_id == "s1"


def test_ended_sessions_are_forgotten_when_their_tokens_have_expired() -> None:
    now = [0.0]
    ended = EndedSessions(660, lambda: now[0])
    ended.add(["a"])
    now[0] = 659
    ended.add(["a", "b"])
    assert "a" in ended
    now[0] = 661
    ended.add([])
    assert ("a" in ended, "b" in ended) == (False, True)


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


def test_a_public_and_a_private_key_are_accepted_and_nothing_else(tmp_path: Path) -> None:
    public = KEY.public_key()
    private_pem = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public_pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    other_pem = (
        generate_private_key(SECP256R1()).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    path = tmp_path / "key.pem"
    for pem in (private_pem, public_pem):
        path.write_bytes(pem)
        assert load_accepted_key(path) == public
    for pem in (other_pem, b"", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"):
        path.write_bytes(pem)
        with pytest.raises(KeyDamaged, match="SIGNING_KEYS_ACCEPTED"):
            load_accepted_key(path)
    with pytest.raises(KeyDamaged, match="cannot be read"):
        load_accepted_key(tmp_path / "none.pem")


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_damaged_key_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(content)
    with pytest.raises(KeyDamaged, match=r"key\.pem holds no Ed25519"):
        load_signing_key(path)


def test_servers_with_one_secret_believe_each_other() -> None:
    secret = "correct horse battery staple, 2026"
    here, there = Tokens(derive_signing_key(secret)), Tokens(derive_signing_key(secret))
    assert there.verify(issued(here)).actor == "ana"
    with pytest.raises(TokenRefused):
        Tokens(derive_signing_key(secret + "!")).verify(issued(here))
    # The secret itself signs nothing: whoever takes it for an HS256 key is refused.
    with pytest.raises(TokenRefused):
        here.verify(signed(key=secret, algorithm="HS256"))
