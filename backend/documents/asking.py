"""What documents share over HTTP: whose list is asked for, who may see one, and what a step may answer."""

from functools import partial
from typing import Annotated
from uuid import UUID

from litestar.params import QueryParameter

from backend.database.engine import Database
from backend.database.reads import reading
from backend.http.declaring import COMMAND
from backend.http.errors import UnknownDocument
from backend.http.ids import id_or
from backend.http.request import ApiRequest
from backend.model.documents import Document
from backend.model.errors import InvalidInput
from backend.stores.queries import require_store

StoreOf = Annotated[
    str | None,
    QueryParameter(pattern=r"^[A-Za-z0-9_-]{1,32}$", description="The store; the one signed in at if it is not said."),
]

STEP = (*COMMAND, "unknown_document", "wrong_status")
"""For `problems=`: what every step of a document may answer."""


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


def ensure_concerned(request: ApiRequest, document: Document) -> None:
    """Raises UnknownDocument unless one of the document's stores is the caller's."""
    if not any(map(request.auth.allows_store, (document.store_id, document.other_store_id))):
        raise UnknownDocument(document.kind, str(document.id))


def own_side(request: ApiRequest, document: Document) -> str:
    """Returns the document's store for which the caller may act, the one that sends before the other one."""
    return document.store_id if request.auth.allows_store(document.store_id) else document.other_store_id
