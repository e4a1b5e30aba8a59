"""Which releases may run on this schema.

Revision: 0012
Follows: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; `backend.database.engine.migrate` fills it."""
    op.create_table(
        "schema_readers",
        sa.Column(
            "revision",
            sa.String(length=32),
            nullable=False,
            comment="the newest migration that a release knows, which may run on this schema",
        ),
        sa.PrimaryKeyConstraint("revision", name=op.f("pk_schema_readers")),
    )
