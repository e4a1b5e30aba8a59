"""The commands of a store in the order of time.

Revision: 0004
Follows: 0003
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the index behind the list of all acts."""
    op.create_index("ix_commands_store_id_at_id", "commands", ["store_id", "at", "id"], unique=False)
