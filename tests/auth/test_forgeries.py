"""Tokens that nobody of ours has issued, or not for this, sent to the running application: each of them is refused."""

import hashlib
import hmac
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import OKPAlgorithm
from msgspec import json

from backend.auth.keys import load_signing_key
from tests.http.shop import Shop, assert_problem

Forgeries = Iterator[tuple[str, str]]
"""What is wrong, and the token."""
NO = object()
"""In the place of a value: the field is left out."""


@pytest.fixture
def shop_url(furnished_sqlite: str) -> str:
    """Who may call is the same on every database."""
    return furnished_sqlite


def base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


class Forger:
    """Has a good token, and makes others of it."""

    def __init__(self, good: str, key: Ed25519PrivateKey) -> None:
        self.good, self.key = good, key
        self.header: dict[str, Any] = jwt.get_unverified_header(good)
        self.claims: dict[str, Any] = jwt.decode(good, options={"verify_signature": False})
        self.parts = good.split(".")

    def signed(self, key: Ed25519PrivateKey | None = None, header: object = None, **claims: object) -> str:
        """A token with a valid signature, by our own key or another, and other fields."""
        told = {name: value for name, value in (self.claims | claims).items() if value is not NO}
        text = f"{base64(json.encode(header or self.header))}.{base64(json.encode(told))}"
        return f"{text}.{base64((key or self.key).sign(text.encode()))}"

    def signed_text(self, last: str) -> str:
        """A token with a valid signature whose last field is this text, which the encoder would not write."""
        told = json.encode(self.claims | {"exp": int(time.time()) + 60})
        text = f"{self.parts[0]}.{base64(told.removesuffix(b'}') + f',{last}}}'.encode())}"
        return f"{text}.{base64(self.key.sign(text.encode()))}"

    def with_header(self, *changes: dict[str, Any]) -> dict[str, Any]:
        """The good header with changes."""
        return {k: v for k, v in (self.header | {k: v for c in changes for k, v in c.items()}).items() if v is not NO}

    def all(self) -> Forgeries:
        """Every forgery."""
        yield from self.damaged()
        yield from self.without_algorithm()
        yield from self.with_the_public_key_as_secret()
        yield from self.by_another_key()
        yield from self.of_ours_but_not_for_this()
        yield from self.no_tokens_at_all()

    def damaged(self) -> Forgeries:
        for size in range(1, len(self.good), 5):
            yield f"cut after {size} characters", self.good[:size]
        for at in range(0, len(self.good) - 2, 7):
            if self.good[at] != ".":
                other = "A" if self.good[at] != "A" else "B"
                yield f"another letter at {at}", self.good[:at] + other + self.good[at + 1 :]
        head, payload, signature = self.parts
        root = base64(json.encode(self.claims | {"sub": "root", "role": "admin", "stores": ["*"]}))
        yield "other content", f"{head}.{root}.{signature}"
        yield "no signature", f"{head}.{payload}."
        yield "no payload", f"{head}..{signature}"
        yield "no header", f".{payload}.{signature}"
        yield "parts in another order", f"{payload}.{head}.{signature}"
        yield "a fourth part", f"{self.good}.{signature}"
        yield "five parts, like an encrypted token", f"{self.good}.{payload}.{signature}"
        yield "twice", f"{self.good}.{self.good}"

    def without_algorithm(self) -> Forgeries:
        for name in ("none", "None", "NONE", "nOnE", "", " none", None, 0, [], {}, ["EdDSA"], NO):
            head = base64(json.encode(self.with_header({"alg": name})))
            for signature in ("", self.parts[2], base64(b"x")):
                yield f"algorithm {name!r}, signature {signature[:2]!r}", f"{head}.{self.parts[1]}.{signature}"
        for name in ("eddsa", "EDDSA", "Ed25519", "EdDSA ", "RS256", "PS512", "ES256", "ES256K", "dir", "A128KW"):
            yield f"ours but called {name}", self.signed(header=self.with_header({"alg": name}))

    def with_the_public_key_as_secret(self) -> Forgeries:
        public = self.key.public_key()
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        secrets = {
            "the raw key": public.public_bytes(Encoding.Raw, PublicFormat.Raw),
            "the PEM": pem,
            "the PEM, stripped": pem.strip(),
            "the DER": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
            "the JWK": json.encode(OKPAlgorithm.to_jwk(public, as_dict=True)),
            "the key's id": str(self.header["kid"]).encode(),
            "nothing": b"",
        }
        for bits, digest in ((256, hashlib.sha256), (384, hashlib.sha384), (512, hashlib.sha512)):
            head = base64(json.encode(self.with_header({"alg": f"HS{bits}"})))
            text = f"{head}.{self.parts[1]}"
            for name, secret in secrets.items():
                yield f"HS{bits} with {name}", f"{text}.{base64(hmac.digest(secret, text.encode(), digest))}"

    def by_another_key(self) -> Forgeries:
        thief = Ed25519PrivateKey.generate()
        raw = thief.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        jwk = OKPAlgorithm.to_jwk(thief.public_key(), as_dict=True)
        yield "another key under our key's id", self.signed(thief)
        yield (
            "another key under its own id",
            self.signed(thief, self.with_header({"kid": hashlib.sha256(raw).hexdigest()[:16]})),
        )
        for name, value in {
            "jwk": jwk,
            "jku": "https://thief.example/jwks.json",
            "x5u": "https://thief.example/x.pem",
            "x5c": [base64(raw)],
            "crit": ["exp"],
        }.items():
            for kid in (self.header["kid"], "thief", NO):
                yield f"another key with {name}", self.signed(thief, self.with_header({name: value, "kid": kid}))
        kid = str(self.header["kid"])
        for odd in (
            NO, None, "", 0, True, 1.5, [kid], {"kid": kid}, kid.upper(), f" {kid}", f"{kid} ", kid[:-1], f"{kid}0",
            f"{kid}\0", "../../dev/null", "' OR 1=1 --", "\u202e" + kid, "k" * 5000, "0" * 16,
        ):  # fmt: skip
            for key, whose in ((thief, "another"), (self.key, "our")):
                yield f"{whose} key, kid {str(odd)[:20]!r}", self.signed(key, self.with_header({"kid": odd}))

    def of_ours_but_not_for_this(self) -> Forgeries:
        now = int(time.time())
        for audience in (NO, None, "", "mostrador", "mostrador-refresh", "MOSTRADOR-API", ["elsewhere"], [], 5, {}):
            yield f"audience {audience!r}", self.signed(aud=audience)
        for issuer in (NO, None, "", "elsewhere", "Mostrador", "https://mostrador", ["mostrador"], 5):
            yield f"issuer {issuer!r}", self.signed(iss=issuer)
        for expiry in (NO, None, 0, -1, now, now - 1, now - 86_400, "soon", [], {}, 1e400, True):
            yield f"expiry {expiry!r}", self.signed(exp=expiry if expiry != 1e400 else "1e400")
        for name in ("exp", "nbf", "iat"):
            for odd in (
                10**18,
                10**30,
                -(10**18),
                1e18,
                0.5 + 10**10,
                True,
                False,
                None,
                "x",
                "1e10",
                [now],
                {"s": now},
            ):
                yield f"{name} {odd!r}", self.signed(**cast(dict[str, Any], {name: odd}))
            for raw in ("1e400", "-1e400", "NaN", "Infinity", "9" * 5000):
                yield f"{name} {raw[:9]}", self.signed_text(f'"{name}":{raw}')
        starts: tuple[object, ...] = (now + 60, now + 86_400, "later", [])
        for start in starts:
            yield f"not before {start!r}", self.signed(nbf=start)
        for name in ("sub", "sid", "role", "stores", "store_id", "terminal_id"):
            for value in (NO, None, 5, {}):
                yield f"{name} {value!r}", self.signed(**cast(dict[str, Any], {name: value}))
        yield "an unknown role", self.signed(role="owner")
        for content in (b"[]", b'"text"', b"null", b"{", b""):
            text = f"{self.parts[0]}.{base64(content)}"
            yield f"payload {content!r}", f"{text}.{base64(self.key.sign(text.encode()))}"

    def no_tokens_at_all(self) -> Forgeries:
        yield from {"empty": "", "a word": "opensesame", "dots": "..", "more dots": "....", "stars": "*.*.*"}.items()
        for head in (b"[" * 5000, b'{"kid":' * 3000, b"{}", b"null", b'"alg"', b"\xff\xfe", b'{"alg":"EdDSA"'):
            yield f"header {head[:8]!r}", f"{base64(head)}.{self.parts[1]}.{self.parts[2]}"
        yield "a refresh token", f"{base64(bytes(16))}.{base64(bytes(32))}"
        yield "very long", "A" * 30_000


