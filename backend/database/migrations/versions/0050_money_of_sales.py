"""The money of sales: how prices came about, and what was paid with and given back.

Revision: 0050
Follows: 0040
"""

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables. Sales that are there already have no row in them: nobody said what they were paid with."""
    op.create_table(
        "sale_line_pricing",
        sa.Column("sale_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.String(32), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("list_price_cents", sa.BigInteger(), nullable=True, comment="of a unit without discount"),
        sa.Column("discount_reason", sa.String(200), nullable=False),
        sa.Column("tax_rate_bp", sa.Integer(), nullable=True, comment="hundredths of a percent"),
        sa.Column("tax_cents", sa.BigInteger(), nullable=True, comment="of the whole line"),
        sa.Column("tax_included", sa.Boolean(), nullable=True, comment="else it is added to the price"),
        sa.PrimaryKeyConstraint("sale_id", "store_id", "line", name=op.f("pk_sale_line_pricing")),
    )
    op.create_table(
        "tenders",
        sa.Column("id", sa.Uuid(), nullable=False, comment="of the sale, or of the command that gave the money back"),
        sa.Column("store_id", sa.String(32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sale_id", sa.Uuid(), nullable=True, comment="none for goods without a receipt"),
        sa.Column("terminal_id", sa.String(64), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False, comment="below zero: given back"),
        sa.Column("given_cents", sa.BigInteger(), nullable=True, comment="cash that was handed over"),
        sa.Column("reference", sa.String(200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", "store_id", "number", name=op.f("pk_tenders")),
    )
    op.create_index("ix_tenders_drawer", "tenders", ["store_id", "terminal_id", "at"])
    op.create_index("ix_tenders_sale", "tenders", ["sale_id", "store_id"])
