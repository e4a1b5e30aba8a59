"""Terminals.

Revision: 0010
Follows: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of terminals and their enrolment codes."""
    op.create_table(
        "terminals",
        sa.Column("store_id", sa.String(length=32), nullable=False),
        sa.Column("terminal_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=True, comment="SHA-256"),
        sa.Column("code_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("key_id", sa.String(length=32), nullable=True),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("fk_terminals_store_id")),
        sa.PrimaryKeyConstraint("store_id", "terminal_id", name=op.f("pk_terminals")),
    )
    op.create_index(op.f("ix_terminals_code_hash"), "terminals", ["code_hash"], unique=False)
