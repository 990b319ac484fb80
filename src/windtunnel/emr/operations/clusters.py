"""The operations on clusters."""

import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from windtunnel.aws.service import RequestContext
from windtunnel.emr import clusters, job_flow, store
from windtunnel.emr.errors import invalid_request, validation_exception
from windtunnel.emr.ids import cluster_arn
from windtunnel.emr.operations import views
from windtunnel.emr.operations.operation import Operation
from windtunnel.emr.operations.pages import newest_first
from windtunnel.emr.schema import Cluster
from windtunnel.emr.states import OPEN_CLUSTER_STATES, ClusterState
from windtunnel.emr.store import Store

MOST_JOB_FLOWS = 10


def run_job_flow(db: Store, context: RequestContext, request: dict[str, Any]) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_RunJobFlow.html"""
    with db.transaction() as session:
        cluster = clusters.create_cluster(session, request, context)
        arn = cluster_arn(cluster.id, cluster.region, cluster.account)
        return {"JobFlowId": cluster.id, "ClusterArn": arn}


def describe_cluster(db: Store, context: RequestContext, request: dict[str, Any]) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_DescribeCluster.html"""
    with db.reading() as session:
        cluster = clusters.get_cluster(session, request["ClusterId"], context)
        groups = store.instance_groups(session, cluster.id)
        hours = views.normalized_instance_hours(cluster, groups, time.time())
        master = "localhost" if cluster.ports else None
        return {"Cluster": views.cluster_detail(cluster, hours, master, of_fleets=bool(groups[0].fleet))}


def list_clusters(db: Store, context: RequestContext, request: dict[str, Any]) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_ListClusters.html"""
    rows = created_as_asked(context, request)
    if states := request.get("ClusterStates"):
        rows = rows.where(Cluster.state.in_([ClusterState(state) for state in states]))
    with db.reading() as session:
        page, marker = newest_first(session, rows, Cluster.number, request.get("Marker"))
        now = time.time()
        found = [
            views.cluster_summary(
                cluster,
                views.normalized_instance_hours(cluster, store.instance_groups(session, cluster.id), now),
            )
            for cluster in page
        ]
        return {"Clusters": found, **marker}


def terminate_job_flows(db: Store, context: RequestContext, request: dict[str, Any]) -> None:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_TerminateJobFlows.html"""
    with db.transaction() as session:
        doomed = _job_flows(session, context, request)
        for cluster in doomed:
            if cluster.termination_protected and cluster.state in OPEN_CLUSTER_STATES:
                raise validation_exception(
                    "Could not shut down one or more job flows since they are termination protected."
                )
        for cluster in doomed:
            clusters.begin_termination(session, cluster, "USER_REQUEST", "Terminated by user request")


def set_termination_protection(db: Store, context: RequestContext, request: dict[str, Any]) -> None:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_SetTerminationProtection.html"""
    with db.transaction() as session:
        for cluster in _open_job_flows(session, context, request):
            cluster.termination_protected = request["TerminationProtected"]


def set_keep_alive(db: Store, context: RequestContext, request: dict[str, Any]) -> None:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_SetKeepJobFlowAliveWhenNoSteps.html"""
    with db.transaction() as session:
        for cluster in _open_job_flows(session, context, request):
            cluster.keep_alive = request["KeepJobFlowAliveWhenNoSteps"]


def set_visible_to_all_users(db: Store, context: RequestContext, request: dict[str, Any]) -> None:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_SetVisibleToAllUsers.html"""
    _keep(db, context, request, "VisibleToAllUsers")


def set_unhealthy_node_replacement(db: Store, context: RequestContext, request: dict[str, Any]) -> None:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_SetUnhealthyNodeReplacement.html"""
    _keep(db, context, request, "UnhealthyNodeReplacement")


def _keep(db: Store, context: RequestContext, request: Mapping[str, Any], attribute: str) -> None:
    with db.transaction() as session:
        for cluster in _open_job_flows(session, context, request):
            cluster.attributes = {**cluster.attributes, attribute: request[attribute]}


def modify_cluster(db: Store, context: RequestContext, request: dict[str, Any]) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_ModifyCluster.html"""
    with db.transaction() as session:
        cluster = clusters.get_cluster(session, request["ClusterId"], context)
        clusters.check_open(cluster)
        level, support = request.get("StepConcurrencyLevel"), request.get("ExtendedSupport")
        if level is None and support is None:
            raise invalid_request("Give a StepConcurrencyLevel to change.")
        if level is not None:
            cluster.step_concurrency = job_flow.step_concurrency(level)
        if support is not None:
            cluster.attributes = {**cluster.attributes, "ExtendedSupport": support}
        answer = {"StepConcurrencyLevel": cluster.step_concurrency}
        return answer if support is None else {**answer, "ExtendedSupport": support}


def created_as_asked(context: RequestContext, request: Mapping[str, Any]) -> Select[Cluster]:
    """The clusters of the caller's account and region, created within a request's CreatedAfter and CreatedBefore."""
    rows = select(Cluster).where(Cluster.account == context.account, Cluster.region == context.region)
    if after := request.get("CreatedAfter"):
        rows = rows.where(Cluster.created_at > after.timestamp())
    if before := request.get("CreatedBefore"):
        rows = rows.where(Cluster.created_at < before.timestamp())
    return rows


def _job_flows(session: Session, context: RequestContext, request: Mapping[str, Any]) -> list[Cluster]:
    ids: list[str] = request["JobFlowIds"]
    if not 1 <= len(ids) <= MOST_JOB_FLOWS:
        raise validation_exception(f"Give 1 to {MOST_JOB_FLOWS} job flow ids, not {len(ids)}.")
    return [clusters.get_job_flow(session, job_flow_id, context) for job_flow_id in ids]


def _open_job_flows(session: Session, context: RequestContext, request: Mapping[str, Any]) -> list[Cluster]:
    found = _job_flows(session, context, request)
    for cluster in found:
        clusters.check_open(cluster)
    return found


OPERATIONS: Mapping[str, Operation] = {
    "RunJobFlow": run_job_flow,
    "DescribeCluster": describe_cluster,
    "ListClusters": list_clusters,
    "TerminateJobFlows": terminate_job_flows,
    "SetTerminationProtection": set_termination_protection,
    "SetKeepJobFlowAliveWhenNoSteps": set_keep_alive,
    "SetVisibleToAllUsers": set_visible_to_all_users,
    "SetUnhealthyNodeReplacement": set_unhealthy_node_replacement,
    "ModifyCluster": modify_cluster,
}
