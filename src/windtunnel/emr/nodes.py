"""The nodes of one cluster: filled up to what was asked for, bootstrapped, started, watched and replaced."""

import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from windtunnel.emr import failure, ids, store
from windtunnel.emr.bootstrap import BootstrapActions, BootstrapFailure
from windtunnel.emr.runtime import Runtime
from windtunnel.emr.schema import Cluster, Instance, InstanceGroup
from windtunnel.emr.states import LIVE_INSTANCE_STATES, OPEN_CLUSTER_STATES, ClusterState, InstanceState
from windtunnel.emr.store import Store
from windtunnel.emr.transitions import change_state, record_creation
from windtunnel.hadoop import cluster as hadoop
from windtunnel.hadoop.cluster import ClusterStatus, MasterStatus, NodeStatus
from windtunnel.hadoop.processes import ProcessState

GONE = (ProcessState.EXITED, ProcessState.LOST)
MOST_REPLACEMENTS = 10
"""Nodes of one group that may fail before no more are started in their place."""
MOST_FAILED_STARTS = 3
"""The same while the cluster starts, and why it then can't: the next ones would fail like them."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class View:
    """What is stored of a cluster, read in one transaction: the instances are the live ones."""

    cluster: Cluster
    groups: Sequence[InstanceGroup]
    instances: Sequence[Instance]

    @classmethod
    def read(cls, db: Store, cluster_id: str) -> "View":
        """The cluster as it is stored now."""
        with db.reading() as session:
            cluster = store.find_cluster(session, cluster_id)
            assert cluster is not None  # noqa: S101 - clusters are never removed
            live = [one for one in store.instances(session, cluster_id) if one.state in LIVE_INSTANCE_STATES]
            return cls(cluster, store.instance_groups(session, cluster_id), live)

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
    """Why a cluster can't go on: a StateChangeReason."""

    code: str
    message: str


def allotments(groups: Sequence[InstanceGroup], most: int) -> dict[str, int]:
    """How many instances of each group this machine runs, by group id, in the order of the groups."""
    room, allotted = most, {}
    for group in groups:
        allotted[group.id] = min(group.requested, room)
        room -= allotted[group.id]
    return allotted


def fill(session: Session, cluster: Cluster, most: int) -> None:
    """Adds the instances that a cluster's groups lack, and says where this machine gives fewer than asked."""
    groups = store.instance_groups(session, cluster.id)
    for group_id, wanted in allotments(groups, most).items():
        group = next(group for group in groups if group.id == group_id)
        if wanted < group.requested:
            group.reason_message = (
                f"{wanted} of the {group.requested} requested instances run: this machine gives a cluster at "
                f"most {most} nodes (WINDTUNNEL_EMR_MAX_NODES)."
            )
        for _ in range(wanted - _count(session, group_id, LIVE_INSTANCE_STATES)):
            if _count(session, group_id, frozenset({InstanceState.TERMINATED})) >= MOST_REPLACEMENTS:
                group.reason_message = (
                    f"{MOST_REPLACEMENTS} of its instances have failed: no more are started."
                )
                break
            _add(session, cluster, group)


def _count(session: Session, group_id: str, states: frozenset[InstanceState]) -> int:
    rows = select(func.count()).where(Instance.group_id == group_id, Instance.state.in_(states))
    return session.scalar(rows) or 0


def _add(session: Session, cluster: Cluster, group: InstanceGroup) -> None:
    instance = Instance(
        id=ids.instance_id(),
        ec2_id=ids.ec2_instance_id(),
        cluster_id=cluster.id,
        group_id=group.id,
        created_at=time.time(),
        ports=asdict(hadoop.NodePorts.allocate(store.given_ports(session))),
    )
    session.add(instance)
    session.flush()
    record_creation(session, instance)
    change_state(session, instance, InstanceState.BOOTSTRAPPING)


