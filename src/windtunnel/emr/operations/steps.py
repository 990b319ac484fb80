"""The operations on steps."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from windtunnel.aws.service import RequestContext
from windtunnel.emr import clusters, steps, store
from windtunnel.emr.errors import invalid_request
from windtunnel.emr.operations import views
from windtunnel.emr.operations.operation import Operation
from windtunnel.emr.operations.pages import newest_first
from windtunnel.emr.schema import Step
from windtunnel.emr.states import OPEN_CLUSTER_STATES, StepState
from windtunnel.emr.store import Store

MOST_STEP_IDS = 10


def add_job_flow_steps(db: Store, context: RequestContext, request: dict[str, Any]) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_AddJobFlowSteps.html"""
    if request.get("ExecutionRoleArn"):
        raise invalid_request(
            "windtunnel does not execute ExecutionRoleArn: all steps run with the cluster's own credentials."
        )
    with db.transaction() as session:
        cluster = clusters.get_job_flow(session, request["JobFlowId"], context)
        return {"StepIds": steps.add_steps(session, cluster, request["Steps"])}


def describe_step(db: Store, context: RequestContext, request: dict[str, Any]) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_DescribeStep.html"""
    with db.reading() as session:
        cluster = clusters.get_cluster(session, request["ClusterId"], context)
        step = store.find_step(session, cluster.id, request["StepId"])
        if step is None:
            raise invalid_request(f"Step id '{request['StepId']}' is not valid.")
        return {"Step": views.step_summary(step, cluster.log_uri)}


def list_steps(db: Store, context: RequestContext, request: dict[str, Any]) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_ListSteps.html"""
    with db.reading() as session:
        cluster = clusters.get_cluster(session, request["ClusterId"], context)
        rows = select(Step).where(Step.cluster_id == cluster.id)
        if states := request.get("StepStates"):
            rows = rows.where(Step.state.in_([StepState(state) for state in states]))
        if ids := request.get("StepIds"):
            if len(ids) > MOST_STEP_IDS:
                raise invalid_request(f"Give at most {MOST_STEP_IDS} StepIds, not {len(ids)}.")
            rows = rows.where(Step.id.in_(ids))
        page, marker = newest_first(session, rows, Step.number, request.get("Marker"))
        return {"Steps": [views.step_summary(step, cluster.log_uri) for step in page], **marker}


def cancel_steps(db: Store, context: RequestContext, request: dict[str, Any]) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_CancelSteps.html"""
    with db.transaction() as session:
        cluster = clusters.get_cluster(session, request["ClusterId"], context)
        if cluster.state not in OPEN_CLUSTER_STATES:
            raise invalid_request(f"Cluster {cluster.id} is {cluster.state}: its steps can't be cancelled.")
        option = request.get("StepCancellationOption", "SEND_INTERRUPT")
        answers = steps.cancel_steps(session, cluster, request["StepIds"], option)
        return {"CancelStepsInfoList": answers}


OPERATIONS: Mapping[str, Operation] = {
    "AddJobFlowSteps": add_job_flow_steps,
    "DescribeStep": describe_step,
    "ListSteps": list_steps,
    "CancelSteps": cancel_steps,
}
