"""API keys, `id.secret`: what a machine sends as `X-API-Key`. Only a hash of the secret is kept."""

import hashlib
import hmac
import re
import secrets
from typing import Self

from msgspec import Struct

from backend.model.errors import MostradorError

_FORM = re.compile(r"(mk_[0-9a-f]{16})\.([A-Za-z0-9_-]{43})")
"""A beginning that people and secret scanners know, 8 bytes in hexadecimal; 32 bytes in base64url."""


class KeyRefused(MostradorError):
    """The key is unknown, wrong, expired or revoked; which of these is nobody's business."""

    code = "key_refused"

    def __init__(self) -> None:
        super().__init__("This API key is not valid; use one that is, or have a new one made.")


class ApiKey(Struct, frozen=True):
    """A key as its holder has it."""

    id: str
    secret: str

    @classmethod
    def make(cls) -> Self:
        """Returns a new key. 256 random bits need no slow hash."""
        return cls(f"mk_{secrets.token_hex(8)}", secrets.token_urlsafe(32))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Returns the key that `text` is. Raises KeyRefused for anything else."""
        match = _FORM.fullmatch(text)
        if match is None:
            raise KeyRefused
        return cls(match[1], match[2])

    @property
    def digest(self) -> str:
        """What is kept of the secret."""
        return hashlib.sha256(self.secret.encode()).hexdigest()

    def fits(self, digest: str) -> bool:
        """Returns whether this is the key of which `digest` was kept."""
        return hmac.compare_digest(self.digest, digest)

    def __str__(self) -> str:
        return f"{self.id}.{self.secret}"

    def __repr__(self) -> str:
        return f"ApiKey({self.id})"
