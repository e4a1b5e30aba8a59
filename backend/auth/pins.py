"""PINs and passwords: argon2id hashes, and their slow checks kept away from everything else."""

import asyncio
import os
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from backend.model.errors import InvalidInput

_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)  # OWASP's argon2id for one core


SHORTEST = {"admin": 8}
"""Characters of a secret, by role."""
_SHORTEST = 4
_RUNS = ("01234567890", "09876543210", "abcdefghijklmnopqrstuvwxyz")


def check_secret(name: str, role: str, secret: str, field: str = "pin") -> None:
    """Raises InvalidInput for a PIN or password that is too short for the role, or that one guesses first."""
    shortest = SHORTEST.get(role, _SHORTEST)
    if len(secret) < shortest:
        raise InvalidInput(field, f"{field} is too short; {role} needs at least {shortest} characters.")
    plain = secret.lower()
    if len(set(plain)) == 1 or plain == name.lower() or any(plain in run for run in _RUNS):
        raise InvalidInput(field, f"{field} is one that people guess first; choose another.")


class Pins:
    """Makes and checks argon2id hashes, in threads, at most two at a time: each takes a core and 19 MiB."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(2)

    async def verify(self, pin_hash: str | None, pin: str) -> bool:
        """Returns whether the PIN is right. A user who does not exist (None) takes as long as a wrong PIN."""
        async with self._places:
            return await asyncio.to_thread(_matches, pin_hash, pin)

    async def hash(self, pin: str) -> str:
        """Returns what is stored of a PIN."""
        async with self._places:
            return await asyncio.to_thread(hash_pin, pin)


def hash_pin(pin: str) -> str:
    """Returns what is stored of a PIN."""
    return _HASHER.hash(pin)


@cache
def _nobodys_hash() -> str:
    return _HASHER.hash(os.urandom(16))


def _matches(pin_hash: str | None, pin: str) -> bool:
    nobodys = _nobodys_hash()  # also when it is not needed, so that its first making tells nothing
    try:
        return _HASHER.verify(pin_hash or nobodys, pin)
    except (VerificationError, InvalidHashError):
        return False
