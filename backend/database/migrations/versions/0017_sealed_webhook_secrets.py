"""Secrets of webhooks are sealed.

Revision: 0017
Follows: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column of what is sealed; servers fill it and empty `secret`, because the database has not the key."""
    op.add_column(
        "webhooks",
        sa.Column("sealed", sa.String(length=200), nullable=True, comment="the secret; see webhooks/sealing.py"),
    )
