"""The operations on policies of one cluster."""

from collections.abc import Mapping
from typing import Any

from windtunnel.aws.service import RequestContext
from windtunnel.emr import clusters, job_flow
from windtunnel.emr.errors import invalid_request
from windtunnel.emr.operations.operation import Operation
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


def get_managed_scaling_policy(
    db: Store, context: RequestContext, request: dict[str, Any]
) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_GetManagedScalingPolicy.html

    No cluster here has one, which is what the answer says.
    """
    with db.reading() as session:
        clusters.get_cluster(session, request["ClusterId"], context)
    return {}


OPERATIONS: Mapping[str, Operation] = {
    "PutAutoTerminationPolicy": put_auto_termination_policy,
    "GetAutoTerminationPolicy": get_auto_termination_policy,
    "RemoveAutoTerminationPolicy": remove_auto_termination_policy,
    "GetManagedScalingPolicy": get_managed_scaling_policy,
}
