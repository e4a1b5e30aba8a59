"""Allotments of terminals: what is known of them beside their holds, what sales drew on them, and policies.

Revision: 0090
Follows: 0082
"""

import sqlalchemy as sa
from alembic import op

revision = "0090"
down_revision = "0082"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables. An older release keeps an allotment like a hold that never expires, which is what it is."""
    op.create_table(
        "allotments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.String(32), nullable=False),
        sa.Column("product_id", sa.String(64), nullable=False),
        sa.Column("terminal_id", sa.String(64), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False, comment="when it becomes overdue"),
        sa.Column("wanted", sa.BigInteger(), nullable=False, server_default="0", comment="units that others ask back"),
        sa.Column("wanted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", "store_id", name=op.f("pk_allotments")),
    )
    op.create_index("ix_allotments_store_id_due_at", "allotments", ["store_id", "due_at"])
    op.create_table(
        "draws",
        sa.Column("sale_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.String(32), nullable=False),
        sa.Column("allotment_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.String(64), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sale_id", "store_id", "allotment_id", name=op.f("pk_draws")),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_draws_quantity")),
    )
    op.create_table(
        "allotment_policies",
        sa.Column("store_id", sa.String(32), nullable=False),
        sa.Column("product_id", sa.String(64), nullable=False, comment="* for all of the store"),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("beyond", sa.String(16), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "product_id", name=op.f("pk_allotment_policies")),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("fk_allotment_policies_store_id")),
        sa.CheckConstraint("units >= 0", name=op.f("ck_allotment_policies_units")),
        sa.CheckConstraint("minutes > 0", name=op.f("ck_allotment_policies_minutes")),
        sa.CheckConstraint("beyond IN ('block','supervisor','allow')", name=op.f("ck_allotment_policies_beyond")),
    )
