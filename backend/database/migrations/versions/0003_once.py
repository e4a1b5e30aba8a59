"""First answers.

Revision: 0003
Follows: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of what requests outside the ledger answered first."""
    op.create_table(
        "once",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False, comment="BLAKE2b of caller and Idempotency-Key"),
        sa.Column("fingerprint", sa.String(length=32), nullable=False, comment="BLAKE2b of what the request said"),
        sa.Column("answer", sa.Text(), nullable=False, comment="JSON, sealed with the Idempotency-Key"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_once")),
    )
