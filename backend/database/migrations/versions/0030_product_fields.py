"""What a product is counted in, whether it is sold, its place in the tree of categories, and its tax.

Revision: 0030
Follows: 0019
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns. What is there is sold, by the piece, without a tax that anybody has named."""
    columns: tuple[sa.Column[Any], ...] = (
        sa.Column(
            "active",
            sa.Boolean(),
            nullable=False,
            server_default=sa.true(),
            comment="what is not is kept, but not found",
        ),
        sa.Column("unit", sa.String(16), nullable=False, server_default="piece", comment="what a quantity counts"),
        sa.Column(
            "category_path", sa.String(500), nullable=False, server_default="", comment="names with / between them"
        ),
        sa.Column("tax_basis_points", sa.Integer(), nullable=False, server_default="0", comment="2100 is 21 %"),
        sa.Column("tax_included", sa.Boolean(), nullable=False, server_default=sa.true(), comment="in the price"),
    )
    for column in columns:
        op.add_column("products", column)
