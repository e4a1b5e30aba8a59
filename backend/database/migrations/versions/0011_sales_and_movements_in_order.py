"""The sales and the movements of a store in the order of time.

Revision: 0011
Follows: 0010
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the indexes behind their lists."""
    op.create_index("ix_movements_store_id_at", "movements", ["store_id", "at"], unique=False)
    op.create_index("ix_sales_store_id_sold_at", "sales", ["store_id", "sold_at"], unique=False)
