"""Seals over the movements of a store's day.

Revision: 0071
Follows: 0070
"""

import sqlalchemy as sa
from alembic import op

revision = "0071"
down_revision = "0070"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of the chained and signed heads."""
    op.create_table(
        "seals",
        sa.Column("store_id", sa.String(length=32), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False, comment="in UTC, as 2026-11-24"),
        sa.Column("movements", sa.BigInteger(), nullable=False),
        sa.Column(
            "previous",
            sa.String(length=64),
            nullable=False,
            comment="the head before it; empty for the first",
        ),
        sa.Column("head", sa.String(length=64), nullable=False, comment="SHA-256"),
        sa.Column(
            "marks",
            sa.LargeBinary(),
            nullable=False,
            comment="4 bytes of the digest of each movement",
        ),
        sa.Column("key_id", sa.String(length=64), nullable=False, comment="of the signing key, as in its JWK"),
        sa.Column("signature", sa.LargeBinary(), nullable=False, comment="Ed25519"),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "day", name=op.f("pk_seals")),
    )
