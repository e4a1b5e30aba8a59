"""The pickups whose hold may end are found without reading all documents.

Revision: 0097
Follows: 0096
"""

import sqlalchemy as sa
from alembic import op

revision = "0097"
down_revision = "0096"
branch_labels = None
depends_on = None

_PICKUP = sa.text("kind = 'pickup'")


def upgrade() -> None:
    """Add the index, which has pickups only."""
    op.create_index("ix_documents_pickups", "documents", ["status"], postgresql_where=_PICKUP, sqlite_where=_PICKUP)
