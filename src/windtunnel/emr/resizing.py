"""How the instances of a group or fleet come to be as many as are asked for.

What is asked for is stored (`requested`, a fleet's targets); `todos` compares it with the instances that there are,
`settle` stores what follows. `nodes` starts and stops their processes.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from windtunnel.emr import ids, store
from windtunnel.emr.capacity import demands, weight_of_new
from windtunnel.emr.cluster_ports import ports_of_node
from windtunnel.emr.config import EmrConfig
from windtunnel.emr.errors import invalid_request
from windtunnel.emr.reconfiguring import is_under_way
from windtunnel.emr.schema import Cluster, Instance, InstanceGroup
from windtunnel.emr.states import (
    LIVE_INSTANCE_STATES,
    UP_CLUSTER_STATES,
    ClusterState,
    InstanceGroupState,
    InstanceState,
)
from windtunnel.emr.transitions import add_new, change_state

MOST_FAILURES = 10
"""Instances of one group that may fail before no more are started in their place."""
DECOMMISSION_SECONDS = 3600
"""What YARN's containers get to end on a node that is to go, unless a ShrinkPolicy says otherwise."""
MODIFIABLE = frozenset(
    {
        InstanceGroupState.RUNNING,
        InstanceGroupState.RESIZING,
        InstanceGroupState.RECONFIGURING,
        InstanceGroupState.SUSPENDED,
    }
)


@dataclass(frozen=True)
class Todo:
    """What a group lacks: instances to add, by market, and to take away; the state that it then has."""

    add: Sequence[str]
    remove: Sequence[Instance]
    state: InstanceGroupState
    message: str

    def changes(self, group: InstanceGroup) -> bool:
        """Whether there is anything to store."""
        same = self.state is group.state and self.message == group.reason_message
        return bool(self.add or self.remove or not same)


def check_resizable(group: InstanceGroup) -> None:
    """Raises InvalidRequestException for a group or fleet that can't change its size, or not now."""
    if group.role == "MASTER":
        raise invalid_request(f"{group.id} has the master node, which can't be resized.")
    check_modifiable(group)


def check_modifiable(group: InstanceGroup) -> None:
    """Raises InvalidRequestException for a group or fleet that can't be changed now."""
    if group.state not in MODIFIABLE:
        raise invalid_request(
            f"An instance group may only be modified when the job flow is running or waiting: {group.id} is "
            f"{group.state}."
        )


def begin(session: Session, group: InstanceGroup) -> None:
    """A group was modified: it is RESIZING until it has what is asked for, and what failed before is forgiven."""
    group.failures = 0
    if group.state is not InstanceGroupState.RESIZING:
        change_state(session, group, InstanceGroupState.RESIZING)


def let_go(group: InstanceGroup, instance: Instance) -> None:
    """Choose an instance to be decommissioned and taken away; one that was chosen stays so."""
    if instance.leaving_since is not None:
        return
    resize = group.shrink_policy.get("InstanceResizePolicy") or {}
    seconds = group.shrink_policy.get("DecommissionTimeout", DECOMMISSION_SECONDS)
    if instance.ec2_id in (resize.get("InstancesToTerminate") or []):
        seconds = resize.get("InstanceTerminationTimeout", seconds)
    instance.leaving_since = time.time()
    instance.leave_by = instance.leaving_since + seconds


def todos(
    cluster: Cluster, groups: Sequence[InstanceGroup], live: Sequence[Instance], most: int
) -> Iterator[tuple[InstanceGroup, Todo]]:
    """What each group lacks, in the order of the groups; `most` nodes may this machine run for the cluster."""
    room = most - len(live)
    for group in groups:
        if group.state is InstanceGroupState.TERMINATED:
            continue
        instances = [one for one in live if one.group_id == group.id]
        todo = _todo(cluster, group, instances, room, most)
        room -= len(todo.add)
        yield group, todo


