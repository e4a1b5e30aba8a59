"""The files that hold the keys of access tokens."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from backend.model.errors import MostradorError


class KeyDamaged(MostradorError):
    """SIGNING_KEY_FILE cannot be used."""

    code = "signing_key_damaged"


def load_signing_key(path: Path) -> Ed25519PrivateKey:
    """The private key in the PEM file `path`; a file that is missing is made, readable by its owner only.

    Raises:
        MostradorError: code signing_key_damaged, the file holds no Ed25519 private key.
    """
    if not path.exists():
        _make_key(path)
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyDamaged(
            f"{path} holds no Ed25519 private key; restore it, or delete it so that a new one is made and"
            " everybody signs in again.",
            path=str(path),
        )
    return key


def _make_key(path: Path) -> None:
    # Linked into place when complete: two servers that start together end with the same, whole key.
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)  # mkstemp's files are 0600
    with os.fdopen(handle, "wb") as file:
        file.write(pem)
    with suppress(FileExistsError):
        Path(path).hardlink_to(name)
    Path(name).unlink()
