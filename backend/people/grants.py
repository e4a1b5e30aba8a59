"""Grants for terminals that may have to let people in without a server: given at the sign-in, and asked about later.

Nothing is kept about a grant. It carries a mark, a hash of all that makes it good: the person's secret, role, stores
and number of times they were signed out everywhere, and the terminal's key. When one of these has changed, or is gone,
the mark is another, and the grant is good no more.
"""

import secrets
import time
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from msgspec import Struct, json
from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.auth.grants import AUDIENCE, LIFETIME, GrantClaims, GrantRefused, proof_of, read_grant
from backend.auth.roles import EVERY_STORE, ROLES
from backend.auth.tokens import Tokens
from backend.database.tables import terminals, users

from .queries import stores_of
from .sessions import SignedIn

_MARKED = select(users.c.pin_hash, users.c.role, users.c.sign_outs).where(users.c.name == bindparam("user"))
_KEY_AT = select(terminals.c.key_id).where(
    terminals.c.store_id == bindparam("store"), terminals.c.terminal_id == bindparam("terminal")
)
_SIGNED_OUT = update(users).where(users.c.name == bindparam("user")).values(sign_outs=users.c.sign_outs + 1)


class GivenGrant(Struct, frozen=True):
    """What a terminal keeps to let the person in while no server answers."""

    grant: str
    """A JWT with who the person is and what they may do, for this terminal and 72 hours."""
    secret: str
    """Makes the grant usable; to be kept sealed with the person's PIN."""
    keys: list[dict[str, Any]]
    """The public keys (JWK) that grants are signed with."""


async def grant_to(connection: AsyncConnection, tokens: Tokens, signed_in: SignedIn) -> GivenGrant | None:
    """Returns the grant of a session that was just opened; None for a session at no terminal of a store."""
    session, user = signed_in.session, signed_in.user
    if not session.store_id or not session.terminal_id:
        return None
    key_id = await _key_at(connection, session.store_id, session.terminal_id)
    secret, now = secrets.token_urlsafe(32), int(time.time())
    claims = GrantClaims(
        sub=user.name,
        name=user.display_name,
        role=user.role,
        scopes=tuple(sorted(ROLES[user.role])),
        stores=(EVERY_STORE,) if user.role == "admin" else tuple(sorted(signed_in.stores)),
        store_id=session.store_id,
        terminal_id=session.terminal_id,
        enrolled=bool(key_id),
        iat=now,
        exp=now + int(LIFETIME.total_seconds()),
        proof=proof_of(secret),
        mark=await _mark(connection, user.name, key_id) or "",
    )
    said = {name: getattr(claims, name) for name in GrantClaims.__struct_fields__}
    return GivenGrant(tokens.sign({"aud": AUDIENCE, **said}), secret, tokens.jwks["keys"])


async def standing(connection: AsyncConnection, tokens: Tokens, shown: Sequence[str]) -> list[bool]:
    """Returns of each grant whether a person could still be let in with it."""
    known: dict[str, bool] = {}
    for token in shown:
        if token not in known:
            known[token] = await _is_good(connection, tokens, token)
    return [known[token] for token in shown]


async def _is_good(connection: AsyncConnection, tokens: Tokens, token: str) -> bool:
    try:
        claims = read_grant(token, tokens.keys)
    except GrantRefused:
        return False
    if time.time() >= claims.exp:
        return False
    key_id = await _key_at(connection, claims.store_id, claims.terminal_id)
    return claims.mark == await _mark(connection, claims.sub, key_id)


async def revoke_grants(connection: AsyncConnection, user: str) -> None:
    """End all grants of a person who is signed out everywhere."""
    await connection.execute(_SIGNED_OUT, {"user": user})


async def _key_at(connection: AsyncConnection, store_id: str, terminal_id: str) -> str:
    return await connection.scalar(_KEY_AT, {"store": store_id, "terminal": terminal_id}) or ""


async def _mark(connection: AsyncConnection, user: str, terminal_key: str) -> str | None:
    """Returns what tells these rights from former ones; None when there is no such person.

    The hash of a PIN has a random salt in it, so nobody can try PINs with a mark.
    """
    row = (await connection.execute(_MARKED, {"user": user})).one_or_none()
    if row is None:
        return None
    stores = [store_id for store_id, _ in await stores_of(connection, user)]
    return sha256(json.encode([user, *row, stores, terminal_key])).hexdigest()
