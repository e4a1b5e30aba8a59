"""The keys of machines: made, listed and revoked by people. A secret is shown once, when its key is made."""

from typing import Annotated, NamedTuple

from litestar import Response, delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct

from backend.auth.tokens import Tokens
from backend.database.engine import Database
from backend.database.reads import reading
from backend.http.commanding import attempt
from backend.http.declaring import ONCE, WRITE
from backend.http.pages import Cursor, Limit, behind, page
from backend.http.request import ApiRequest
from backend.model.scopes import Scope

from .management import KeyMade, NewKeyBody, make_key, maker_of, revoke_key
from .queries import StoredKey, keys_after
from .service import Keys


class KeysShape(Struct, frozen=True):
    """A page of keys."""

    keys: list[StoredKey]


class _Place(NamedTuple):
    id: Annotated[str, Meta(max_length=32, pattern="^[a-z0-9_]*$")]


def key_routes(db: Database, keys: Keys, tokens: Tokens) -> list[HTTPRouteHandler]:
    """/keys"""

    @get("/keys", scope=Scope.KEYS_WRITE)
    async def list_keys(request: ApiRequest, limit: Limit = 50, cursor: Cursor = None) -> Response[KeysShape]:
        """Returns the keys that the caller made; all of them for who may act in every store."""
        place = behind(cursor, _Place) or _Place("")
        async with reading(db) as connection:
            found = await keys_after(connection, place.id, maker_of(request.auth), limit + 1)
        shown, headers = page(request, found, limit, lambda key: _Place(key.id))
        return Response(KeysShape(list(shown)), headers=headers)

    @post(
        "/keys",
        scope=Scope.KEYS_WRITE,
        problems=(*ONCE, "store_not_allowed", "unknown_store"),
        example={"name": "ERP", "scopes": ["stock:read"], "stores": ["292"]},
    )
    async def make(request: ApiRequest, data: JSONBody[NewKeyBody]) -> KeyMade:
        """Make a key that allows no more than its maker may do."""
        return await make_key(db, request.auth, request.origin(), data, attempt(request, data))

    @delete("/keys/{key_id:str}", scope=Scope.KEYS_WRITE, problems=(*WRITE, "unknown_key"))
    async def revoke(request: ApiRequest, key_id: FromPath[str]) -> None:
        """Revoke a key: at once on this server, within two seconds on every other."""
        ended = await revoke_key(db, request.auth, request.origin(), key_id)
        tokens.ended.add(ended, with_terminal=True)
        keys.forget(key_id)

    return [list_keys, make, revoke]
