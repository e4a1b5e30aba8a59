"""The commands of a store in the order of time.

Revision: 0006
Follows: 0005
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the index behind the list of all acts."""
    op.create_index("ix_commands_store_id_at_id", "commands", ["store_id", "at", "id"], unique=False)
