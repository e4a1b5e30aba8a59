"""The use case of stores: founded, or given another name."""

from backend.auth.tokens import Claims
from backend.database.audit_trail import Origin, record
from backend.database.engine import Database
from backend.database.writes import writing

from .queries import put_store
from .schemas import StoreShape


async def name_store(db: Database, caller: Claims, origin: Origin, after: StoreShape) -> StoreShape | None:
    """Found a store, or give it another name; returns what it was, None for a new one. Raises StoreNotAllowed."""
    caller.require_store(after.id)
    async with writing(db) as connection:
        was = await put_store(connection, after.id, after.name)
        before = None if was is None else StoreShape(after.id, was)
        if before != after:
            action, subject = "store.create" if was is None else "store.rename", f"store:{after.id}"
            await record(connection, origin, action, subject, store_id=after.id, before=before, after=after)
    return before
