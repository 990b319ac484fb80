"""Clusters: created, changed and ended, each within the caller's transaction."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from windtunnel.aws.context import RequestContext
from windtunnel.emr import fleets, instance_groups, job_flow, spares, store
from windtunnel.emr.errors import not_modifiable, unknown_cluster, validation_exception
from windtunnel.emr.resizing import add_instance
from windtunnel.emr.schema import Cluster, Instance, InstanceGroup
from windtunnel.emr.states import OPEN_CLUSTER_STATES, ClusterState
from windtunnel.emr.steps import add_steps, cancel_pending
from windtunnel.emr.transitions import add_new, change_state

ERRORS = frozenset(
    {
        "INTERNAL_ERROR",
        "VALIDATION_ERROR",
        "INSTANCE_FAILURE",
        "INSTANCE_FLEET_TIMEOUT",
        "BOOTSTRAP_FAILURE",
        "STEP_FAILURE",
    }
)
"""A cluster that ends for one of these is TERMINATED_WITH_ERRORS."""


def create_cluster(session: Session, request: Mapping[str, Any], context: RequestContext) -> Cluster:
    """A new cluster with its groups and first steps, in STARTING. Raises ValidationException."""
    cluster = job_flow.new_cluster(request, context.region, context.account)
    groups = new_groups(cluster, request["Instances"])
    inherited = _inherited(session, cluster, groups)
    add_new(session, cluster)
    for group in groups:
        add_new(session, group)
    of_id = {group.id: group for group in groups}
    for instance in inherited:
        group = of_id[instance.group_id]
        add_instance(session, group, group.market, instance.ports, like=instance)
    add_steps(session, cluster, request.get("Steps") or [])
    return cluster


def _inherited(session: Session, cluster: Cluster, groups: Sequence[InstanceGroup]) -> list[Instance]:
    """The instances of the spare, where there is one that fits: one that does not makes room."""
    spare = store.find_spare(session)
    if spare is None:
        return []
    if spares.fits(session, spare, cluster, groups):
        return spares.inherit(session, spare, cluster, groups)
    begin_termination(session, spare, "USER_REQUEST", "A cluster of another kind was asked for")
    return []


def new_groups(cluster: Cluster, instances: Mapping[str, Any]) -> list[InstanceGroup]:
    """The rows of the groups or fleets that RunJobFlow's Instances ask for. Raises ValidationException."""
    if not (configs := instances.get("InstanceFleets")):
        return instance_groups.new_instance_groups(cluster, instances)
    if other := instance_groups.WAYS_TO_ASK & set(instances):
        raise validation_exception(f"Give InstanceFleets or {', '.join(sorted(other))}, not both.")
    return fleets.new_instance_fleets(cluster, configs)


def get_cluster(session: Session, cluster_id: str, context: RequestContext) -> Cluster:
    """The cluster of that id in the caller's account and region. Raises InvalidRequestException."""
    cluster = store.find_cluster(session, cluster_id)
    if cluster is None or not _is_of(cluster, context):
        raise unknown_cluster(cluster_id)
    return cluster


def get_job_flow(session: Session, job_flow_id: str, context: RequestContext) -> Cluster:
    """The same for the operations that take a JobFlowId. Raises ValidationException."""
    cluster = store.find_cluster(session, job_flow_id)
    if cluster is None or not _is_of(cluster, context):
        raise validation_exception(f"Specified job flow ID {job_flow_id} does not exist.")
    return cluster


def _is_of(cluster: Cluster, context: RequestContext) -> bool:
    return (cluster.account, cluster.region) == (context.account, context.region)


def check_open(cluster: Cluster) -> None:
    """Raises ValidationException where a cluster has begun to end."""
    if cluster.state not in OPEN_CLUSTER_STATES:
        raise not_modifiable()


def begin_termination(
    session: Session, cluster: Cluster, code: str, message: str, details: Sequence[dict[str, Any]] = ()
) -> None:
    """To TERMINATING, for the reason that its end will have; a cluster that is already ending is left alone."""
    if cluster.state not in OPEN_CLUSTER_STATES:
        return
    cluster.error_details = list(details)
    change_state(session, cluster, ClusterState.TERMINATING, code=code, message=message)
    cancel_pending(session, cluster.id, "Job terminated")


def end_state(cluster: Cluster) -> ClusterState:
    """What a TERMINATING cluster becomes."""
    return ClusterState.TERMINATED_WITH_ERRORS if cluster.reason_code in ERRORS else ClusterState.TERMINATED