def settle(session: Session, cluster: Cluster, config: EmrConfig) -> None:
    """Stores the instances that a cluster's groups lack, those that are to go, and the groups' states."""
    live = [one for one in store.instances(session, cluster.id) if one.state in LIVE_INSTANCE_STATES]
    for group, todo in todos(cluster, store.instance_groups(session, cluster.id), live, config.max_nodes):
        for instance in todo.remove:
            let_go(group, instance)
        for market in todo.add:
            add_instance(session, group, market, ports_of_node(session, cluster, config.web_ports))
        if todo.state is not group.state:
            change_state(session, group, todo.state, message=todo.message)
        group.reason_message = todo.message


def _todo(
    cluster: Cluster, group: InstanceGroup, instances: Sequence[Instance], room: int, most: int
) -> Todo:
    staying = [one for one in instances if one.leaving_since is None]
    lacking, surplus = _difference(group, staying)
    failed = group.failures >= MOST_FAILURES
    # A group that could not be reconfigured stays SUSPENDED too, until it is modified.
    suspended = failed or group.state is InstanceGroupState.SUSPENDED
    add = [] if suspended else lacking[: max(0, room)]
    message = group.taken_back
    if failed:
        message = f"{group.failures} of its instances have failed: no more are started."
    elif not suspended and len(lacking) > len(add):
        message = (
            f"{len(staying) + len(add)} of the {group.requested} requested instances run: this machine gives a "
            f"cluster at most {most} nodes (WINDTUNNEL_EMR_MAX_NODES)."
        )
    settled = not add and not surplus and len(staying) == len(instances) and _are_running(staying)
    settled = settled and not is_under_way(group)
    return Todo(add, surplus, _state(cluster, group, suspended=suspended, settled=settled), message)


def _state(cluster: Cluster, group: InstanceGroup, *, suspended: bool, settled: bool) -> InstanceGroupState:
    if group.state is InstanceGroupState.PROVISIONING:
        starting = cluster.state is ClusterState.STARTING
        return InstanceGroupState.PROVISIONING if starting else InstanceGroupState.BOOTSTRAPPING
    if suspended:
        return InstanceGroupState.SUSPENDED
    # The groups of a cluster that starts become RUNNING with it.
    if settled and cluster.state in UP_CLUSTER_STATES:
        return InstanceGroupState.RUNNING
    return group.state


def _difference(group: InstanceGroup, staying: Sequence[Instance]) -> tuple[list[str], list[Instance]]:
    """The markets of the instances that are lacking, and the instances that are too many."""
    lacking: list[str] = []
    surplus: list[Instance] = []
    for market, units, weight in demands(group):
        of_market = [one for one in staying if one.market == market]
        have = sum(one.weight for one in of_market)
        while have < units:
            lacking.append(market)
            have += weight
        for instance in _first_to_go(group, of_market):
            if have - instance.weight >= units:
                surplus.append(instance)
                have -= instance.weight
    return lacking, surplus


def _first_to_go(group: InstanceGroup, instances: Sequence[Instance]) -> list[Instance]:
    """Whom the ShrinkPolicy names, then those that do not run yet, then the newest; never whom it protects."""
    resize = group.shrink_policy.get("InstanceResizePolicy") or {}
    named, protected = resize.get("InstancesToTerminate") or [], resize.get("InstancesToProtect") or []

    def rank(instance: Instance) -> tuple[bool, bool, int]:
        running = instance.state is InstanceState.RUNNING
        return instance.ec2_id not in named, running, -instance.number

    return sorted((one for one in instances if one.ec2_id not in protected), key=rank)


def _are_running(instances: Sequence[Instance]) -> bool:
    return all(instance.state is InstanceState.RUNNING for instance in instances)


def add_instance(
    session: Session,
    group: InstanceGroup,
    market: str,
    ports: dict[str, int],
    like: Instance | None = None,
) -> None:
    """Store a new instance of a group: one with the ids of `like`, whose processes run, or ids of its own."""
    instance = Instance(
        id=like.id if like else ids.instance_id(),
        ec2_id=like.ec2_id if like else ids.ec2_instance_id(),
        cluster_id=group.cluster_id,
        group_id=group.id,
        instance_type=group.instance_type,
        market=market,
        weight=weight_of_new(group),
        configurations_version=group.configurations_version,
        created_at=time.time(),
        ports=ports,
    )
    add_new(session, instance)
    change_state(session, instance, InstanceState.BOOTSTRAPPING)