class Nodes:
    """The nodes of one cluster and their daemons."""

    def __init__(self, db: Store, runtime: Runtime, cluster: Cluster, daemons: hadoop.Cluster) -> None:
        self._store = db
        self._runtime = runtime
        self._daemons = daemons
        self._actions = BootstrapActions(runtime, cluster, daemons)
        self.run_bootstrap_actions = False
        """Whether some node was last seen to be at its bootstrap actions."""

    def advance(self, view: View) -> Trouble | None:
        """Start what is to start, see what has come up or died; why the cluster can't go on, if it can't."""
        started: list[Instance] = []
        self.run_bootstrap_actions = False
        for instance in view.instances:
            if instance.state is InstanceState.BOOTSTRAPPING:
                progress = self._actions.advance(instance, view.group_of(instance), len(view.instances))
                if isinstance(progress, BootstrapFailure):
                    return self._bootstrap_failed(view, instance, progress)
                if progress is None:
                    self.run_bootstrap_actions = True
                    continue
                self._start(view, instance)
            started.append(instance)
        if not started:
            return None
        return self._look_after(view, started)

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
        for instance in started:
            if view.is_master(instance):
                trouble = self._look_after_master(instance, status.master)
                if trouble:
                    return trouble
            node = status.nodes.get(instance.ec2_id)
            if node is not None and (node.data_node in GONE or node.node_manager in GONE):
                trouble = self._lose(view, instance, workers[instance.ec2_id], node)
                if trouble:
                    return trouble
            elif instance.state is InstanceState.BOOTSTRAPPING and _is_up(view, instance, status):
                self._change(instance, InstanceState.RUNNING)
        return None

    def _look_after_master(self, instance: Instance, master: MasterStatus) -> Trouble | None:
        daemons = {"NameNode": master.name_node, "ResourceManager": master.resource_manager}
        dead = [name for name, state in daemons.items() if state in GONE]
        if not dead:
            return None
        sentence = f"{' and '.join(dead)} ended{_why(self._runtime.folder(instance.cluster_id).path)}"
        log.error("%s: %s", instance.cluster_id, sentence)
        if instance.state is InstanceState.RUNNING:
            return Trouble("INSTANCE_FAILURE", "The master node was terminated")
        return Trouble("INTERNAL_ERROR", f"The master node did not start: {sentence}")

    def _lose(self, view: View, instance: Instance, node: hadoop.Node, status: NodeStatus) -> Trouble | None:
        """A worker's daemon has died: the node is gone, and another takes its place."""
        dead = "DataNode" if status.data_node in GONE else "NodeManager"
        message = f"The {dead} of the instance ended{_why(node.folder)}"
        log.warning("%s: %s: %s", view.cluster.id, instance.ec2_id, message)
        self._daemons.stop_worker(node)
        with self._store.transaction() as session:
            cluster = store.find_cluster(session, view.cluster.id)
            fresh = session.get(Instance, instance.number)
            if cluster is None or fresh is None or fresh.state is not instance.state:
                return None
            change_state(session, fresh, InstanceState.TERMINATED, code="INSTANCE_FAILURE", message=message)
            if cluster.state is ClusterState.BOOTSTRAPPING:
                failed = _count(session, instance.group_id, frozenset({InstanceState.TERMINATED}))
                if failed >= MOST_FAILED_STARTS:
                    return Trouble("INTERNAL_ERROR", f"{failed} worker nodes did not start. {message}")
            if cluster.state in OPEN_CLUSTER_STATES:
                fill(session, cluster, self._runtime.config.max_nodes)
        return None

    def _change(self, instance: Instance, to: InstanceState) -> None:
        with self._store.transaction() as session:
            fresh = session.get(Instance, instance.number)
            if fresh is not None and fresh.state is instance.state:
                change_state(session, fresh, to)

    def _bootstrap_failed(self, view: View, instance: Instance, failure: BootstrapFailure) -> Trouble:
        which = "the master instance" if view.is_master(instance) else "the worker instance"
        key = f"{view.cluster.log_uri}{view.cluster.id}/node/{instance.ec2_id}/bootstrap-actions/{failure.number}/"
        where = key if view.cluster.log_uri else str(failure.logs)
        return Trouble(
            "BOOTSTRAP_FAILURE",
            f"On {which} ({instance.ec2_id}), bootstrap action {failure.number} {failure.reason}. Logs: {where}",
        )


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
    return master.resource_manager is ProcessState.RUNNING and master.safe_mode is False
