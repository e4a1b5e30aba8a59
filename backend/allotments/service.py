"""Policies of allotments, and who may ask for how many units: the use cases of HTTP and of the tools."""

from collections.abc import Mapping
from uuid import UUID

from msgspec import structs

from backend.auth.tokens import Claims
from backend.catalogue.search_queries import product_by_id
from backend.database.audit_trail import Origin, record
from backend.database.engine import Database
from backend.database.reads import reading
from backend.database.writes import writing
from backend.http.errors import UnknownProduct, UnknownReservation
from backend.model.allotments import EVERY_PRODUCT, AllotmentPolicy
from backend.model.answers import Code, Refusal
from backend.model.commands import Command
from backend.model.verbs.allot import Allot
from backend.stores.queries import require_store

from .queries import StoredPolicy, kept_by, policies_in, policies_of, put_policy, remove_policy, store_of_allotment


class Allotting:
    """Judges what terminals ask for by the policies of their stores, before it reaches the ledger."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def objections(self, commands: Mapping[int, Command], claims: Claims) -> dict[int, Refusal]:
        """Returns the refusals of what a terminal may not keep, by the keys of `commands`.

        Raises DatabaseAway and its like.
        """
        asked = {i: command for i, command in commands.items() if isinstance(command, Allot)}
        if not asked:
            return {}
        refused: dict[int, Refusal] = {}
        async with reading(self._db) as connection:
            policies = await policies_of(connection, {(x.store_id, x.product_id) for x in asked.values()})
            kept = {
                store_id: await kept_by(
                    connection, store_id, claims.terminal_id, {x.product_id for x in asked.values()}
                )
                for store_id in {x.store_id for x in asked.values()}
            }
        for index, command in asked.items():
            own = kept[command.store_id].get(command.product_id, {})
            others = sum(units for id_, units in own.items() if id_ not in (command.allotment_id, command.id))
            if refusal := _too_large(command, policies[command.store_id, command.product_id], others):
                refused[index] = refusal
        return refused


def _too_large(command: Allot, policy: AllotmentPolicy, others: int) -> Refusal | None:
    if command.quantity + others <= policy.units:
        return None
    message = (
        f"A terminal may keep at most {policy.units} units of {command.product_id} in store {command.store_id},"
        f" and this one keeps {others} others."
    )
    return Refusal(Code.ALLOTMENT_TOO_LARGE, message, field="quantity")


async def policies_of_store(db: Database, store_id: str) -> list[StoredPolicy]:
    """Returns the policies of a store, by product. Raises UnknownStore."""
    async with reading(db) as connection:
        await require_store(connection, store_id)
        return await policies_in(connection, store_id)


async def set_policy(
    db: Database, origin: Origin, store_id: str, product_id: str, policy: AllotmentPolicy | None
) -> None:
    """Sets the policy of a product in a store, or of all its products (`*`); None takes it away.

    It holds from the next allotment on; what terminals keep already stays until they renew it.

    Raises UnknownStore and UnknownProduct.
    """
    async with writing(db) as connection:
        await require_store(connection, store_id, lock=True)
        if product_id != EVERY_PRODUCT and await product_by_id(connection, product_id) is None:
            raise UnknownProduct(product_id)
        stored = {x.product_id: x.policy for x in await policies_in(connection, store_id)}
        before = stored.get(product_id)
        if policy is None:
            await remove_policy(connection, store_id, product_id)
        else:
            await put_policy(connection, store_id, product_id, policy)
        if before != policy:
            await record(
                connection,
                origin,
                "allotment_policy.set",
                f"product:{product_id}",
                store_id=store_id,
                before=before and structs.asdict(before),
                after=policy and structs.asdict(policy),
            )


async def store_holding(db: Database, claims: Claims, allotment_id: UUID) -> str:
    """Returns the store of an allotment. Raises UnknownReservation if it is none of the caller's stores'."""
    async with reading(db) as connection:
        store_id = await store_of_allotment(connection, allotment_id)
    if store_id is None or not claims.allows_store(store_id):
        raise UnknownReservation(str(allotment_id))
    return store_id
