"""The stores of the chain. All of them are listed on the door sign, see `sign_in`."""

from typing import Annotated

from litestar import Response, get, put
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody, PathParameter
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.auth.tokens import Claims
from backend.database.audit_trail import Origin, record
from backend.database.engine import Database
from backend.database.reads import reading
from backend.http.declaring import WRITE
from backend.http.request import ApiRequest
from backend.model.errors import UnknownStore
from backend.model.scopes import Scope

from .queries import found_store, store_name
from .schemas import StoreName, StoreShape
from .service import name_store


class StoreBody(Struct, frozen=True, forbid_unknown_fields=True):
    """What is said of a store."""

    name: StoreName


def store_routes(db: Database) -> list[HTTPRouteHandler]:
    """/stores/{store_id}"""

    @get("/stores/{store_id:str}", scope=Scope.CATALOGUE_READ, problems=("unknown_store",))
    async def store(store_id: FromPath[str]) -> StoreShape:
        """Returns one store."""
        async with reading(db) as connection:
            name = await store_name(connection, store_id)
        if name is None:
            raise UnknownStore(store_id)
        return StoreShape(store_id, name)

    @put(
        "/stores/{store_id:str}",
        scope=Scope.STORES_WRITE,
        problems=(*WRITE, "store_not_allowed"),
        responses={201: ResponseSpec(StoreShape, description="There is a new store.")},
        example={"name": "Centro"},
    )
    async def put_one(
        request: ApiRequest,
        store_id: Annotated[str, PathParameter(max_length=32, pattern=r"^[A-Za-z0-9_-]+$(?!\n)")],
        data: JSONBody[StoreBody],
    ) -> Response[StoreShape]:
        """Found a store under this id (201), or give it another name."""
        was = await name_store(db, request.auth, request.origin(), StoreShape(store_id, data.name))
        return Response(StoreShape(store_id, data.name), status_code=201 if was is None else 200)

    return [store, put_one]


async def ensure_store(connection: AsyncConnection, claims: Claims, origin: Origin, store_id: str) -> None:
    """Found a store that is not there yet, named like its id, in the transaction of whatever needs it.

    Clients of the prototype bring stock to stores that nobody has created. Raises StoreNotAllowed for a store outside
    the token, UnknownStore for one that is not there when the caller may not found stores.
    """
    claims.require_store(store_id)
    if await store_name(connection, store_id) is not None:
        return
    if Scope.STORES_WRITE not in claims.scopes:
        raise UnknownStore(store_id)
    if await found_store(connection, store_id, store_id):
        after = StoreShape(store_id, store_id)
        await record(connection, origin, "store.create", f"store:{store_id}", store_id=store_id, after=after)
