"""Seals a grant's secret with its person's PIN: argon2id makes a key of the PIN, ChaCha20-Poly1305 keeps the secret.

Only the right PIN opens it, so the sealed secret is the verifier, and the PIN itself is nowhere. Whoever copies the
file can try PINs for as long as they like: each try costs PASSES over MEMORY_KIB, which is dear for many PINs and
nothing for one person at the counter. Both libraries are imported when they are first needed.
"""

import os

from msgspec import Struct

MEMORY_KIB, PASSES = 64 * 1024, 3
"""RFC 9106's second recommendation; about a tenth of a second."""


class Sealed(Struct, frozen=True):
    """A sealed secret, with all that is needed to try a PIN on it."""

    salt: bytes
    memory_kib: int
    passes: int
    nonce: bytes
    box: bytes


def seal(pin: str, secret: str) -> Sealed:
    """Returns the secret, sealed so that only this PIN opens it. Slow on purpose."""
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    salt, nonce = os.urandom(16), os.urandom(12)
    key = _key(pin, salt, MEMORY_KIB, PASSES)
    return Sealed(salt, MEMORY_KIB, PASSES, nonce, ChaCha20Poly1305(key).encrypt(nonce, secret.encode(), None))


def unseal(pin: str, sealed: Sealed) -> str | None:
    """Returns the secret; None for another PIN, or when the record was changed. Slow on purpose."""
    from argon2.exceptions import HashingError
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    if sealed.memory_kib > MEMORY_KIB or sealed.passes > PASSES:
        return None  # somebody who can write the file would have this terminal calculate for ever
    try:
        key = _key(pin, sealed.salt, sealed.memory_kib, sealed.passes)
        return ChaCha20Poly1305(key).decrypt(sealed.nonce, sealed.box, None).decode()
    except (InvalidTag, HashingError, ValueError):
        return None


def _key(pin: str, salt: bytes, memory_kib: int, passes: int) -> bytes:
    from argon2.low_level import Type, hash_secret_raw

    return hash_secret_raw(
        pin.encode(), salt, time_cost=passes, memory_cost=memory_kib, parallelism=1, hash_len=32, type=Type.ID
    )
