"""Sessions know when they were renewed last: the heartbeat of their terminals.

Revision: 0081
Follows: 0080
"""

import sqlalchemy as sa
from alembic import op

revision = "0081"
down_revision = "0080"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, empty until a session is renewed, and the index by which a store's sessions are read."""
    renewed_at = sa.Column(
        "renewed_at",
        sa.DateTime(timezone=True),
        nullable=True,
        comment="when its terminal was last heard of, to some minutes",
    )
    op.add_column("sessions", renewed_at)
    op.create_index("ix_sessions_store_id_expires_at", "sessions", ["store_id", "expires_at"])
