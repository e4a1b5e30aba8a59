"""The rule of what terminals sold without a server and the store did not have."""

from backend.documents.queries import documents_of
from backend.model.shortfalls import LIVE, SHORTFALL, ShortfallBody

from .findings import LIMIT, Look, OpenAlert


async def shortfalls(look: Look) -> list[OpenAlert]:
    """Returns the shortfall cases that nobody has settled, latest change first."""
    found = []
    for case in await documents_of(look.connection, SHORTFALL.name, look.store_id, LIVE, limit=LIMIT):
        body = case.read(ShortfallBody)
        units = sum(body.open.values())
        promised = " although its allotments were to cover it" if body.offline.guaranteed else ""
        waits = f"; {body.owner} waits for goods" if body.owner else ""
        sale = f"Sale {case.reference} of terminal {case.terminal_id}"
        found.append(
            OpenAlert(
                rule="shortfall",
                store_id=look.store_id,
                subject=str(case.id),
                since=case.created_at,
                value=units,
                threshold=0,
                actor=case.actor,
                terminal_id=case.terminal_id,
                sentence=f"{sale} is short of {units} units{promised}{waits}.",
            )
        )
    return found
