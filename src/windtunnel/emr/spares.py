"""The spare: a cluster that is started when one has ended, for the next RunJobFlow that asks for the same.

It is in the store like any other, but of no account, so that no request sees it; the reconciler starts it, looks after
it and ends it like any other. The cluster that inherits it has its ids, its ports and so its processes, begins in
STARTING and goes its usual way: only that all its daemons are found running.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from windtunnel.aws.context import RequestContext
from windtunnel.emr import store
from windtunnel.emr.schema import Cluster, Instance, InstanceGroup
from windtunnel.emr.states import LIVE_INSTANCE_STATES, ClusterState

NAME = "kept warm for the next cluster"
FOR_NOBODY = RequestContext(store.NOBODY, store.NOBODY, "", "")
"""Who asks for a spare."""


def is_spare(cluster: Cluster) -> bool:
    """Whether the cluster waits for an heir."""
    return cluster.account == store.NOBODY


def request_like(cluster: Cluster, groups: Sequence[InstanceGroup], seconds: int) -> Mapping[str, Any] | None:
    """A RunJobFlow for a spare like this cluster, which ends when it was idle for so long.

    None after a cluster that did not end well, or whose like can't be started before somebody asks for it.
    """
    ended_well = cluster.state is ClusterState.TERMINATED and cluster.ready_at is not None
    if not ended_well or not _is_plain(cluster, groups):
        return None
    wanted = [
        {
            "InstanceRole": group.role,
            "InstanceType": group.instance_type,
            "InstanceCount": group.requested,
            "Configurations": group.configurations,
        }
        for group in groups
    ]
    return {
        "Name": NAME,
        "ReleaseLabel": cluster.release_label,
        "Configurations": cluster.configurations,
        "Instances": {"InstanceGroups": wanted, "KeepJobFlowAliveWhenNoSteps": True},
        "AutoTerminationPolicy": {"IdleTimeout": seconds},
    }


def fits(session: Session, spare: Cluster, cluster: Cluster, groups: Sequence[InstanceGroup]) -> bool:
    """Whether the spare's daemons were started with what a new cluster's are to be started with."""
    of_spare = store.instance_groups(session, spare.id)
    return _is_plain(cluster, groups) and _shape(spare, of_spare) == _shape(cluster, groups)


def inherit(
    session: Session, spare: Cluster, cluster: Cluster, groups: Sequence[InstanceGroup]
) -> list[Instance]:
    """Give a spare's ids and ports to a new cluster and its groups, none of which is in the store yet.

    The spare is removed from the store; what comes back are its instances, which the new cluster is to have.
    """
    of_spare = store.instance_groups(session, spare.id)
    instances = [one for one in store.instances(session, spare.id) if one.state in LIVE_INSTANCE_STATES]
    store.remove_cluster(session, spare.id)
    cluster.id, cluster.ports = spare.id, spare.ports
    for old, new in zip(of_spare, groups, strict=True):
        new.id, new.cluster_id = old.id, spare.id
    return instances


def _is_plain(cluster: Cluster, groups: Sequence[InstanceGroup]) -> bool:
    """Bootstrap actions come before all daemons; a fleet may take other types each time."""
    return not cluster.bootstrap_actions and not any(group.fleet for group in groups)


def _shape(cluster: Cluster, groups: Sequence[InstanceGroup]) -> tuple[object, ...]:
    of_groups = [(one.role, one.instance_type, one.requested, one.configurations) for one in groups]
    return cluster.release_label, cluster.configurations, of_groups
