"""Refresh tokens: `family.secret`, of which the database keeps only hashes.

The family is made at sign-in and stays; the secret is good for one use, which makes the next. Whoever shows a family
with another secret than its newest has an old token, or a copy of one, and that ends the session.

A client whose answer was lost must show the old token again. It may: with the `Idempotency-Key` of its first attempt,
for as long as nobody has used the successor. That key lives only in the client's memory while it asks, so a thief of
tokens at rest has no use for it. For the repetition the successor is kept sealed under a key that is made of the old
secret and the Idempotency-Key, neither of which the database knows.
"""

import hashlib
import hmac
import os
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from msgspec import Struct

from .roles import TokenRefused

_FORM = re.compile(r"([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})")
"""16 and 32 bytes in base64url."""


class RefreshToken(Struct, frozen=True):
    """A refresh token as its bearer holds it."""

    family: str
    secret: str

    @classmethod
    def first(cls) -> Self:
        """Returns the token of a new session."""
        return cls(secrets.token_urlsafe(16), secrets.token_urlsafe(32))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Returns the token that `text` is. Raises TokenRefused for anything else."""
        match = _FORM.fullmatch(text)
        if match is None:
            raise TokenRefused("This is no refresh token; sign in again.")
        return cls(match[1], match[2])

    def next(self) -> Self:
        """Returns the successor."""
        return type(self)(self.family, secrets.token_urlsafe(32))

    @property
    def session_id(self) -> str:
        """The session's public name. It is in access tokens and logs, and no way leads from it to the family."""
        return _sha256(self.family)[:32]

    @property
    def digest(self) -> str:
        """What is stored of the secret."""
        return _sha256(self.secret)

    def seal(self, successor: Self, key: str) -> str:
        """Returns the successor, for whoever has this token and the Idempotency-Key `key`."""
        nonce = os.urandom(12)
        sealed = self._cipher(key).encrypt(nonce, successor.secret.encode(), None)
        return urlsafe_b64encode(nonce + sealed).decode()

    def open(self, sealed: str, key: str) -> Self | None:
        """Returns the successor that `seal` made; None when it was made with another token or key."""
        data = urlsafe_b64decode(sealed)
        try:
            return type(self)(self.family, self._cipher(key).decrypt(data[:12], data[12:], None).decode())
        except InvalidTag:
            return None

    def _cipher(self, key: str) -> ChaCha20Poly1305:
        return ChaCha20Poly1305(hmac.digest(self.secret.encode(), key.encode(), "sha256"))

    def __str__(self) -> str:
        return f"{self.family}.{self.secret}"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
