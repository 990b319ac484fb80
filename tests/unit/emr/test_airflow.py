"""Airflow's operators, sensors and triggers of EMR against the service, in Airflow's own environment."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.behaviours import behaviour
from tests.emr import Emr

OPERATORS = Path(__file__).with_name("airflow_operators.py")
REASON = "with message ValueError: no such header and log file "


@pytest.fixture(scope="module")
def emr(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emr]:
    """Without S3, of which nobody waits to save logs at a cluster's end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("windtunnel.emr.cluster_reconciler.SAVE_SECONDS", 0)
        service = Emr(tmp_path_factory.mktemp("emr") / "emr", {})
        yield service
        service.stop()


@pytest.fixture(scope="module")
def told(emr: Emr, airflow_python: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What became of each task."""
    variables = {
        "PATH": os.defpath,
        "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow")),
        "PYTHONDONTWRITEBYTECODE": "1",
        "AIRFLOW_CONN_AWS_DEFAULT": "aws://",
        "AWS_ENDPOINT_URL_EMR": emr.client.meta.endpoint_url,
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    done = subprocess.run(
        [airflow_python, OPERATORS], env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    outcomes: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return outcomes


@behaviour(
    "airflow",
    "EmrCreateJobFlowOperator creates a cluster, deferred or not, and EmrJobFlowSensor sees it start.",
)
@behaviour("airflow", "The operators' link to the logs is made of the cluster's LogUri.")
def test_clusters_are_created(told: dict[str, Any]) -> None:
    plain, deferred = told["plain creation"], told["deferred creation"]
    assert plain["returned"].startswith("j-") and not plain["deferred"]
    assert deferred["returned"].startswith("j-") and deferred["deferred"]
    assert plain["xcoms"]["emr_logs"]["log_uri"] == "logs/emr/"
    assert told["sensor of a start"]["error"] is None


@behaviour("airflow", "wait_policy WAIT_FOR_STEPS_COMPLETION returns when the cluster is TERMINATED.")
def test_a_creation_can_await_the_steps(emr: Emr, told: dict[str, Any]) -> None:
    assert emr.cluster(told["creation awaiting its steps"]["returned"])[0] == "TERMINATED"


@behaviour("airflow", "A request that the service refuses fails the task with the service's sentence.")
def test_a_refused_creation_fails_with_the_services_sentence(told: dict[str, Any]) -> None:
    assert "ValidationException" in told["creation that can't be"]["error"]


@behaviour(
    "airflow", "EmrAddStepsOperator returns the ids of its steps, awaited, deferred or not waited for."
)
@behaviour("airflow", "EmrAddStepsOperator finds the cluster by its name among the states it is given.")
@behaviour("airflow", "EmrStepSensor sees a step complete, poked or deferred.")
def test_steps_that_end_well_are_seen_to(told: dict[str, Any]) -> None:
    for way in ("awaited", "deferred"):
        assert [one[:2] for one in told[f"good step, {way}"]["returned"]] == ["s-"]
    assert told["step by the cluster's name"]["xcoms"]["job_flow_id"] == told["plain creation"]["returned"]
    sensors = ("good step, sensor poked", "good step, sensor deferred", "slow step, sensor deferred")
    assert [told[one]["error"] for one in sensors] == [None] * 3
    assert told["slow step, sensor deferred"]["deferred"]


@behaviour("airflow", "EmrStepSensor's failure tells EMR's reason, message and log file.")
@behaviour("airflow", "EmrAddStepsOperator fails, awaited or deferred, when a step of it does.")
@behaviour("airflow", "A deferred EmrAddStepsOperator's failure tells EMR's FailureDetails.")
def test_steps_that_fail_fail_their_tasks_with_emrs_words(told: dict[str, Any]) -> None:
    assert "EMR Steps failed" in told["bad step, awaited"]["error"]
    deferred = told["bad step, deferred"]
    assert deferred["deferred"] and "'Message': 'ValueError: no such header'" in deferred["error"]
    for way in ("poked", "deferred"):
        assert REASON in told[f"bad step, sensor {way}"]["error"]


@behaviour("airflow", "EmrModifyClusterOperator returns the new StepConcurrencyLevel.")
def test_a_cluster_is_modified(told: dict[str, Any]) -> None:
    assert told["modification"]["returned"] == 7


@behaviour(
    "airflow",
    "EmrTerminateJobFlowOperator ends a cluster, deferred or not, and EmrJobFlowSensor sees it end.",
)
def test_clusters_are_terminated(emr: Emr, told: dict[str, Any]) -> None:
    assert told["deferred termination"]["deferred"]
    for way in ("plain", "deferred"):
        assert told[f"{way} termination"]["error"] is None
        assert emr.cluster(told[f"{way} creation"]["returned"])[0] == "TERMINATED"
    assert told["sensor of an end"]["error"] is None


@behaviour("airflow", "EmrJobFlowSensor's failure tells the code and the message of the cluster's end.")
def test_a_cluster_that_fails_fails_its_sensor_with_emrs_words(told: dict[str, Any]) -> None:
    for way in ("poked", "deferred"):
        error = told[f"sensor of a failure, {way}"]["error"]
        assert "for code: STEP_FAILURE with message Shut down as step failed" in error


@behaviour("airflow", "A killed EmrCreateJobFlowOperator terminates its cluster.")
def test_a_killed_creation_ends_its_cluster(emr: Emr, told: dict[str, Any]) -> None:
    assert told["sensor of the killed one"]["error"] is None
    state, reason = emr.cluster(told["killed creation"]["returned"])
    assert (state, reason) == ("TERMINATED", "USER_REQUEST Terminated by user request")
