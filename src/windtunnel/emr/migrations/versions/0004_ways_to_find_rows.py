"""Indexes for what is asked often, so that a full store answers as fast as an empty one.

Lists come in the order of creation, and are looked through for states without reading the rows.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.create_index("clusters_in_order", "clusters", ["account", "region", "number", "state"])
    op.create_index("clusters_by_end", "clusters", ["ended_at"])
    op.create_index("instances_by_state", "instances", ["state"])
    op.create_index("steps_in_order", "steps", ["cluster_id", "number", "state"])
