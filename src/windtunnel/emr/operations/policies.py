"""The operations on policies of one cluster and of its instance groups."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from windtunnel.aws.errors import ServiceError
from windtunnel.aws.service import RequestContext
from windtunnel.emr import clusters, job_flow, scaling_policies, store
from windtunnel.emr.errors import invalid_request, validation_exception
from windtunnel.emr.ids import cluster_arn
from windtunnel.emr.operations import views
from windtunnel.emr.operations.operation import Operation
from windtunnel.emr.schema import Cluster, InstanceGroup
from windtunnel.emr.store import Store


def put_auto_termination_policy(
    db: Store, context: RequestContext, request: dict[str, Any]
) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_PutAutoTerminationPolicy.html"""
    if "AutoTerminationPolicy" not in request:
        raise invalid_request("Give the AutoTerminationPolicy.")
    with db.transaction() as session:
        cluster = clusters.get_cluster(session, request["ClusterId"], context)
        clusters.check_open(cluster)
        cluster.idle_timeout = job_flow.idle_timeout(request["AutoTerminationPolicy"])
    return {}


def get_auto_termination_policy(
    db: Store, context: RequestContext, request: dict[str, Any]
) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_GetAutoTerminationPolicy.html"""
    with db.reading() as session:
        seconds = clusters.get_cluster(session, request["ClusterId"], context).idle_timeout
        return {} if seconds is None else {"AutoTerminationPolicy": {"IdleTimeout": seconds}}


def remove_auto_termination_policy(
    db: Store, context: RequestContext, request: dict[str, Any]
) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_RemoveAutoTerminationPolicy.html"""
    with db.transaction() as session:
        cluster = clusters.get_cluster(session, request["ClusterId"], context)
        clusters.check_open(cluster)
        cluster.idle_timeout = None
    return {}


def put_managed_scaling_policy(
    db: Store, context: RequestContext, request: dict[str, Any]
) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_PutManagedScalingPolicy.html"""
    with db.transaction() as session:
        cluster = _to_scale(session, context, request)
        clusters.check_open(cluster)
        groups = store.instance_groups(session, cluster.id)
        if scaled := [group.id for group in groups if group.auto_scaling]:
            raise validation_exception(
                f"The instance group {scaled[0]} has an automatic scaling policy: remove it before you put a managed "
                f"scaling policy."
            )
        policy, of_fleets = request["ManagedScalingPolicy"], bool(groups[0].fleet)
        cluster.managed_scaling = scaling_policies.managed_scaling(policy, of_fleets=of_fleets)
    return {}


def get_managed_scaling_policy(
    db: Store, context: RequestContext, request: dict[str, Any]
) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_GetManagedScalingPolicy.html"""
    with db.reading() as session:
        policy = _to_scale(session, context, request).managed_scaling
        return {"ManagedScalingPolicy": policy} if policy else {}


def remove_managed_scaling_policy(
    db: Store, context: RequestContext, request: dict[str, Any]
) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_RemoveManagedScalingPolicy.html"""
    with db.transaction() as session:
        cluster = _to_scale(session, context, request)
        clusters.check_open(cluster)
        cluster.managed_scaling = {}
    return {}


def put_auto_scaling_policy(db: Store, context: RequestContext, request: dict[str, Any]) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_PutAutoScalingPolicy.html"""
    with db.transaction() as session:
        cluster, group = _scalable(session, context, request)
        if cluster.managed_scaling:
            raise validation_exception(
                "The cluster has a managed scaling policy: remove it before you put an automatic scaling policy."
            )
        group.auto_scaling = scaling_policies.auto_scaling(group.role, request["AutoScalingPolicy"])
        return {
            "ClusterId": cluster.id,
            "InstanceGroupId": group.id,
            "AutoScalingPolicy": views.auto_scaling_policy(group),
            "ClusterArn": cluster_arn(cluster.id, cluster.region, cluster.account),
        }


def remove_auto_scaling_policy(
    db: Store, context: RequestContext, request: dict[str, Any]
) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_RemoveAutoScalingPolicy.html"""
    with db.transaction() as session:
        _, group = _scalable(session, context, request)
        group.auto_scaling, group.scaled_at = {}, None
    return {}


def _to_scale(session: Session, context: RequestContext, request: Mapping[str, Any]) -> Cluster:
    """The cluster of a managed scaling policy.

    ~: an unknown one is a ValidationException here, since that is what Terraform's provider takes for "gone".
    """
    try:
        return clusters.get_cluster(session, request["ClusterId"], context)
    except ServiceError as unknown:
        raise validation_exception(unknown.message) from None


def _scalable(
    session: Session, context: RequestContext, request: Mapping[str, Any]
) -> tuple[Cluster, InstanceGroup]:
    """The cluster and the instance group of a request."""
    cluster = clusters.get_cluster(session, request["ClusterId"], context)
    clusters.check_open(cluster)
    groups = store.instance_groups(session, cluster.id)
    if groups[0].fleet:
        raise invalid_request(
            f"The cluster {cluster.id} has instance fleets: automatic scaling policies are for instance groups."
        )
    found = next((group for group in groups if group.id == request["InstanceGroupId"]), None)
    if found is None:
        raise invalid_request(f"Instance group id '{request['InstanceGroupId']}' is not valid.")
    return cluster, found


OPERATIONS: Mapping[str, Operation] = {
    "PutAutoTerminationPolicy": put_auto_termination_policy,
    "GetAutoTerminationPolicy": get_auto_termination_policy,
    "RemoveAutoTerminationPolicy": remove_auto_termination_policy,
    "PutManagedScalingPolicy": put_managed_scaling_policy,
    "GetManagedScalingPolicy": get_managed_scaling_policy,
    "RemoveManagedScalingPolicy": remove_managed_scaling_policy,
    "PutAutoScalingPolicy": put_auto_scaling_policy,
    "RemoveAutoScalingPolicy": remove_auto_scaling_policy,
}
