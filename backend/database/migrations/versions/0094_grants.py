"""People's offline grants end when they are signed out everywhere: how often that was.

Revision: 0094
Follows: 0093
"""

import sqlalchemy as sa
from alembic import op

revision = "0094"
down_revision = "0093"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the number, which is 0 for everybody."""
    sign_outs = sa.Column(
        "sign_outs",
        sa.Integer(),
        nullable=False,
        server_default="0",
        comment="how often the person was signed out everywhere; each time ends their offline grants",
    )
    op.add_column("users", sign_outs)
