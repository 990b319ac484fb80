"""The state tables, the one writer, and the page that shows them."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from windtunnel.emr import states, store
from windtunnel.emr.schema import Step
from windtunnel.emr.state_diagrams import PAGE, page
from windtunnel.emr.states import ClusterState, InstanceGroupState, InstanceState, StepState
from windtunnel.emr.transitions import ENDED, IllegalTransition, change_state

TABLES: dict[Any, Any] = {
    ClusterState: states.CLUSTER_TRANSITIONS,
    StepState: states.STEP_TRANSITIONS,
    InstanceState: states.INSTANCE_TRANSITIONS,
    InstanceGroupState: states.INSTANCE_GROUP_TRANSITIONS,
}


@pytest.mark.parametrize("kind", TABLES)
def test_every_state_has_its_row(kind: type[states.State]) -> None:
    assert set(TABLES[kind]) == set(kind)


@pytest.mark.parametrize("kind", TABLES)
def test_nothing_leaves_an_end_and_everything_else_can_end(kind: type[states.State]) -> None:
    table = TABLES[kind]
    for state, after in table.items():
        assert (not after) == (state in ENDED or state is InstanceState.AWAITING_FULFILLMENT)


def test_an_illegal_change_is_refused_and_leaves_the_state(tmp_path: Path) -> None:
    step = Step(id="s-1", state=StepState.COMPLETED)
    with Session() as session, pytest.raises(IllegalTransition, match="from COMPLETED to RUNNING"):
        change_state(session, step, StepState.RUNNING)
    assert step.state is StepState.COMPLETED


def test_every_change_leaves_an_event(tmp_path: Path) -> None:
    db = store.Store(tmp_path / "emr.sqlite")
    step = Step(id="s-1", state=StepState.PENDING, created_at=1.0)
    with db.transaction() as session:
        change_state(session, step, StepState.RUNNING)
        change_state(session, step, StepState.FAILED, message="why")
    with db.reading() as session:
        told = [(event.before, event.after, event.reason) for event in store.events(session, "s-1")]
    assert told == [("PENDING", "RUNNING", ""), ("RUNNING", "FAILED", "why")]


def test_the_page_of_the_state_machines_is_the_tables() -> None:
    told = (Path(__file__).parents[3] / PAGE).read_text()
    assert told == page(), f"run `python -m windtunnel.emr.state_diagrams` to write {PAGE} anew"
