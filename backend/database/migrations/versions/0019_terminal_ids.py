"""Ids of terminals that nobody enrolled.

Revision: 0019
Follows: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of the ids that the server gave, none of which is ever given again."""
    op.create_table(
        "terminal_ids",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("store_id", sa.String(length=32), nullable=False),
        sa.Column("user_name", sa.String(length=64), nullable=False, comment="who signed in first"),
        sa.Column("allotted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_terminal_ids")),
    )
