"""Alerts know whether what a row lacks is on its way.

Revision: 0080
Follows: 0071
"""

import sqlalchemy as sa
from alembic import op

revision = "0080"
down_revision = "0071"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; what was told before did not say so."""
    op.add_column(
        "alerts",
        sa.Column(
            "on_its_way", sa.Boolean(), nullable=False, server_default=sa.false(), comment="what it lacks is incoming"
        ),
    )
