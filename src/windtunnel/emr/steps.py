"""Steps: what is submitted, what is cancelled."""

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from windtunnel.emr import ids, members, store
from windtunnel.emr.errors import invalid_request, not_modifiable, validation_exception
from windtunnel.emr.schema import Cluster, Step
from windtunnel.emr.states import ACTIVE_STEP_STATES, OPEN_CLUSTER_STATES, StepState
from windtunnel.emr.step_programs import why_not
from windtunnel.emr.transitions import add_new, change_state
from windtunnel.hadoop.steps import runner_of

if TYPE_CHECKING:
    from mypy_boto3_emr.type_defs import CancelStepsInfoTypeDef

MOST_ACTIVE_STEPS = 256
MOST_CANCELLED_STEPS = 256
LONGEST_JAR_STEP = 10_240
"""Characters of all strings of a HadoopJarStep together."""
TERMINATE_CLUSTER, CANCEL_AND_WAIT, CONTINUE = "TERMINATE_CLUSTER", "CANCEL_AND_WAIT", "CONTINUE"


def add_steps(session: Session, cluster: Cluster, configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Submits steps to a cluster, in order; their ids. Raises ValidationException and then adds none."""
    if cluster.state not in OPEN_CLUSTER_STATES:
        raise not_modifiable()
    count = select(func.count()).where(Step.cluster_id == cluster.id, Step.state.in_(ACTIVE_STEP_STATES))
    if (session.scalar(count) or 0) + len(configs) > MOST_ACTIVE_STEPS:
        raise validation_exception(
            "Maximum number of active steps(State = 'Running', 'Pending' or 'Cancel_Pending') "
            "for cluster exceeded."
        )
    steps = [new_step(cluster, config) for config in configs]
    for step in steps:
        add_new(session, step)
    if cluster.idle_since is not None:
        cluster.idle_since = time.time()
    return [step.id for step in steps]


def cancel_steps(
    session: Session, cluster: Cluster, step_ids: Sequence[str], option: str
) -> "list[CancelStepsInfoTypeDef]":
    """Cancels pending steps at once and asks for running ones to be stopped; an answer for each id.

    Raises InvalidRequestException for more than 256 ids.
    """
    if len(step_ids) > MOST_CANCELLED_STEPS:
        raise invalid_request(f"Give at most {MOST_CANCELLED_STEPS} StepIds, not {len(step_ids)}.")
    answers: list[CancelStepsInfoTypeDef] = []
    for step_id in step_ids:
        problem = _cancel(session, store.find_step(session, cluster.id, step_id), option)
        if problem:
            answers.append({"StepId": step_id, "Status": "FAILED", "Reason": problem})
        else:
            answers.append({"StepId": step_id, "Status": "SUBMITTED"})
    return answers


def cancel_pending(session: Session, cluster_id: str, message: str) -> None:
    """PENDING -> CANCELLED for every step that has not begun."""
    for step in store.steps(session, cluster_id, frozenset({StepState.PENDING})):
        change_state(session, step, StepState.CANCELLED, message=message)


def _cancel(session: Session, step: Step | None, option: str) -> str | None:
    if step is None:
        return "Step does not exist."
    if step.state not in ACTIVE_STEP_STATES:
        return f"Step is in state {step.state} and can't be cancelled."
    if step.state is StepState.PENDING:
        change_state(session, step, StepState.CANCELLED, message="Cancelled by user request")
        return None
    if step.state is StepState.RUNNING:
        change_state(session, step, StepState.CANCEL_PENDING, message="Cancelled by user request")
    step.cancel_option = option  # a second request may ask for the stronger way
    return None


def new_step(cluster: Cluster, config: Mapping[str, Any]) -> Step:
    """The row of a step of a cluster. Raises ValidationException."""
    members.refuse_what_is_not_executed(config, "Step.")
    jar = config["HadoopJarStep"]
    step = Step(
        id=ids.step_id(),
        cluster_id=cluster.id,
        name=config["Name"],
        action_on_failure=_action_on_failure(cluster, config.get("ActionOnFailure")),
        jar=jar["Jar"],
        main_class=jar.get("MainClass"),
        properties={pair.get("Key", ""): pair.get("Value", "") for pair in jar.get("Properties") or []},
        args=list(jar.get("Args") or []),
        failure={},
        application_ids=[],
        created_at=time.time(),
    )
    if (length := _length(step)) > LONGEST_JAR_STEP:
        raise validation_exception(
            f"The HadoopJarStep of step '{step.name}' has {length} characters; it may have at most 10240. "
            f"Put what is long into a script at s3://."
        )
    if not step.jar:
        raise validation_exception(
            f"The Jar of step '{step.name}' is empty: give command-runner.jar or a jar's path."
        )
    if reason := why_not(step.jar, step.args):
        raise validation_exception(f"Step '{step.name}' can't be run: {reason}.")
    runner = runner_of(step.jar)
    if runner and not step.args:
        raise validation_exception(
            f"Step '{step.name}' has no Args: {runner} takes the program as its first one."
        )
    if runner and (step.main_class or step.properties):
        raise validation_exception(
            f"Step '{step.name}' has a MainClass or Properties: those are for a custom JAR, not for {runner}."
        )
    return step


def _length(step: Step) -> int:
    texts = [step.jar, step.main_class or "", *step.args, *step.properties, *step.properties.values()]
    return sum(map(len, texts))


def _action_on_failure(cluster: Cluster, action: str | None) -> str:
    if cluster.step_concurrency > 1:
        if action not in (None, CONTINUE):
            raise validation_exception(f"Action on failure '{action}' is invalid.")
        return CONTINUE  # ~: what an omitted action counts as above a concurrency of 1
    return TERMINATE_CLUSTER if action in (None, "TERMINATE_JOB_FLOW") else action
