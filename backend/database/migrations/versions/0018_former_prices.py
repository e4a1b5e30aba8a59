"""Prices that products had before.

Revision: 0018
Follows: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of the prices that were changed, with the moment each ended."""
    op.create_table(
        "former_prices",
        sa.Column("product_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False, comment="of the product, the last with this price"),
        sa.Column("price_cents", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name=op.f("fk_former_prices_product_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("product_id", "version", name=op.f("pk_former_prices")),
    )
