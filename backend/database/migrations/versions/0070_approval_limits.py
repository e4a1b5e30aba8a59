"""Limits above which a correction of stock waits for approval.

Revision: 0070
Follows: 0060
"""

import sqlalchemy as sa
from alembic import op

revision = "0070"
down_revision = "0060"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of limits, a row a store that has any."""
    op.create_table(
        "approval_limits",
        sa.Column("store_id", sa.String(length=32), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=True),
        sa.Column("value_cents", sa.BigInteger(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("units >= 0", name=op.f("ck_approval_limits_units")),
        sa.CheckConstraint("value_cents >= 0", name=op.f("ck_approval_limits_value_cents")),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("fk_approval_limits_store_id")),
        sa.PrimaryKeyConstraint("store_id", name=op.f("pk_approval_limits")),
    )
