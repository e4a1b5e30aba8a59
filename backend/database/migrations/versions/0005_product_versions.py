"""Products have versions, and are found by their category.

Revision: 0005
Follows: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Every product begins at version 1."""
    op.add_column("products", sa.Column("version", sa.BigInteger(), server_default="1", nullable=False))
    op.create_index(op.f("ix_products_category"), "products", ["category"], unique=False)
