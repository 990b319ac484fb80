"""DescribeJobFlows: clusters as the API told of them before there was DescribeCluster. Old tools still ask."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import or_
from sqlalchemy.orm import Session

from windtunnel.aws.service import RequestContext
from windtunnel.emr import store
from windtunnel.emr.catalogue.releases import find_release
from windtunnel.emr.operations.clusters import created_as_asked
from windtunnel.emr.operations.operation import Operation
from windtunnel.emr.operations.views import moment, normalized_instance_hours
from windtunnel.emr.schema import Cluster, Instance, InstanceGroup, Step
from windtunnel.emr.states import LIVE_CLUSTER_STATES, ClusterState, InstanceState, StepState
from windtunnel.emr.store import Store

MOST_JOB_FLOWS = 512
TWO_WEEKS, TWO_MONTHS = 14 * 86_400, 61 * 86_400
"""Seconds."""
_FILTERS = ("CreatedAfter", "CreatedBefore", "JobFlowIds", "JobFlowStates")
_KEPT = ("JobFlowRole", "ServiceRole", "AutoScalingRole", "ScaleDownBehavior", "VisibleToAllUsers")
_KEPT_OF_INSTANCES = ("Ec2KeyName", "Ec2SubnetId", "Placement", "UnhealthyNodeReplacement")


def describe_job_flows(db: Store, context: RequestContext, request: dict[str, Any]) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_DescribeJobFlows.html

    At most 512, newest first, of the last two months; without any filter, of what has ended only the last two weeks'.
    """
    now = time.time()
    rows = created_as_asked(context, request).where(Cluster.created_at > now - TWO_MONTHS)
    if not any(request.get(name) for name in _FILTERS):
        rows = rows.where(or_(Cluster.state.in_(LIVE_CLUSTER_STATES), Cluster.created_at > now - TWO_WEEKS))
    if ids := request.get("JobFlowIds"):
        rows = rows.where(Cluster.id.in_(ids))
    with db.reading() as session:
        found = session.scalars(rows.order_by(Cluster.number.desc()))
        if states := request.get("JobFlowStates"):
            wanted = [cluster for cluster in found if job_flow_state(cluster) in states]
        else:
            wanted = list(found)
        return {"JobFlows": [_job_flow(session, cluster, now) for cluster in wanted[:MOST_JOB_FLOWS]]}


def job_flow_state(cluster: Cluster) -> str:
    """The older names of the states (~): one that ended by itself is COMPLETED, one that was ended TERMINATED."""
    match cluster.state:
        case ClusterState.TERMINATING:
            return "SHUTTING_DOWN"
        case ClusterState.TERMINATED_WITH_ERRORS:
            return "FAILED"
        case ClusterState.TERMINATED if cluster.reason_code == "ALL_STEPS_COMPLETED":
            return "COMPLETED"
    return cluster.state.value


def _job_flow(session: Session, cluster: Cluster, now: float) -> dict[str, Any]:
    return {
        "JobFlowId": cluster.id,
        "Name": cluster.name,
        "LogUri": cluster.log_uri,
        "ExecutionStatusDetail": {
            "State": job_flow_state(cluster),
            **_times(cluster.created_at, cluster.ready_at, cluster.ended_at, cluster.reason_message),
            "ReadyDateTime": moment(cluster.ready_at),
        },
        "Instances": _instances(session, cluster, now),
        "Steps": [_step(step) for step in store.steps(session, cluster.id)],
        "BootstrapActions": [_bootstrap_action(action) for action in cluster.bootstrap_actions],
        "SupportedProducts": [],
        **{name: cluster.attributes.get(name) for name in _KEPT},
    }


def _instances(session: Session, cluster: Cluster, now: float) -> dict[str, Any]:
    groups, nodes = store.instance_groups(session, cluster.id), store.instances(session, cluster.id)
    master_group = next(group for group in groups if group.role == "MASTER")
    workers = [group for group in groups if group.role != "MASTER"]
    masters = [node for node in nodes if node.group_id == master_group.id]
    release = find_release(cluster.release_label)
    return {
        "MasterInstanceType": master_group.instance_type,
        "MasterInstanceId": masters[-1].ec2_id if masters else None,
        "MasterPublicDnsName": "localhost" if cluster.ports else None,
        "SlaveInstanceType": (workers or [master_group])[0].instance_type,
        "InstanceCount": sum(group.requested for group in groups),
        "InstanceGroups": [_group(group, nodes) for group in groups if not group.fleet],
        "NormalizedInstanceHours": normalized_instance_hours(cluster, groups, now),
        "KeepJobFlowAliveWhenNoSteps": cluster.keep_alive,
        "TerminationProtected": cluster.termination_protected,
        "HadoopVersion": release.hadoop if release else None,
        **{name: cluster.attributes.get(name) for name in _KEPT_OF_INSTANCES},
    }


def _group(group: InstanceGroup, nodes: Sequence[Instance]) -> dict[str, Any]:
    running = [one for one in nodes if one.group_id == group.id and one.state is InstanceState.RUNNING]
    return {
        "InstanceGroupId": group.id,
        "Name": group.name or None,
        "Market": group.market,
        "InstanceRole": group.role,
        "BidPrice": group.bid_price,
        "InstanceType": group.instance_type,
        "InstanceRequestCount": group.requested,
        "InstanceRunningCount": len(running),
        "State": group.state.value,
        **_times(group.created_at, group.ready_at, group.ended_at, group.reason_message),
        "ReadyDateTime": moment(group.ready_at),
    }


def _step(step: Step) -> dict[str, Any]:
    # ~: the older states have no CANCEL_PENDING; such a step still runs.
    state = StepState.RUNNING if step.state is StepState.CANCEL_PENDING else step.state
    jar = {
        "Properties": [{"Key": key, "Value": value} for key, value in step.properties.items()],
        "Jar": step.jar,
        "MainClass": step.main_class,
        "Args": step.args,
    }
    return {
        "StepConfig": {
            "Name": step.name,
            "ActionOnFailure": step.action_on_failure,
            "HadoopJarStep": jar,
        },
        "ExecutionStatusDetail": {
            "State": state.value,
            **_times(step.created_at, step.started_at, step.ended_at, step.reason_message),
        },
    }


def _bootstrap_action(action: Mapping[str, Any]) -> dict[str, Any]:
    script = {"Path": action["ScriptPath"], "Args": action["Args"]}
    return {"BootstrapActionConfig": {"Name": action["Name"], "ScriptBootstrapAction": script}}


def _times(created: float, started: float | None, ended: float | None, reason: str) -> dict[str, Any]:
    return {
        "CreationDateTime": moment(created),
        "StartDateTime": moment(started),
        "EndDateTime": moment(ended),
        "LastStateChangeReason": reason or None,
    }


OPERATIONS: Mapping[str, Operation] = {"DescribeJobFlows": describe_job_flows}
