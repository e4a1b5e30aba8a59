"""Which signing key the tools use: that of this machine's shop, or the one that the server's settings name."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from backend.auth.keys import derive_signing_key, load_accepted_key, load_signing_key
from backend.embedded.files import shop_files
from backend.model.errors import InvalidInput
from backend.settings import Settings

from .options import named_database


def signing_keys(database_url: str | None, data: Path | None) -> tuple[Ed25519PrivateKey, list[Ed25519PublicKey]]:
    """Returns the server's key and all public keys that count. Raises InvalidInput for a file that is not there."""
    named = named_database(database_url, data)
    if named is None:
        key = _load(shop_files(data).signing_key)
        return key, [key.public_key()]
    settings = Settings.load(database_url=named)
    secret = settings.jwt_secret
    key = derive_signing_key(secret) if secret else _load(settings.signing_key_file)
    return key, [key.public_key(), *map(load_accepted_key, settings.signing_keys_accepted)]


def _load(path: Path) -> Ed25519PrivateKey:
    if not path.exists():  # a new key would sign what no server vouches for
        message = f"There is no signing key {path}; run this where the server's is, or name it in SIGNING_KEY_FILE."
        raise InvalidInput("signing_key_file", message)
    return load_signing_key(path)
