"""How the repairs of `mostrador verify --repair` are shown."""

from collections.abc import Sequence

import click

from backend.model.answers import Answer
from backend.model.stock import BALANCES
from backend.model.verbs.repair import Differences
from backend.proof.repairs import Repairs


def show_repairs(repairs: Repairs, posted: Sequence[Answer]) -> None:
    """Print what would be posted, or the ledger's answers if it was; and what needs a backup."""
    for one in repairs.beyond:
        drift = one.drift
        place = f"store {drift.store_id}" + (f", product {drift.product_id}" if drift.product_id else "")
        click.echo(f"{place}: {drift.what}: {one.why}; restore a backup.")
    for number, proposal in enumerate(repairs.proposals):
        steps = [("drift", proposal.drifted), ("repair", proposal.correction)]
        told = ", then ".join(f"{kind} {_told(units)}" for kind, units in steps if _told(units))
        result = ""
        if posted:
            refusal = posted[number].refusal
            result = f": {refusal.message}" if refusal else ": posted"
        click.echo(f"store {proposal.store_id}, product {proposal.product_id}: {told}{result}")
    if repairs.proposals and not posted:
        click.echo("Nothing is posted yet. Post these movements: mostrador verify --repair --yes --as ADMIN")
    elif repairs.beyond and not repairs.proposals:
        click.echo("Nothing can be corrected by movements.")


def _told(units: Differences) -> str:
    return " ".join(f"{name} {n:+d}" for name in BALANCES if (n := getattr(units, name)))
