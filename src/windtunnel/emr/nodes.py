"""The nodes of one cluster: bootstrapped, started, watched, replaced, decommissioned."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from windtunnel.emr import failure, store
from windtunnel.emr.bootstrap import BootstrapActions, BootstrapFailure
from windtunnel.emr.reconfiguring import is_under_way
from windtunnel.emr.resizing import settle, todos
from windtunnel.emr.rolling import Rolling
from windtunnel.emr.runtime import Runtime
from windtunnel.emr.schema import Cluster, Instance, InstanceGroup
from windtunnel.emr.states import LIVE_INSTANCE_STATES, OPEN_CLUSTER_STATES, ClusterState, InstanceState
from windtunnel.emr.store import Store
from windtunnel.emr.transitions import change_state
from windtunnel.hadoop import cluster as hadoop
from windtunnel.hadoop.cluster import ClusterStatus, MasterStatus, NodeStatus
from windtunnel.hadoop.processes import ProcessState

MOST_FAILED_STARTS = 3
"""Nodes of one group that may fail while the cluster starts: the next ones would fail like them."""

TAKEN_AWAY = "The instance was decommissioned as its instance group was resized"  # ~: EMR's words are unknown

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class View:
    """What is stored of a cluster, read in one transaction: the instances are the live ones."""

    cluster: Cluster
    groups: Sequence[InstanceGroup]
    instances: Sequence[Instance]

    @classmethod
    def read(cls, db: Store, cluster_id: str) -> "View | None":
        """The cluster as it is stored now; None for a spare that is no more."""
        with db.reading() as session:
            cluster = store.find_cluster(session, cluster_id)
            if cluster is None:
                return None
            live = [one for one in store.instances(session, cluster_id) if one.state in LIVE_INSTANCE_STATES]
            return cls(cluster, store.instance_groups(session, cluster_id), live)

    @property
    def is_settled(self) -> bool:
        """Whether no node is on its way, in or out, or to other configurations."""
        if any(is_under_way(group) for group in self.groups):
            return False
        return all(one.state is InstanceState.RUNNING and one.leaving_since is None for one in self.instances)

    def group_of(self, instance: Instance) -> InstanceGroup:
        """Every instance has one."""
        return next(group for group in self.groups if group.id == instance.group_id)

    def is_master(self, instance: Instance) -> bool:
        """Whether NameNode and ResourceManager run there."""
        return self.group_of(instance).role == "MASTER"

    def is_worker(self, instance: Instance) -> bool:
        """Whether a DataNode and a NodeManager run there: on a single node, beside the master's daemons."""
        return not self.is_master(instance) or len(self.groups) == 1


@dataclass(frozen=True)
class Trouble:
    """Why a cluster can't go on: a StateChangeReason, and the API's ErrorDetails where EMR has some."""

    code: str
    message: str
    details: Sequence[dict[str, Any]] = ()


