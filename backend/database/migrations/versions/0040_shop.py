"""What is said of the whole shop: its name, its currency and its time zone.

Revision: 0040
Follows: 0031
"""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table. A shop that is there already has no row in it: nobody was asked for its currency."""
    op.create_table(
        "shop",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False, comment="ISO 4217"),
        sa.Column("time_zone", sa.String(64), nullable=False, comment="of the IANA database"),
        sa.Column("founded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.CheckConstraint("number = 1", name="one"),
    )
