"""Sales remember when their terminal made them.

Revision: 0060
Follows: 0050
"""

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0050"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, empty for sales that were told as they were made, and the index by which counts find the rest."""
    op.add_column(
        "sales",
        sa.Column(
            "made_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="as its terminal says; null: when it was recorded",
        ),
    )
    op.create_index(
        "ix_sales_made_at",
        "sales",
        ["store_id", "sold_at"],
        postgresql_where=sa.text("made_at IS NOT NULL"),
        sqlite_where=sa.text("made_at IS NOT NULL"),
    )