class Nodes:
    """The nodes of one cluster and their daemons."""

    def __init__(self, db: Store, runtime: Runtime, cluster: Cluster, daemons: hadoop.Cluster) -> None:
        self._store = db
        self._runtime = runtime
        self._daemons = daemons
        self._actions = BootstrapActions(runtime, cluster, daemons)
        self._rolling = Rolling(db, daemons)
        self.run_bootstrap_actions = False
        """Whether some node was last seen to be at its bootstrap actions."""
        self.status: Mapping[str, NodeStatus] = {}
        """How the workers were last seen, by EC2 id."""

    def advance(self, view: View) -> Trouble | None:
        """Start what is to start, see what has come up or died; why the cluster can't go on, if it can't."""
        started: list[Instance] = []
        self.run_bootstrap_actions = False
        for instance in view.instances:
            if instance.state is InstanceState.BOOTSTRAPPING:
                if instance.leaving_since is not None:
                    self._take_away(view, instance)
                    continue
                progress = self._actions.advance(instance, view.groups, view.instances)
                if isinstance(progress, BootstrapFailure):
                    trouble = self._bootstrap_failed(view, instance, progress)
                    if trouble:
                        return trouble
                    continue
                if progress is None:
                    self.run_bootstrap_actions = True
                    continue
                self._start(view, instance)
            started.append(instance)
        if not started:
            return None
        return self._look_after(view, started)

    def settle(self, view: View) -> bool:
        """Have each group get the instances that it lacks, and let go those that are too many; whether any was."""
        config = self._runtime.config
        every = todos(view.cluster, view.groups, view.instances, config.max_nodes)
        if not any(todo.changes(group) for group, todo in every):
            return False
        with self._store.transaction() as session:
            cluster = store.find_cluster(session, view.cluster.id)
            if cluster is not None and cluster.state in OPEN_CLUSTER_STATES:
                settle(session, cluster, config)
        return True

    def worker(self, view: View, instance: Instance) -> hadoop.Node:
        """The node of a worker."""
        return self._runtime.worker(view.cluster, view.group_of(instance), instance)

    def _start(self, view: View, instance: Instance) -> None:
        if view.is_master(instance):
            self._daemons.start_master()
        if view.is_worker(instance):
            self._daemons.start_worker(self.worker(view, instance))

    def _look_after(self, view: View, started: Sequence[Instance]) -> Trouble | None:
        workers = {one.ec2_id: self.worker(view, one) for one in started if view.is_worker(one)}
        status = self._daemons.observe(list(workers.values()))
        self.status = status.nodes
        reconfigured = self._reconfigure(view, workers, status)
        for instance in started:
            if instance.group_id in reconfigured:
                continue
            if view.is_master(instance):
                trouble = self._look_after_master(instance, status.master)
                if trouble:
                    return trouble
            node = status.nodes.get(instance.ec2_id)
            if node is not None and instance.leaving_since is not None:
                self._decommission(view, instance, workers, node)
            elif node is not None and node.is_gone:
                trouble = self._lose(view, instance, workers[instance.ec2_id])
                if trouble:
                    return trouble
            elif instance.state is InstanceState.BOOTSTRAPPING and _is_up(view, instance, status):
                self._change(instance, InstanceState.RUNNING)
        return None

    def _reconfigure(self, view: View, workers: Mapping[str, hadoop.Node], status: ClusterStatus) -> set[str]:
        """Go on with the groups that are reconfigured, whose daemons end and start; the ids of these groups."""
        under_way = [group for group in view.groups if is_under_way(group)]
        for group in under_way:
            of_group = [one for one in view.instances if one.group_id == group.id]
            running = [one for one in of_group if one.state is InstanceState.RUNNING]
            self._rolling.advance(group, running, workers, status)
        return {group.id for group in under_way}

    def _look_after_master(self, instance: Instance, master: MasterStatus) -> Trouble | None:
        if not master.is_gone:
            return None
        sentence = f"NameNode and ResourceManager ended{_why(self._runtime.folder(instance.cluster_id).path)}"
        log.error("%s: %s", instance.cluster_id, sentence)
        if instance.state is InstanceState.RUNNING:
            return Trouble("INSTANCE_FAILURE", "The master node was terminated")
        return Trouble("INTERNAL_ERROR", f"The master node did not start: {sentence}")

    def _lose(self, view: View, instance: Instance, node: hadoop.Node) -> Trouble | None:
        """A worker's daemons have died: the node is gone, and another takes its place."""
        dead = "DataNode and NodeManager" if node.stores_data else "NodeManager"
        message = f"The {dead} of the instance ended{_why(node.folder)}"
        log.warning("%s: %s: %s", view.cluster.id, instance.ec2_id, message)
        self._daemons.stop_worker(node)
        return self._fail(view, instance, "INSTANCE_FAILURE", message)

    def _fail(self, view: View, instance: Instance, code: str, message: str) -> Trouble | None:
        """TERMINATED, with another in its place; Trouble where too many of a cluster that starts have failed."""
        with self._store.transaction() as session:
            cluster = store.find_cluster(session, view.cluster.id)
            fresh = session.get(Instance, instance.number)
            group = session.get(InstanceGroup, view.group_of(instance).number)
            if cluster is None or group is None or fresh is None or fresh.state is not instance.state:
                return None
            change_state(session, fresh, InstanceState.TERMINATED, code=code, message=message)
            group.failures += 1
            if cluster.state is ClusterState.BOOTSTRAPPING and group.failures >= MOST_FAILED_STARTS:
                return Trouble("INTERNAL_ERROR", f"{group.failures} worker nodes did not start. {message}")
            if cluster.state in OPEN_CLUSTER_STATES:
                settle(session, cluster, self._runtime.config)
        return None

    def _decommission(
        self, view: View, instance: Instance, workers: Mapping[str, hadoop.Node], status: NodeStatus
    ) -> None:
        """A node that is to go gets no more work and gives its blocks away; then it goes."""
        leaving = [one for one in view.instances if one.leaving_since is not None and one.ec2_id in workers]
        late = instance.leave_by is not None and time.time() > instance.leave_by
        if late or status.is_gone or status.decommissioned:
            self._take_away(view, instance)
        else:
            self._daemons.decommission(workers[instance.ec2_id], [workers[one.ec2_id] for one in leaving])

    def _take_away(self, view: View, instance: Instance) -> None:
        self._daemons.stop_worker(self.worker(view, instance))
        self._change(instance, InstanceState.TERMINATED, message=TAKEN_AWAY)

    def _change(self, instance: Instance, to: InstanceState, message: str = "") -> None:
        with self._store.transaction() as session:
            fresh = session.get(Instance, instance.number)
            if fresh is not None and fresh.state is instance.state:
                change_state(session, fresh, to, message=message)

    def _bootstrap_failed(self, view: View, instance: Instance, failure: BootstrapFailure) -> Trouble | None:
        """The end of a cluster that starts; a cluster that is up goes on without the node."""
        which = "the master instance" if view.is_master(instance) else "the worker instance"
        key = f"{view.cluster.log_uri}{view.cluster.id}/node/{instance.ec2_id}/bootstrap-actions/{failure.number}/"
        where = key if view.cluster.log_uri else str(failure.logs)
        message = f"On {which} ({instance.ec2_id}), bootstrap action {failure.number} {failure.reason}. Logs: {where}"
        if view.cluster.state is ClusterState.BOOTSTRAPPING:
            details = _details(instance, failure, message) if view.is_master(instance) else []
            return Trouble("BOOTSTRAP_FAILURE", message, details)
        return self._fail(view, instance, "BOOTSTRAP_FAILURE", message)


