"""Documents, the three balances that no movement changed so far, and commands that span stores under any name.

Revision: 0016
Follows: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table and the columns; let every verb called transfer… be recorded once in each store."""
    op.create_table(
        "documents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("other_store_id", sa.String(32), nullable=False),
        sa.Column("reference", sa.String(200), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("terminal_id", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False, comment="JSON of the struct of its kind"),
        sa.PrimaryKeyConstraint("id", "store_id"),
    )
    for name, store in (("ix_documents_store", "store_id"), ("ix_documents_other_store", "other_store_id")):
        op.create_index(name, "documents", [store, "kind", "status", "updated_at"])
    op.create_index("ix_documents_reference", "documents", ["store_id", "kind", "reference"])
    for balance in ("unavailable", "allocated", "incoming"):
        column = sa.Column(f"{balance}_change", sa.BigInteger(), nullable=False, server_default="0")
        op.add_column("movements", column)
    condition = sa.text("kind NOT LIKE 'transfer%'")
    op.drop_index("uq_commands_id", "commands")
    op.create_index(
        "uq_commands_id", "commands", ["id"], unique=True, postgresql_where=condition, sqlite_where=condition
    )
