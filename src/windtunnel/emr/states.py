"""The states of Amazon EMR and the legal ways between them.

This module imports nothing of ours and decides nothing; `transitions.change_state` is the one function that
moves a thing along these tables. `docs/state-machines.md` shows them as diagrams, made from here.
"""

from collections.abc import Mapping
from enum import StrEnum


class ClusterState(StrEnum):
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_ClusterStatus.html"""

    STARTING = "STARTING"  # the release is installed, the nodes are provisioned
    BOOTSTRAPPING = "BOOTSTRAPPING"  # bootstrap actions run, then the daemons start
    RUNNING = "RUNNING"  # a step is running, or about to
    WAITING = "WAITING"  # up, without a step
    TERMINATING = "TERMINATING"  # steps are cancelled, logs saved, daemons stopped
    TERMINATED = "TERMINATED"
    TERMINATED_WITH_ERRORS = "TERMINATED_WITH_ERRORS"


class StepState(StrEnum):
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_StepStatus.html"""

    PENDING = "PENDING"
    CANCEL_PENDING = "CANCEL_PENDING"  # was asked to stop and has not yet
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"
    INTERRUPTED = "INTERRUPTED"  # in EMR's enum; nothing here leads to it


class InstanceGroupState(StrEnum):
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_InstanceGroupStatus.html (the ones we use)

    A fleet has the same.
    """

    PROVISIONING = "PROVISIONING"
    BOOTSTRAPPING = "BOOTSTRAPPING"
    RUNNING = "RUNNING"
    RECONFIGURING = (
        "RECONFIGURING"  # node after node gets new configuration files, and its daemons start anew
    )
    RESIZING = "RESIZING"  # nodes are added, or decommissioned and taken away
    SUSPENDED = "SUSPENDED"  # too many of its nodes have failed: no more are started until it is modified
    TERMINATED = "TERMINATED"


class InstanceState(StrEnum):
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_InstanceStatus.html"""

    AWAITING_FULFILLMENT = "AWAITING_FULFILLMENT"  # in EMR's enum; a laptop has no spot market to wait for
    PROVISIONING = "PROVISIONING"
    BOOTSTRAPPING = "BOOTSTRAPPING"  # its bootstrap actions run, then its daemons start
    RUNNING = "RUNNING"  # its daemons are registered
    TERMINATED = "TERMINATED"


State = ClusterState | StepState | InstanceGroupState | InstanceState

_C, _S, _G, _I = ClusterState, StepState, InstanceGroupState, InstanceState

CLUSTER_TRANSITIONS: Mapping[ClusterState, frozenset[ClusterState]] = {
    _C.STARTING: frozenset({_C.BOOTSTRAPPING, _C.TERMINATING}),
    _C.BOOTSTRAPPING: frozenset({_C.RUNNING, _C.TERMINATING}),
    _C.RUNNING: frozenset({_C.WAITING, _C.TERMINATING}),
    _C.WAITING: frozenset({_C.RUNNING, _C.TERMINATING}),
    _C.TERMINATING: frozenset({_C.TERMINATED, _C.TERMINATED_WITH_ERRORS}),
    _C.TERMINATED: frozenset(),
    _C.TERMINATED_WITH_ERRORS: frozenset(),
}

STEP_TRANSITIONS: Mapping[StepState, frozenset[StepState]] = {
    _S.PENDING: frozenset({_S.RUNNING, _S.CANCELLED}),
    _S.RUNNING: frozenset({_S.COMPLETED, _S.FAILED, _S.CANCEL_PENDING, _S.CANCELLED}),
    _S.CANCEL_PENDING: frozenset({_S.CANCELLED, _S.COMPLETED}),
    _S.COMPLETED: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.FAILED: frozenset(),
    _S.INTERRUPTED: frozenset(),
}

INSTANCE_GROUP_TRANSITIONS: Mapping[InstanceGroupState, frozenset[InstanceGroupState]] = {
    _G.PROVISIONING: frozenset({_G.BOOTSTRAPPING, _G.TERMINATED}),
    _G.BOOTSTRAPPING: frozenset({_G.RUNNING, _G.SUSPENDED, _G.TERMINATED}),
    _G.RUNNING: frozenset({_G.RESIZING, _G.RECONFIGURING, _G.SUSPENDED, _G.TERMINATED}),
    _G.RECONFIGURING: frozenset({_G.RUNNING, _G.RESIZING, _G.SUSPENDED, _G.TERMINATED}),
    _G.RESIZING: frozenset({_G.RUNNING, _G.RECONFIGURING, _G.SUSPENDED, _G.TERMINATED}),
    _G.SUSPENDED: frozenset({_G.RESIZING, _G.RECONFIGURING, _G.TERMINATED}),
    _G.TERMINATED: frozenset(),
}

INSTANCE_TRANSITIONS: Mapping[InstanceState, frozenset[InstanceState]] = {
    _I.AWAITING_FULFILLMENT: frozenset(),
    _I.PROVISIONING: frozenset({_I.BOOTSTRAPPING, _I.TERMINATED}),
    _I.BOOTSTRAPPING: frozenset({_I.RUNNING, _I.TERMINATED}),
    _I.RUNNING: frozenset({_I.TERMINATED}),
    _I.TERMINATED: frozenset(),
}

LIVE_CLUSTER_STATES = frozenset(_C) - {_C.TERMINATED, _C.TERMINATED_WITH_ERRORS}
"""Something may still run for these: the reconciler looks after them."""

OPEN_CLUSTER_STATES = LIVE_CLUSTER_STATES - {_C.TERMINATING}
"""These take steps, tags and changes."""

UP_CLUSTER_STATES = frozenset({_C.RUNNING, _C.WAITING})
"""The daemons are up: steps can run."""

ACTIVE_STEP_STATES = frozenset({_S.PENDING, _S.RUNNING, _S.CANCEL_PENDING})
STARTED_STEP_STATES = frozenset({_S.RUNNING, _S.CANCEL_PENDING})
"""A process runs, or is about to, for these."""

LIVE_INSTANCE_STATES = frozenset(_I) - {_I.TERMINATED}


def may_become(before: State, after: State) -> bool:
    """Whether the tables above know the way from `before` to `after`."""
    match before:
        case ClusterState():
            return after in CLUSTER_TRANSITIONS[before]
        case StepState():
            return after in STEP_TRANSITIONS[before]
        case InstanceGroupState():
            return after in INSTANCE_GROUP_TRANSITIONS[before]
        case InstanceState():
            return after in INSTANCE_TRANSITIONS[before]