def _details(instance: Instance, failure: BootstrapFailure, message: str) -> list[dict[str, Any]]:
    """https://docs.aws.amazon.com/emr/latest/ManagementGuide/BOOTSTRAP_FAILURE_PRIMARY_WITH_NON_ZERO_CODE.html"""
    if failure.exit_code is None:
        return []
    code = "BOOTSTRAP_FAILURE_PRIMARY_WITH_NON_ZERO_CODE"
    data = {
        "primary-instance-id": instance.ec2_id,
        "bootstrap-action": str(failure.number),
        "return-code": str(failure.exit_code),
        "amazon-s3-path": failure.script,
        "public-doc": f"https://docs.aws.amazon.com/emr/latest/ManagementGuide/{code}.html",
    }
    return [{"ErrorCode": code, "ErrorData": [data], "ErrorMessage": message}]


def _why(node: Path) -> str:
    """What the logs of a node's daemons say of their end, to follow a sentence."""
    logs = node / "applications"
    cause = failure.explain(sorted(logs.glob("*/*.*")), ())
    return f": {cause.message} ({cause.log})" if cause else f": the logs in {logs} say why"


def _is_up(view: View, instance: Instance, status: ClusterStatus) -> bool:
    node = status.nodes.get(instance.ec2_id)
    if node is not None and not node.registered:
        return False
    if not view.is_master(instance):
        return True
    master = status.master
    return master.process is ProcessState.RUNNING and master.safe_mode is False
