"""kill -9 of what a run leans on: the run ends right, or fails in a sentence, and nothing is left up."""

import subprocess

import pytest

from tests.e2e.conftest import Project, wait_for_line
from tests.waiting import eventually

SCHEDULER = "airflow-scheduler"


def rest(process: "subprocess.Popen[str]") -> str:
    said, _ = process.communicate()
    return said


def test_the_service_is_killed_while_the_step_runs_and_the_step_has_run_once(project: Project) -> None:
    before = set(project.clusters())
    with project.start("run") as run:
        wait_for_line(run, "average_salary RUNNING")
        project.kill("emr")
        said = rest(run)
    assert run.returncode == 0, said
    [cluster] = set(project.clusters()) - before
    [step] = project.emr.list_steps(ClusterId=cluster)["Steps"]
    assert step["Status"]["State"] == "COMPLETED"
    controller = project.underneath.read(f"emr/clusters/{cluster}/steps/{step['Id']}/controller")
    assert controller.count("Running [") == 1
    assert "The run's calls to AWS are not kept: emr has the calls from" in said


def test_the_scheduler_is_killed_while_the_sensor_waits_and_the_run_succeeds(project: Project) -> None:
    before = set(project.clusters())
    with project.start("run") as run:
        wait_for_line(run, "wait_for_step running")
        project.kill(SCHEDULER)
        said = rest(run)
    assert run.returncode == 0, said
    [cluster] = set(project.clusters()) - before
    assert project.clusters()[cluster] == "TERMINATED"
    [step] = project.emr.list_steps(ClusterId=cluster)["Steps"]
    assert step["Status"]["State"] == "COMPLETED"


@pytest.mark.parametrize("task", ["create_cluster", "add_step"])
def test_the_scheduler_is_killed_while_it_creates_or_adds_and_no_cluster_stays_up(
    project: Project, task: str
) -> None:
    before = set(project.clusters())
    with project.start("run") as run:
        project.wait_for_task(run, task)
        project.kill(SCHEDULER)
        rest(run)

    def ended() -> None:
        made = {state for cluster, state in project.clusters().items() if cluster not in before}
        assert made <= {"TERMINATED", "TERMINATED_WITH_ERRORS"}, made
        assert made or task == "create_cluster"  # that may have been killed before it asked

    eventually(ended, 300)


def test_localstack_is_killed_and_the_run_fails_and_says_so(project: Project) -> None:
    with project.start("run") as run:
        wait_for_line(run, "wait_for_step running")
        project.kill("localstack")
        said = rest(run)
    assert run.returncode == 1
    assert "localstack died" in said and "everything in S3 is lost with it" in said
    assert "The run's calls to AWS are not kept: localstack tells of none." in said

    def ended() -> None:
        assert set(project.clusters().values()) <= {"TERMINATED", "TERMINATED_WITH_ERRORS"}

    eventually(ended, 300)
    project.run("up")
    assert project.s3.list_buckets()["Buckets"]
