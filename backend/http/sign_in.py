"""Signing in at a terminal, and the stores on its door sign."""

from datetime import datetime
from typing import Annotated

import structlog
from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Meta, Struct

from backend.auth.pins import Pins
from backend.auth.roles import EVERY_STORE, StoreNotAllowed
from backend.auth.tokens import Tokens
from backend.database import Database
from backend.model.commands import StoreId
from backend.model.errors import MostradorError
from backend.repositories.catalogue import all_stores
from backend.repositories.reads import reading
from backend.repositories.users import find_user, stores_of

from .access import PUBLIC
from .errors import UnknownStore
from .rates import SIGN_IN
from .shapes import StoreShape

log = structlog.get_logger(__name__)


class SignInBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Who signs in, at which terminal of which store."""

    user: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$(?!\n)")]
    pin: Annotated[str, Meta(min_length=1, max_length=128)]
    store_id: StoreId
    terminal_id: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$(?!\n)")]


class SessionShape(Struct, frozen=True):
    """A session: the token to send with every request, and what to show of its bearer."""

    access_token: str
    expires_at: datetime
    user: str
    display_name: str
    role: str
    store_id: str
    store_name: str
    stores: list[StoreShape]


class StoresShape(Struct, frozen=True):
    """All stores."""

    stores: list[StoreShape]


class SignInRefused(MostradorError):
    """The name or the PIN is wrong; which of them is nobody's business."""

    code = "sign_in_refused"


def sign_in_routes(db: Database, tokens: Tokens, pins: Pins) -> list[HTTPRouteHandler]:
    """POST /auth/sign-in and GET /stores."""

    @post("/auth/sign-in", scope=PUBLIC, rate=SIGN_IN, status_code=200)
    async def sign_in(data: JSONBody[SignInBody]) -> SessionShape:
        """Trade a name and a PIN for an access token."""
        async with reading(db) as connection:
            user = await find_user(connection, data.user)
            every = await all_stores(connection)
            own = await stores_of(connection, data.user)
        # The connection is given back first: checking a PIN is slow on purpose.
        right = await pins.verify(user.pin_hash if user else None, data.pin)
        if user is None or not right:
            log.warning("sign_in_refused", person=data.user, store=data.store_id, terminal=data.terminal_id)
            raise SignInRefused("The name or the PIN is wrong; try again.")
        if user.role == "admin":
            own = every
        names = dict(own)
        if data.store_id not in names:
            if data.store_id not in dict(every):
                raise UnknownStore(data.store_id)
            raise StoreNotAllowed(data.store_id)
        token, expires_at = tokens.issue(
            user=user.name,
            role=user.role,
            stores=[EVERY_STORE] if user.role == "admin" else names,
            store_id=data.store_id,
            terminal_id=data.terminal_id,
        )
        log.info("signed_in", person=user.name, store=data.store_id, terminal=data.terminal_id)
        return SessionShape(
            token,
            expires_at,
            user.name,
            user.display_name,
            user.role,
            data.store_id,
            names[data.store_id],
            [StoreShape(*store) for store in own],
        )

    @get("/stores", scope=PUBLIC)
    async def stores() -> StoresShape:
        """Every store's id and name, to choose from before signing in."""
        async with reading(db) as connection:
            return StoresShape([StoreShape(*store) for store in await all_stores(connection)])

    return [sign_in, stores]
