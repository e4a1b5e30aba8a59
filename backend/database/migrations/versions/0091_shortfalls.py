"""Lines of sales tell how many of their units were not there when the sale was recorded.

Revision: 0091
Follows: 0090
"""

import sqlalchemy as sa
from alembic import op

revision = "0091"
down_revision = "0090"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; of every sale so far all units were there."""
    op.add_column(
        "sale_lines",
        sa.Column(
            "short",
            sa.BigInteger(),
            nullable=False,
            server_default="0",
            comment="units that no movement took: shortfalls",
        ),
    )
