"""The reconfiguration of a running group's nodes: one after the other, each only when those before it are up again."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence

from windtunnel.emr import reconfiguring
from windtunnel.emr.schema import Instance, InstanceGroup
from windtunnel.emr.store import Store
from windtunnel.hadoop import cluster as hadoop
from windtunnel.hadoop.cluster import ClusterStatus, MasterStatus

UP_SECONDS = 120
"""How long a node's daemons may take to be registered with new configurations before these are taken back."""

log = logging.getLogger(__name__)


class Rolling:
    """The reconfigurations of one cluster."""

    def __init__(self, db: Store, daemons: hadoop.Cluster) -> None:
        self._store = db
        self._daemons = daemons
        self._down_since: dict[str, float] = {}

    def advance(
        self,
        group: InstanceGroup,
        instances: Sequence[Instance],
        workers: Mapping[str, hadoop.Node],
        status: ClusterStatus,
    ) -> None:
        """One step of a group's reconfiguration; `instances` are its running ones."""
        for instance in instances:
            if self._is_behind(group, instance) or self._is_up(group, instance, status):
                self._down_since.pop(instance.ec2_id, None)
            elif self._is_absent(group, instance, status):
                self._restart(group, instance, workers)
                return
            else:
                self._wait_for(group, instance, status)
                return
        behind = [one for one in instances if self._is_behind(group, one)]
        if not behind:
            self._change(group, reconfiguring.applied)
            return
        # What does not run has nothing to lose.
        self._reconfigure(group, min(behind, key=lambda one: self._is_up(group, one, status)))

    def _is_behind(self, group: InstanceGroup, instance: Instance) -> bool:
        return instance.configurations_version != group.configurations_version

    def _is_up(self, group: InstanceGroup, instance: Instance, status: ClusterStatus) -> bool:
        node = status.nodes.get(instance.ec2_id)
        well = node is None or (node.registered and not node.is_gone and not node.is_absent)
        return well and (group.role != "MASTER" or _master_is_up(status.master))

    def _is_absent(self, group: InstanceGroup, instance: Instance, status: ClusterStatus) -> bool:
        node = status.nodes.get(instance.ec2_id)
        return (node is not None and node.is_absent) or (group.role == "MASTER" and status.master.is_absent)

    def _restart(self, group: InstanceGroup, instance: Instance, workers: Mapping[str, hadoop.Node]) -> None:
        if group.role == "MASTER":
            self._daemons.restart_master()
        if instance.ec2_id in workers:
            self._daemons.restart_worker(workers[instance.ec2_id])

    def _wait_for(self, group: InstanceGroup, instance: Instance, status: ClusterStatus) -> None:
        since = self._down_since.setdefault(instance.ec2_id, time.monotonic())
        node = status.nodes.get(instance.ec2_id)
        gone = (node is not None and node.is_gone) or (group.role == "MASTER" and status.master.is_gone)
        if not gone and time.monotonic() - since < UP_SECONDS:
            return
        why = f"the daemons of {instance.ec2_id} {'ended' if gone else 'did not come up'} with the new configurations"
        log.warning("%s: %s", group.id, why)
        self._down_since.pop(instance.ec2_id)
        with self._store.transaction() as session:
            fresh = session.get(InstanceGroup, group.number)
            if fresh is not None and fresh.configurations_version == group.configurations_version:
                reconfiguring.go_back(session, fresh, why)

    def _reconfigure(self, group: InstanceGroup, instance: Instance) -> None:
        """Store what the node is to run with; where its daemons must start anew, they are then found absent."""
        quietly = group.role == "MASTER" and reconfiguring.is_seen_by_steps_only(group)
        if quietly:
            self._daemons.configure_master()
        with self._store.transaction() as session:
            fresh = session.get(Instance, instance.number)
            if fresh is not None and fresh.state is instance.state:
                fresh.configurations_version = group.configurations_version
                fresh.generation += 0 if quietly else 1

    def _change(self, group: InstanceGroup, change: Callable[[InstanceGroup], None]) -> None:
        with self._store.transaction() as session:
            fresh = session.get(InstanceGroup, group.number)
            if fresh is not None and fresh.configurations_version == group.configurations_version:
                change(fresh)


def _master_is_up(master: MasterStatus) -> bool:
    return not master.is_absent and not master.is_gone and master.safe_mode is False
