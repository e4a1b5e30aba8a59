"""Webhooks.

Revision: 0013
Follows: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of webhooks and of what is owed to them."""
    op.create_table(
        "webhooks",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("store_id", sa.String(length=32), nullable=False, comment="* for all"),
        sa.Column("kinds", sa.String(length=200), nullable=False, comment="words"),
        sa.Column("secret", sa.String(length=64), nullable=False, comment="whsec_ and base64, as its receiver has it"),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("webhook_id", sa.String(length=32), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False, comment="the id that the message had in the outbox"),
        sa.Column("store_id", sa.String(length=32), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False, comment="JSON of backend.events.Message"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "next_at", sa.DateTime(timezone=True), nullable=True, comment="when to try; without it: a dead letter"
        ),
        sa.Column("last_error", sa.String(length=200), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.id"], name=op.f("fk_webhook_deliveries_webhook_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("webhook_id", "event_id", "store_id", name=op.f("pk_webhook_deliveries")),
    )
    for name, columns, condition in (
        ("ix_webhook_deliveries_due", ["webhook_id", "next_at"], sa.text("next_at IS NOT NULL")),
        ("ix_webhook_deliveries_dead", ["webhook_id", "event_id"], sa.text("next_at IS NULL")),
    ):
        op.create_index(
            name,
            "webhook_deliveries",
            columns,
            unique=False,
            postgresql_where=condition,
            sqlite_where=condition,
        )
