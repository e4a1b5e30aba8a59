"""Enrolment codes: short enough to be typed by a person, good once and for minutes, kept only as a hash."""

import hashlib
import secrets
from datetime import timedelta

from backend.model.errors import InvalidInput

LIFETIME = timedelta(minutes=15)
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: nothing in it looks like something else in it."""
_MISREAD = str.maketrans("OIL", "011", "- ")
_LENGTH = 10
"""50 bits: not even whoever has the hash finds the code while it is good."""


def make_code() -> str:
    """Returns a new code, as it is shown: two groups of five."""
    code = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
    return f"{code[:5]}-{code[5:]}"


def hash_of(typed: str) -> str:
    """Returns what is kept of the code that somebody typed. Raises InvalidInput for what cannot be one."""
    code = typed.upper().translate(_MISREAD)
    if len(code) != _LENGTH or not set(code) <= set(_LETTERS):
        raise InvalidInput("code", "code must have ten letters and digits, like 7K3QP-M0XVD; read it again.")
    return hashlib.sha256(code.encode()).hexdigest()
