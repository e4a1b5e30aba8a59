"""Reading documents of any kind: by id, by what people call them, and the lists of a store, latest first."""

from collections.abc import Collection
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from msgspec import Meta
from sqlalchemy import Column, Select, Uuid, bindparam, select, tuple_, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.tables import Instant, documents
from backend.ledger.rows import document_of
from backend.model.documents import Document


class Side(StrEnum):
    """Which of its two stores a document is listed for."""

    OWN = "own"
    """Documents that belong to the store."""
    OTHER = "other"
    """Documents of other stores that name it as the second one."""
    BOTH = "both"


class Place(NamedTuple):
    """A place in a list of documents: what follows was changed before. It is the key of a page's cursor."""

    updated_at: Annotated[datetime, Meta(tz=True)]
    id: UUID

    @classmethod
    def of(cls, document: Document) -> "Place":
        """Returns the document's own place."""
        return cls(document.updated_at, document.id)


LATEST = Place(datetime(9999, 1, 1, tzinfo=UTC), UUID(int=2**128 - 1))
"""The place before the first document."""

_d = documents.c
_BY_ID = select(documents).where(_d.id == bindparam("id", type_=Uuid()), _d.kind == bindparam("kind")).limit(1)
_BY_IDS = select(documents).where(_d.id.in_(bindparam("ids", expanding=True)), _d.kind == bindparam("kind"))
_BY_REFERENCE = (
    select(documents)
    .where(_d.store_id == bindparam("store_id"), _d.kind == bindparam("kind"), _d.reference == bindparam("reference"))
    .order_by(_d.updated_at.desc(), _d.id.desc())
    .limit(bindparam("limit"))
)


@lru_cache
def list_of(side: Side, statuses: int) -> Select[Any]:
    """Returns the statement of a page of a list over so many statuses, bound as `status_0`, `status_1`, ….

    It is one walk of an index for each status and side, each no longer than the page: the cost of a page is what it
    shows, not what the store has.
    """
    stores: dict[Side, tuple[Column[str], ...]] = {
        Side.OWN: (_d.store_id,),
        Side.OTHER: (_d.other_store_id,),
        Side.BOTH: (_d.store_id, _d.other_store_id),
    }
    place = tuple_(bindparam("updated_at", type_=Instant()), bindparam("id", type_=Uuid()))
    walks = [
        select(documents)
        .where(
            store == bindparam("store_id"),
            _d.kind == bindparam("kind"),
            _d.status == bindparam(f"status_{number}"),
            tuple_(_d.updated_at, _d.id) < place,
        )
        .order_by(_d.updated_at.desc(), _d.id.desc())
        .limit(bindparam("limit"))
        .subquery()
        for store in stores[side]
        for number in range(statuses)
    ]
    found = union_all(*map(select, walks)).subquery()
    return select(found).order_by(found.c.updated_at.desc(), found.c.id.desc()).limit(bindparam("limit"))


async def document_by_id(connection: AsyncConnection, kind: str, document_id: UUID) -> Document | None:
    """Returns the document of this kind with this id, or None. Whom it concerns, the caller has to ask it."""
    row = (await connection.execute(_BY_ID, {"id": document_id, "kind": kind})).one_or_none()
    return None if row is None else document_of(tuple(row))


async def documents_by_ids(connection: AsyncConnection, kind: str, ids: Collection[UUID]) -> dict[UUID, Document]:
    """Returns those of these documents of this kind that exist."""
    rows = await connection.execute(_BY_IDS, {"ids": list(ids), "kind": kind})
    found = [document_of(tuple(row)) for row in rows]
    return {document.id: document for document in found}


async def documents_by_reference(
    connection: AsyncConnection, kind: str, store_id: str, reference: str, limit: int = 50
) -> list[Document]:
    """Returns the store's documents of this kind that people call `reference`, latest first."""
    values = {"store_id": store_id, "kind": kind, "reference": reference, "limit": limit}
    return [document_of(tuple(row)) for row in await connection.execute(_BY_REFERENCE, values)]


async def documents_of(
    connection: AsyncConnection,
    kind: str,
    store_id: str,
    statuses: Collection[str],
    *,
    side: Side = Side.BOTH,
    after: Place = LATEST,
    limit: int = 50,
) -> list[Document]:
    """Returns at most `limit` documents of the store in these statuses that follow `after`, latest change first.

    A document that is changed meanwhile moves to the front; it is on a later page too only if it was shown before.
    """
    if not statuses:
        return []
    values = {"store_id": store_id, "kind": kind, "limit": limit, **after._asdict()}
    values |= {f"status_{number}": status for number, status in enumerate(statuses)}
    rows = await connection.execute(list_of(side, len(statuses)), values)
    return [document_of(tuple(row)) for row in rows]
