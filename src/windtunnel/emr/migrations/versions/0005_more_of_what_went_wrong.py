"""Why a group's last reconfiguration was taken back, and a cluster's ErrorDetails."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.add_column("instance_groups", sa.Column("taken_back", sa.String(), nullable=False, server_default=""))
    op.add_column("clusters", sa.Column("error_details", sa.JSON(), nullable=False, server_default="[]"))
