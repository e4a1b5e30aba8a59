"""Movements by month on PostgreSQL, and what an archived month leaves behind.

Revision: 0007
Follows: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# What was written so far becomes the first partition, as it is: no row is moved, and no index is built anew.
_PARTITIONED = (
    "ALTER TABLE movements RENAME TO movements_first",
    "ALTER TABLE movements_first RENAME CONSTRAINT pk_movements TO pk_movements_first",
    "CREATE TABLE movements (LIKE movements_first) PARTITION BY RANGE (at)",
    "CREATE TABLE movements_default PARTITION OF movements DEFAULT",
    "ALTER TABLE movements_default ADD CONSTRAINT pk_movements_default PRIMARY KEY (store_id, product_id, version)",
    """DO $$ BEGIN EXECUTE format(
        'ALTER TABLE movements ATTACH PARTITION movements_first FOR VALUES FROM (MINVALUE) TO (%L)',
        (date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC');
    END $$""",
)


def upgrade() -> None:
    """Part the movements, and add the tables of openings and archives."""
    if op.get_bind().dialect.name == "postgresql":
        for statement in _PARTITIONED:
            op.execute(statement)
    op.create_table(
        "openings",
        sa.Column("store_id", sa.String(length=32), nullable=False),
        sa.Column("product_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("on_hand", sa.BigInteger(), nullable=False),
        sa.Column("unavailable", sa.BigInteger(), nullable=False),
        sa.Column("allocated", sa.BigInteger(), nullable=False),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.Column("incoming", sa.BigInteger(), nullable=False),
        sa.Column(
            "sold", sa.BigInteger(), nullable=False, comment="units that the archived movements of kind sell took"
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "product_id", name=op.f("pk_openings")),
    )
    op.create_table(
        "archives",
        sa.Column(
            "until",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="all movements before this moment, of all stores",
        ),
        sa.Column("file_name", sa.String(length=100), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("movements", sa.BigInteger(), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("until", name=op.f("pk_archives")),
    )
