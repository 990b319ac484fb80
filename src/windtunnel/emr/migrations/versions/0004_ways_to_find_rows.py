"""Indexes for what is asked often, so that a full store answers as fast as an empty one.

SQLite's indexes end with the primary key, so rows found by these come in the order of creation.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.create_index("clusters_by_account_and_region", "clusters", ["account", "region"])
    op.create_index("clusters_by_end", "clusters", ["ended_at"])
    op.create_index("instances_by_state", "instances", ["state"])
    op.create_index("steps_by_cluster", "steps", ["cluster_id"])
