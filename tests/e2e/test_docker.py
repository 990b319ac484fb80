"""What only the Docker stack has: containers that die whole, a worker of Celery's, users and rights of containers."""

import subprocess
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import ROWS, STACK, Project, wait_for_line
from tests.e2e.stacks import Containers
from tests.project import copy_project
from windtunnel.stack.calls import saved
from windtunnel.stack.docker.engine import docker, inspect
from windtunnel.stack.environment import Principal

pytestmark = pytest.mark.skipif(STACK != "docker", reason="Of the Docker stack: make test-e2e STACK=docker")

IMAGE = """
FROM {ours}
USER root
RUN rm -rf /usr/local/airflow/logs
LABEL test.of=another-image
USER airflow
"""

DAG = """
from datetime import datetime
from airflow.sdk import DAG, task
with DAG("just_one", schedule=None, start_date=datetime(2025, 1, 1)):
    @task
    def says():
        import os
        import humanize
        from mine import WORD
        print(humanize.intword(1_200_000), os.environ["EXPORTED"], WORD)
    says()
"""

OURS = ("emr", "airflow-webserver", "airflow-scheduler")


def of(project: Project) -> Containers:
    assert isinstance(project.underneath, Containers)
    return project.underneath


def outcome(run: "subprocess.Popen[str]") -> tuple[int, str]:
    said, _ = run.communicate()
    return run.returncode, said


def nodes(project: Project) -> int:
    """How many nodes of a cluster fit into EMR's container."""
    program = "from windtunnel.emr.config import default_nodes; print(default_nodes())"
    emr = of(project).found()["emr"].id
    return int(docker("exec", emr, "python", "-I", "-c", program, environment=of(project).compose.caller()))


@pytest.fixture
def mended(project: Project) -> Iterator[Project]:
    """The stack, up again after the test, which knows all that it did before, the test's run and cluster too."""
    runs, clusters = project.runs("salary_pipeline"), set(project.clusters())
    yield project
    project.run("up")
    assert project.runs("salary_pipeline") > runs
    assert set(project.clusters()) > clusters


@pytest.mark.parametrize("service", ["airflow-webserver", "airflow-scheduler", "postgres"])
def test_a_container_that_crashes_is_started_again_and_the_run_ends_right(
    mended: Project, service: str
) -> None:
    with mended.start("run") as run:
        wait_for_line(run, "wait_for_step running")
        of(mended).crash(service)
        code, said = outcome(run)
    assert code == 0, said
    assert f"{service} died and was started again" in said


def test_when_emrs_container_crashes_its_clusters_end_and_the_run_says_so(mended: Project) -> None:
    before = set(mended.clusters())
    with mended.start("run") as run:
        wait_for_line(run, "average_salary RUNNING")
        of(mended).crash("emr")
        code, said = outcome(run)
    assert code == 1, said
    assert "emr died and was started again" in said and "wait_for_step failed" in said
    mended.run("up")
    [cluster] = set(mended.clusters()) - before
    assert mended.clusters()[cluster] in ("TERMINATED_WITH_ERRORS", "TERMINATED")


def test_a_container_that_was_killed_by_hand_stays_so_and_the_run_names_it(mended: Project) -> None:
    with mended.start("run") as run:
        wait_for_line(run, "wait_for_step running")
        docker("kill", of(mended).found()["airflow-scheduler"].id, environment=of(mended).compose.caller())
        code, said = outcome(run)
    assert code == 1, said
    assert (
        "airflow-scheduler died (exit code 137: killed by signal 9)" in said
        and "`make up STACK=docker`" in said
    )


def test_celerys_worker_runs_the_tasks_that_come_over_sqs(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = copy_project(tmp_path_factory.mktemp("celery") / "project", ROWS)
    other = Project(folder, airflow_executor="CeleryExecutor", emr_memory="4g")
    try:
        said = other.run("run")
        assert "average_salary" in said and "succeeded" in said
        # No message came twice.
        assert "(try 2)" not in said
        worker = of(other).found()["airflow-worker"]
        log = other.run("logs", "airflow-worker", "-n", "100000")
        assert "celery.worker.strategy" in log or "Task execute_workload" in log, log
        assert worker.is_well
        assert nodes(other) < nodes(project)
        queue = {
            (call.principal, call.operation, call.resource["QueueUrl"].rpartition("/")[2])
            for call in saved(other.settings)["salary_pipeline"].calls
            if call.service == "sqs"
        }
        assert {operation for _, operation, _ in queue} >= {"SendMessage", "ReceiveMessage", "DeleteMessage"}
        assert {(principal, name) for principal, _, name in queue} == {(Principal.AIRFLOW, "airflow-celery")}
    finally:
        other.end()


def test_no_container_of_ours_is_root_or_has_a_capability(project: Project) -> None:
    found = of(project).found()
    for told in inspect("container", [found[name].id for name in OURS], of(project).compose.caller()):
        assert told["Config"]["User"] not in ("", "root", "0"), told["Name"]
        host = told["HostConfig"]
        assert not host["Privileged"] and host["CapDrop"] == ["ALL"] and not host["CapAdd"]
        assert "no-new-privileges:true" in host["SecurityOpt"]
        user = docker("exec", told["Id"], "id", "-u", environment=of(project).compose.caller())
        assert user.strip() != "0"


def test_another_image_of_airflow_drops_in(
    project: Project, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Amazon MWAA's: it has no folder for logs, and nobody but AIRFLOW_IMAGE knows of it."""
    caller, name = of(project).compose.caller(), f"another-airflow:{project.settings.airflow_port}"
    folder = tmp_path_factory.mktemp("image")
    (folder / "Dockerfile").write_text(IMAGE.format(ours=of(project).compose.images()[1]))
    docker("build", "--quiet", "--tag", name, str(folder), environment=caller, seconds=300)
    monkeypatch.setenv("AIRFLOW_IMAGE", name)
    other = Project(copy_project(folder / "project", ROWS))
    (other.home / "dags" / "just_one.py").write_text(DAG)
    (other.home / "requirements.txt").write_text("humanize\n")
    (other.home / "startup.sh").write_text("export EXPORTED=by-startup\n")
    (other.home / "plugins" / "mine.py").write_text("WORD = 'by-a-plugin'\n")
    try:
        assert "succeeded" in other.run("run", "--dag", "just_one")
        [run] = other.runs("just_one")
        with other.airflow() as airflow:
            [task] = airflow.task_instances("just_one", run)
            assert "1.2 million by-startup by-a-plugin" in "\n".join(airflow.log("just_one", run, task))
        used = inspect("container", [one.id for one in of(other).found().values()], caller)
        assert {told["Config"]["Image"] for told in used} >= {name}
        assert of(other).compose.images()[1] not in {told["Config"]["Image"] for told in used}
    finally:
        other.end()
        docker("image", "rm", name, environment=caller)
