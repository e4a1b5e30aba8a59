"""What the lists of documents share over HTTP: whose list it is, which part of it, and its pages."""

from functools import partial
from typing import Annotated
from uuid import UUID

from litestar.params import QueryParameter

from backend.database.engine import Database
from backend.database.reads import reading
from backend.http.errors import UnknownDocument
from backend.http.ids import id_or
from backend.http.request import ApiRequest
from backend.model.errors import InvalidInput
from backend.stores.queries import require_store

StoreOf = Annotated[
    str | None,
    QueryParameter(pattern=r"^[A-Za-z0-9_-]{1,32}$", description="The store; the one signed in at if it is not said."),
]


async def asked_store(db: Database, request: ApiRequest, store_id: str | None) -> str:
    """Returns the store whose list is asked for. Raises StoreNotAllowed and UnknownStore."""
    store_id = store_id or request.auth.store_id
    if not store_id:
        raise InvalidInput("store_id", "store_id is missing; add it.")
    request.auth.require_store(store_id)
    async with reading(db) as connection:
        await require_store(connection, store_id)
    return store_id


def document_id(kind: str, text: str) -> UUID:
    """Returns the id in an address. Raises UnknownDocument for what is no id."""
    return id_or(partial(UnknownDocument, kind), text)
