"""Price lists: what a product costs in a store, or in the chain, from a day on.

Revision: 0082
Follows: 0081
"""

import sqlalchemy as sa
from alembic import op

revision = "0082"
down_revision = "0081"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table. Without a row in it a product costs what the catalogue says."""
    op.create_table(
        "prices",
        sa.Column("store_id", sa.String(32), nullable=False, comment="* for all"),
        sa.Column("product_id", sa.String(64), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("price_cents", sa.BigInteger(), nullable=True, comment="without it: no list price from then on"),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "product_id", "valid_from"),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], ondelete="CASCADE"),
        sa.CheckConstraint("price_cents >= 0", name="price"),
    )
    op.create_index("ix_prices_product_id", "prices", ["product_id"])
