"""The only writer of states: every change is legal, has its time and leaves an event."""

import time

from sqlalchemy.orm import Session

from windtunnel.emr.schema import Cluster, Event, Instance, InstanceGroup, Step
from windtunnel.emr.states import (
    ClusterState,
    InstanceGroupState,
    InstanceState,
    State,
    StepState,
    may_become,
)

Subject = Cluster | Step | Instance | InstanceGroup

READY = {ClusterState.RUNNING, InstanceState.RUNNING, InstanceGroupState.RUNNING}
ENDED = {
    ClusterState.TERMINATED,
    ClusterState.TERMINATED_WITH_ERRORS,
    StepState.COMPLETED,
    StepState.CANCELLED,
    StepState.FAILED,
    StepState.INTERRUPTED,
    InstanceState.TERMINATED,
    InstanceGroupState.TERMINATED,
}


class IllegalTransition(AssertionError):
    """A change that the tables of `states` do not know: a defect of windtunnel."""


def change_state(
    session: Session, subject: Subject, to: State, *, code: str | None = None, message: str = ""
) -> None:
    """Move a cluster, step, instance or instance group to another state, within the caller's transaction.

    `code` is one of the API's StateChangeReason codes, `message` a sentence for people. An end keeps the
    reason that its cause gave when no new one is told. Raises IllegalTransition where the tables know no
    such way.
    """
    before = subject.state
    if not may_become(before, to):
        raise IllegalTransition(f"{subject.id} cannot go from {before} to {to}")
    now = time.time()
    subject.state = to  # may_become has seen that both are of one kind
    if code or message or to not in ENDED:
        subject.reason_code, subject.reason_message = code, message
    if isinstance(subject, Step):
        if to is StepState.RUNNING:
            subject.started_at = now
    elif to in READY and subject.ready_at is None:
        subject.ready_at = now
    if to in ENDED:
        subject.ended_at = now
    reason = " ".join(part for part in (code, message) if part)
    session.add(Event(at=now, subject=subject.id, before=before.value, after=to.value, reason=reason))


def add_new(session: Session, subject: Subject) -> None:
    """Stores a new thing and its first event."""
    session.add(subject)
    session.flush()
    session.add(Event(at=time.time(), subject=subject.id, before="", after=subject.state.value, reason=""))
