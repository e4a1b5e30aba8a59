"""The numbers of the acts that terminals send: each once, and what is missing can be counted.

Revision: 0093
Follows: 0082
"""

import sqlalchemy as sa
from alembic import op

revision = "0093"
down_revision = "0092"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables. Servers of the release before do not read the header that fills them."""
    op.create_table(
        "terminal_acts",
        sa.Column("journal", sa.String(16), nullable=False, comment="names the terminal's file"),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("store_id", sa.String(32), nullable=False, comment="where its sender was signed in"),
        sa.Column("command_id", sa.Uuid(), nullable=False, comment="of the act's last command"),
        sa.Column("actor", sa.String(64), nullable=False, comment="who did it, as the terminal says"),
        sa.Column("told_by", sa.String(64), nullable=False, comment="who was signed in when it was sent"),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("journal", "sequence", "store_id"),
    )
    op.create_index("ix_terminal_acts_told_at", "terminal_acts", ["told_at"])
    op.create_table(
        "terminal_journals",
        sa.Column("store_id", sa.String(32), nullable=False),
        sa.Column("terminal_id", sa.String(64), nullable=False),
        sa.Column("journal", sa.String(16), nullable=False),
        sa.Column("last_sequence", sa.BigInteger(), nullable=False),
        sa.Column("acts", sa.BigInteger(), nullable=False, comment="how many numbers were told"),
        sa.Column("by_others", sa.BigInteger(), nullable=False, comment="told by somebody else than who did them"),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "terminal_id", "journal"),
    )
    op.create_index("ix_terminal_journals_journal", "terminal_journals", ["journal"])
