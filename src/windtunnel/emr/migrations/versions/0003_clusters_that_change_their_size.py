"""Clusters that change their size: instance fleets, scaling policies, nodes that are decommissioned."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_OF_ITS_GROUP = "UPDATE instances SET {0} = (SELECT {0} FROM instance_groups WHERE id = instances.group_id)"


def upgrade() -> None:
    """Forward."""
    op.add_column("clusters", _policy("managed_scaling"))
    for name in ("fleet", "auto_scaling", "shrink_policy"):
        op.add_column("instance_groups", _policy(name))
    for name in ("failures", "configurations_version", "applied_version"):
        op.add_column("instance_groups", _number(name, 0))
    op.add_column("instance_groups", _policy("applied_configurations"))
    op.execute("UPDATE instance_groups SET applied_configurations = configurations")
    op.add_column("instance_groups", sa.Column("scaled_at", sa.Double(), nullable=True))
    for name in ("instance_type", "market"):
        op.add_column("instances", sa.Column(name, sa.String(), nullable=False, server_default=""))
        op.execute(_OF_ITS_GROUP.format(name))
    op.add_column("instances", _number("weight", 1))
    for name in ("configurations_version", "generation"):
        op.add_column("instances", _number(name, 0))
    for name in ("leaving_since", "leave_by"):
        op.add_column("instances", sa.Column(name, sa.Double(), nullable=True))


def _policy(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.JSON(), nullable=False, server_default="{}")


def _number(name: str, default: int) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=False, server_default=str(default))
