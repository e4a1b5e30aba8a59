"""Prices of more than one unit, 249 cents per 1,000 grams; and an index of the tree of categories.

Revision: 0096
Follows: 0093
"""

import sqlalchemy as sa
from alembic import op

revision = "0096"
down_revision = "0094"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column to every table with prices of units; what is there is the price of one. Add the index."""
    for table in ("products", "former_prices", "prices", "sale_lines"):
        op.add_column(
            table,
            sa.Column(
                "price_per", sa.BigInteger(), nullable=False, server_default="1", comment="units that the price is for"
            ),
        )
    by_bytes = {"category_path": "varchar_pattern_ops"}
    op.create_index("ix_products_category_path", "products", ["category_path"], postgresql_ops=by_bytes)
