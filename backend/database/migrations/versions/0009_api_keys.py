"""API keys.

Revision: 0009
Follows: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of the keys of machines."""
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False, comment="SHA-256"),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False, comment="words"),
        sa.Column("stores", sa.Text(), nullable=False, comment="words; * for all"),
        sa.Column(
            "terminal_id", sa.String(length=64), server_default="", nullable=False, comment="of a terminal's own key"
        ),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True, comment="to about a minute"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
    )
