"""The files that hold the keys of access tokens."""

import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from backend.model.errors import MostradorError
from backend.private_files import make_private_directory


class KeyDamaged(MostradorError):
    """SIGNING_KEY_FILE, or a file of SIGNING_KEYS_ACCEPTED, cannot be used."""

    code = "signing_key_damaged"


def load_signing_key(path: Path) -> Ed25519PrivateKey:
    """Returns the private key in the PEM file `path`; a file that is missing is made, readable by its owner only.

    Raises KeyDamaged when the file holds no Ed25519 private key.
    """
    if not path.exists():
        _make_key(path)
    key = _private(path.read_bytes())
    if key is None:
        raise KeyDamaged(
            f"{path} holds no Ed25519 private key; restore it, or delete it so that a new one is made.", path=str(path)
        )
    return key


def derive_signing_key(secret: str) -> Ed25519PrivateKey:
    """Returns the private key that every server with this `secret` derives alike (HKDF, RFC 5869).

    A deployment that has one secret in its environment, as for HS256, keeps it; tokens are signed as ever, and who
    verifies them never holds what signs them. The secret must be random: the key is as hard to guess as it is.
    """
    seed = HKDF(SHA256(), length=32, salt=None, info=b"mostrador access tokens, Ed25519").derive(secret.encode())
    return Ed25519PrivateKey.from_private_bytes(seed)


def load_accepted_key(path: Path) -> Ed25519PublicKey:
    """Returns the public key in the PEM file `path`, or that of the private key in it.

    Raises KeyDamaged when the file is missing or holds no Ed25519 key.
    """
    try:
        pem = path.read_bytes()
    except OSError as error:
        raise KeyDamaged(f"{path} cannot be read; correct SIGNING_KEYS_ACCEPTED.", path=str(path)) from error
    private = _private(pem)
    key = private.public_key() if private else _public(pem)
    if key is None:
        raise KeyDamaged(f"{path} holds no Ed25519 key; correct SIGNING_KEYS_ACCEPTED.", path=str(path))
    return key


def former_signing_keys(paths: Iterable[Path]) -> list[Ed25519PrivateKey]:
    """Returns the private keys among the files of SIGNING_KEYS_ACCEPTED; of the others only the public half is
    there."""
    return [key for path in paths if (key := _private(path.read_bytes())) is not None]


def key_id(key: Ed25519PublicKey) -> str:
    """Returns the name of a key, the same wherever it is met."""
    return sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


def _private(pem: bytes) -> Ed25519PrivateKey | None:
    with suppress(ValueError, TypeError, UnsupportedAlgorithm):
        key = load_pem_private_key(pem, password=None)
        return key if isinstance(key, Ed25519PrivateKey) else None
    return None


def _public(pem: bytes) -> Ed25519PublicKey | None:
    with suppress(ValueError, UnsupportedAlgorithm):
        key = load_pem_public_key(pem)
        return key if isinstance(key, Ed25519PublicKey) else None
    return None


def _make_key(path: Path) -> None:
    # Linked into place when complete: two servers that start together end with the same, whole key.
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    make_private_directory(path.parent)
    handle, name = tempfile.mkstemp(dir=path.parent)  # mkstemp's files are 0600
    with os.fdopen(handle, "wb") as file:
        file.write(pem)
    with suppress(FileExistsError):
        Path(path).hardlink_to(name)
    Path(name).unlink()
