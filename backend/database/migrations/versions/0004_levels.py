"""The levels of stock.

Revision: 0004
Follows: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of what a store wants to have of a product."""
    op.create_table(
        "levels",
        sa.Column("store_id", sa.String(length=32), nullable=False),
        sa.Column("product_id", sa.String(length=64), nullable=False),
        sa.Column("safety_stock", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("reorder_point", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("reorder_quantity", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("min_level", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("max_level", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "safety_stock >= 0 AND reorder_point >= 0 AND reorder_quantity >= 0 AND min_level >= 0 AND max_level >= 0",
            name=op.f("ck_levels_levels"),
        ),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_levels_product_id")),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("fk_levels_store_id")),
        sa.PrimaryKeyConstraint("store_id", "product_id", name=op.f("pk_levels")),
    )
