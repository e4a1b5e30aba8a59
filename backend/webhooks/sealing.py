"""Keeps the secrets of webhooks unreadable in the database: AES-256-GCM, with a key that the database never has.

A sealed secret is `<key id>.<base64 of nonce and ciphertext>`, and belongs to one webhook only. A server seals with its
newest key and opens with every key it was given, so keys can be changed one server after the other.
"""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from backend.database.engine import Database
from backend.database.writes import writing
from backend.model.errors import MostradorError

from .queries import put_sealed, stored_secrets

log = structlog.get_logger(__name__)

_NONCE = 12


class WebhookKeyUnfit(MostradorError):
    """A webhook's secret was sealed with a key that this server does not have."""

    code = "webhook_key_unfit"

    def __init__(self, key_id: str) -> None:
        message = (
            f"The webhook's secret was sealed with the key {key_id}, which this server does not have; give it back as"
            " WEBHOOK_KEYS_ACCEPTED (or SIGNING_KEYS_ACCEPTED), or remove the webhook and make it anew."
        )
        super().__init__(message, key_id=key_id)


class Sealer:
    """Seals with the first of its keys and opens with any of them."""

    def __init__(self, given: Sequence[bytes]) -> None:
        """Keys are derived from what is `given`, the newest first: anything that is hard enough to guess."""
        self._keys = {_derived(one, b"id", 4).hex(): AESGCM(_derived(one, b"AES-256-GCM", 32)) for one in given}
        self._newest = next(iter(self._keys))

    def seal(self, webhook_id: str, secret: str) -> str:
        """Returns `secret` as it is stored for the webhook."""
        nonce = os.urandom(_NONCE)
        sealed = nonce + self._keys[self._newest].encrypt(nonce, secret.encode(), webhook_id.encode())
        return f"{self._newest}.{urlsafe_b64encode(sealed).decode()}"

    def open(self, webhook_id: str, sealed: str) -> str:
        """Returns the secret in `sealed`. Raises WebhookKeyUnfit when no key of this server opens it."""
        key_id, _, text = sealed.partition(".")
        if (key := self._keys.get(key_id)) is None:
            raise WebhookKeyUnfit(key_id)
        try:
            data = urlsafe_b64decode(text)
            return key.decrypt(data[:_NONCE], data[_NONCE:], webhook_id.encode()).decode()
        except (InvalidTag, ValueError) as error:  # changed since, or another webhook's
            raise WebhookKeyUnfit(key_id) from error

    def is_newest(self, sealed: str) -> bool:
        """Returns whether `sealed` was sealed with the key that this server seals with."""
        return sealed.partition(".")[0] == self._newest


def sealer_of(
    webhook_key: str, accepted: Sequence[str], signing: Ed25519PrivateKey, former: Sequence[Ed25519PrivateKey]
) -> Sealer:
    """Returns the sealer of a server: WEBHOOK_KEY seals, or the signing key if there is none; the others open."""
    own = [key.encode() for key in (webhook_key, *accepted) if key]
    return Sealer([*own, *(key.private_bytes_raw() for key in (signing, *former))])


async def seal_all(db: Database, sealer: Sealer) -> None:
    """Seals every secret that is in clear or under an older key with the newest.

    What was in clear came from the release before. What no key opens is told in the log and left as it is. Raises
    DatabaseAway and its like.
    """
    async with writing(db) as connection:
        sealed = 0
        for webhook in await stored_secrets(connection):
            if webhook.sealed is not None and sealer.is_newest(webhook.sealed):
                continue
            try:
                secret = webhook.secret if webhook.sealed is None else sealer.open(webhook.id, webhook.sealed)
            except WebhookKeyUnfit as unfit:
                log.error(unfit.code, webhook=webhook.id, key_id=unfit.fields["key_id"], detail=unfit.message)
                continue
            await put_sealed(connection, webhook.id, sealer.seal(webhook.id, secret))
            sealed += 1
    if sealed:
        log.info("webhook_secrets_sealed", webhooks=sealed)


def _derived(given: bytes, use: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length=length, salt=None, info=b"mostrador webhook secrets, " + use).derive(given)