async def test_every_forged_token_is_refused(shop: Shop, tmp_path: Path) -> None:
    good = shop.auth["Authorization"].removeprefix("Bearer ")
    forger = Forger(good, load_signing_key(tmp_path / "key.pem"))
    for token in (good, forger.signed()):  # so each forgery is refused for what is wrong with it
        assert (await shop.get("products", {"Authorization": f"Bearer {token}"})).status_code == 200
    forgeries = list(forger.all())
    assert len({token for _, token in forgeries}) >= 200
    for what, token in forgeries:
        answer = await shop.get("products", {"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401, what
        assert_problem(answer, 401, "token_refused")
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_good_token_said_wrongly_is_refused(shop: Shop) -> None:
    token = shop.auth["Authorization"].removeprefix("Bearer ")
    for said in (
        "", token, f"Basic {token}", f"Token {token}", f"Bearer{token}", f"Bearer {token} {token}", f'Bearer "{token}"',
        f"Bearer {token},", f"Bearer Bearer {token}", f"Bearer\t{token}", "Bearer",
    ):  # fmt: skip
        assert_problem(await shop.client.get("products", headers={"Authorization": said}), 401, "token_refused")
    assert_problem(await shop.client.get("products", params={"access_token": token}), 401, "token_refused")
    assert_problem(await shop.client.get("products", headers={"Cookie": f"access_token={token}"}), 401, "token_refused")
