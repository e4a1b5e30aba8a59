"""Signing in and out at a terminal, staying signed in, and the stores on its door sign."""

from datetime import datetime
from typing import Annotated, Self

from litestar import get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Meta, Struct

from backend.auth.tokens import LIFETIME, Tokens
from backend.database.engine import Database
from backend.database.reads import reading
from backend.http.access import PUBLIC
from backend.http.commanding import key_of
from backend.http.declaring import WRITE
from backend.http.rates import SIGN_IN
from backend.http.request import ApiRequest
from backend.model.commands import StoreId
from backend.stores.queries import all_stores
from backend.stores.schemas import StoreShape

from .door import Door
from .grants import GivenGrant, standing
from .sessions import Sessions, SignedIn

UserName = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$(?!\n)")]
Pin = Annotated[str, Meta(min_length=1, max_length=128, description="The person's PIN or password.")]


class SignInBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Who signs in, at which terminal of which store. One that is not named gets an id now."""

    user: UserName
    pin: Pin
    store_id: StoreId | None = None
    """Without it: the only store there is for the person, or none for who manages several (see `sessions.home_of`)."""
    terminal_id: Annotated[str, Meta(max_length=64, pattern=r"^[A-Za-z0-9_-]*$(?!\n)")] = ""
    terminal_key: Annotated[str, Meta(max_length=128, description="An enrolled terminal's own key.")] = ""


class RefreshBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A session's newest refresh token."""

    refresh_token: Annotated[str, Meta(min_length=1, max_length=128)]


class GrantsBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Grants that a terminal keeps."""

    grants: Annotated[list[Annotated[str, Meta(min_length=1, max_length=32_768)]], Meta(max_length=16)]


class StandingShape(Struct, frozen=True):
    """Of each grant, in the same order, whether a person could still be let in with it."""

    good: list[bool]


class NewPinBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A person's PIN or password, and the one that is to take its place."""

    user: UserName
    pin: Pin
    new_pin: Pin


class SessionShape(Struct, frozen=True):
    """A session: the tokens, until when they are good, and what to show of their bearer."""

    access_token: str
    expires_at: datetime
    """Of the access token."""
    expires_in: int
    """The same in seconds from now, for clients whose clock is off."""
    refresh_token: str
    session_expires_at: datetime
    user: str
    display_name: str
    role: str
    store_id: str
    """The store signed in at; empty, as `store_name` is, for who named none and works in several."""
    store_name: str
    stores: list[StoreShape]
    terminal_id: str
    receipt_series: str
    """What the terminal's receipt numbers begin with; only at the sign-in."""
    offline: GivenGrant | None
    """What the terminal lets the person in with while no server answers; only at the sign-in at a store's terminal."""

    @classmethod
    def of(cls, given: SignedIn, offline: GivenGrant | None = None) -> Self:
        """As the wire shows it."""
        return cls(
            given.access_token,
            given.access_expires_at,
            int(LIFETIME.total_seconds()),
            given.refresh_token,
            given.session.expires_at,
            given.user.name,
            given.user.display_name,
            given.user.role,
            given.session.store_id,
            given.stores.get(given.session.store_id, ""),
            [StoreShape(*store) for store in given.stores.items()],
            given.session.terminal_id,
            given.receipt_series,
            offline,
        )


class StoresShape(Struct, frozen=True):
    """All stores."""

    stores: list[StoreShape]


def sign_in_routes(db: Database, door: Door, sessions: Sessions, tokens: Tokens) -> list[HTTPRouteHandler]:
    """POST /auth/… and GET /stores."""

    @post(
        "/auth/sign-in",
        scope=PUBLIC,
        problems=(
            *WRITE,
            "sign_in_refused",
            "sign_in_locked",
            "store_not_allowed",
            "unknown_store",
            "terminal_removed",
            "terminal_key_needed",
            "terminal_elsewhere",
        ),
        rate=SIGN_IN,
        status_code=200,
    )
    async def sign_in(request: ApiRequest, data: JSONBody[SignInBody]) -> SessionShape:
        """Trade a name and a PIN for a session."""
        origin = request.origin(data.user, data.terminal_id)
        admitted = await door.sign_in(origin, data.pin, data.store_id or "", data.terminal_key)
        return SessionShape.of(admitted.signed_in, admitted.offline)

    @post("/auth/refresh", scope=PUBLIC, problems=(*WRITE, "token_refused", "terminal_removed"), status_code=200)
    async def refresh(request: ApiRequest, data: JSONBody[RefreshBody]) -> SessionShape:
        """Trade a refresh token, once, for a new one and an access token."""
        key = key_of(request)
        return SessionShape.of(await sessions.refresh(request.origin(), data.refresh_token, str(key or "")))

    @post("/auth/sign-out", scope=PUBLIC, problems=(*WRITE, "token_refused"), status_code=204)
    async def sign_out(request: ApiRequest, data: JSONBody[RefreshBody]) -> None:
        """End a session. One that is over already stays so."""
        await sessions.sign_out(request.origin(), data.refresh_token)

    @put(
        "/auth/pin",
        scope=PUBLIC,
        problems=(*WRITE, "sign_in_refused", "sign_in_locked"),
        rate=SIGN_IN,
        status_code=204,
    )
    async def new_pin(request: ApiRequest, data: JSONBody[NewPinBody]) -> None:
        """Change one's own PIN or password. All sessions of the person end."""
        await door.new_pin(request.origin(data.user), data.pin, data.new_pin)

    @post("/auth/grants", scope=PUBLIC, problems=WRITE, status_code=200)
    async def grants(data: JSONBody[GrantsBody]) -> StandingShape:
        """Returns which of a terminal's grants are still good, for it to forget the others."""
        async with reading(db) as connection:
            return StandingShape(await standing(connection, tokens, data.grants))

    @get("/stores", scope=PUBLIC)
    async def stores() -> StoresShape:
        """Returns every store's id and name, to choose from before signing in."""
        async with reading(db) as connection:
            return StoresShape([StoreShape(*store) for store in await all_stores(connection)])

    return [sign_in, refresh, sign_out, new_pin, grants, stores]
