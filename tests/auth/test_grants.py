"""A grant is what a server signed as one, and nothing else."""

import time
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from backend.auth.grants import AUDIENCE, GrantClaims, GrantRefused, proof_of, read_grant
from backend.auth.roles import TokenRefused
from backend.auth.tokens import AUDIENCE as API
from backend.auth.tokens import Tokens

from .test_forgeries import NO, Forger

KEY = Ed25519PrivateKey.generate()
TOKENS = Tokens(KEY)
CLAIMS: dict[str, Any] = {
    "aud": AUDIENCE,
    "sub": "ana",
    "name": "Ana",
    "role": "clerk",
    "scopes": ["sales:write"],
    "stores": ["292", "406"],
    "store_id": "292",
    "terminal_id": "T1",
    "enrolled": False,
    "iat": int(time.time()),
    "exp": int(time.time()) + 60,
    "proof": proof_of("secret"),
    "mark": "m",
}


def read(token: str) -> GrantClaims:
    return read_grant(token, TOKENS.keys)


def test_a_grant_says_who_may_do_what_where() -> None:
    claims = read(TOKENS.sign(CLAIMS))
    assert (claims.sub, claims.scopes, claims.stores) == ("ana", ("sales:write",), ("292", "406"))
    assert claims.fits("secret")
    assert not claims.fits("Secret")
    assert [claims.allows_store(store) for store in ("292", "406", "319")] == [True, True, False]
    admin = read(TOKENS.sign(CLAIMS | {"stores": ["*"]}))
    assert admin.allows_store("319")


def test_at_an_enrolled_terminal_it_is_good_for_its_store_only() -> None:
    for stores in (["292", "406"], ["*"]):
        claims = read(TOKENS.sign(CLAIMS | {"stores": stores, "enrolled": True}))
        assert [claims.allows_store(store) for store in ("292", "406")] == [True, False]


def test_one_that_has_expired_is_read_all_the_same() -> None:
    assert read(TOKENS.sign(CLAIMS | {"exp": 5})).exp == 5


def test_every_forgery_is_refused() -> None:
    forger = Forger(TOKENS.sign(CLAIMS), KEY)
    assert read(forger.signed()) == read(forger.good)
    forgeries = [
        *forger.damaged(),
        *forger.without_algorithm(),
        *forger.with_the_public_key_as_secret(),
        *forger.by_another_key(),
        *forger.no_tokens_at_all(),
        *((f"audience {x!r}", forger.signed(aud=x)) for x in (NO, None, "", API, "mostrador", [API], 5)),
        *((f"issuer {x!r}", forger.signed(iss=x)) for x in (NO, None, "", "elsewhere")),
        *((f"no {name}", forger.signed(**cast(dict[str, Any], {name: NO}))) for name in CLAIMS if name != "aud"),
        *((f"{name} is 7.5", forger.signed(**cast(dict[str, Any], {name: 7.5}))) for name in CLAIMS),
        *((f"expiry {x!r}", forger.signed(exp=x)) for x in (-1, 10**18, "soon")),
    ]
    assert len(forgeries) > 150
    for what, token in forgeries:
        try:
            claims = read(token)
        except GrantRefused:
            continue
        pytest.fail(f"{what} was taken for {claims}")


def test_a_grant_is_no_token_and_a_token_no_grant() -> None:
    with pytest.raises(TokenRefused):
        TOKENS.verify(TOKENS.sign(CLAIMS | {"sid": "s"}))
    token, _ = TOKENS.issue(user="ana", role="clerk", stores=["292"], store_id="292", terminal_id="T1", session_id="s")
    with pytest.raises(GrantRefused):
        read(token)
