"""Signatures as Standard Webhooks (https://www.standardwebhooks.com) asks for them: receivers have libraries for it."""

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode

_PREFIX = "whsec_"
"""People and secret scanners know it; the key is what follows, in base64."""


def new_secret() -> str:
    """Returns a secret of 256 random bits, as its receiver is told."""
    return _PREFIX + b64encode(secrets.token_bytes(32)).decode()


def signed_headers(secret: str, event_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Returns the headers that prove who sent `body`, and when: `timestamp` in Unix seconds, so that a copy grows
    old."""
    key = b64decode(secret.removeprefix(_PREFIX))
    signature = hmac.digest(key, f"{event_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{b64encode(signature).decode()}",
    }
