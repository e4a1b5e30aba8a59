"""One command per id in the whole chain.

Revision: 0015
Follows: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the index that lets one of two stores have an id; a transfer is recorded in both of its stores."""
    condition = sa.text("kind <> 'transfer'")
    op.create_index(
        "uq_commands_id", "commands", ["id"], unique=True, postgresql_where=condition, sqlite_where=condition
    )
