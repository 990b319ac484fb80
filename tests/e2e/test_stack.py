"""What a user gets of the stack: up, down, status, logs; two of them side by side."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import BUCKET, ROWS, Project
from tests.project import PORTS, copy_project
from tests.waiting import eventually

DAG = """
from datetime import datetime
from airflow.sdk import DAG
with DAG("{name}", schedule=None, start_date=datetime(2025, 1, 1)):
    pass
"""

KEPT: Any = {"MasterInstanceType": "m5.xlarge", "InstanceCount": 1, "KeepJobFlowAliveWhenNoSteps": True}


def test_a_second_up_has_nothing_to_do(project: Project) -> None:
    before = project.underneath.starts()
    project.run("up")
    assert project.underneath.starts() == before


def test_a_dag_shows_as_it_is_written_and_goes_as_it_is_removed(project: Project) -> None:
    file = project.home / "dags" / "just_written.py"
    with project.airflow() as airflow:
        file.write_text(DAG.format(name="just_written"))

        def shows() -> None:
            assert "just_written" in airflow.dag_ids()

        eventually(shows, 90)
        file.unlink()

        def is_gone() -> None:
            assert "just_written" not in airflow.dag_ids()

        eventually(is_gone, 180)


def test_status_shows_each_service_and_where_to_look(project: Project) -> None:
    said = project.run("status")
    for words in ("localstack", "postgres", "emr", "airflow-scheduler", project.settings.airflow_url):
        assert words in said


def test_status_shows_the_web_pages_of_a_live_cluster(project: Project) -> None:
    made = project.emr.run_job_flow(Name="looked at", ReleaseLabel="emr-7.13.0", Instances=KEPT)
    cluster = made["JobFlowId"]

    def waits() -> None:
        assert project.clusters()[cluster] == "WAITING"

    eventually(waits, 300)
    said = project.run("status")
    assert cluster in said and "YARN ResourceManager" in said
    page = next(line for line in said.splitlines() if "YARN ResourceManager" in line).partition(": ")[2]
    assert "Cluster Metrics" in httpx.get(page, follow_redirects=True).text
    assert project.underneath.addresses() == {"127.0.0.1"}
    project.emr.terminate_job_flows(JobFlowIds=[cluster])

    def ended() -> None:
        assert project.clusters()[cluster] == "TERMINATED"

    eventually(ended, 120)


def test_logs_of_one_service_and_a_typo_that_is_helped(project: Project) -> None:
    assert "Ready." in project.run("logs", "localstack", "-n", "100000")
    assert "localstack" in project.run("logs", "localstak", code=1)


def test_env_leads_clients_to_the_stack(project: Project) -> None:
    said = project.run("env")
    assert f"export AWS_ENDPOINT_URL={project.settings.localstack_url}" in said
    assert f"export AWS_ENDPOINT_URL_EMR={project.settings.emr_url}" in said


@pytest.mark.parametrize("service", ["localstack", "emr", "airflow"])
def test_a_taken_port_is_said_at_once_with_its_owner_and_how_to_change_it(
    project: Project, tmp_path: Path, service: str
) -> None:
    other = Project(copy_project(tmp_path / "other", ROWS))
    taken = getattr(project.settings, f"{service}_port")
    other.settings = other.settings.model_copy(update={f"{service}_port": taken})
    said = other.run("up", code=1)
    assert str(taken) in said and f"WINDTUNNEL_{service.upper()}_PORT" in said
    assert str(project.home) in said
    assert other.left() == []


def test_two_projects_are_up_at_once_and_know_nothing_of_each_other(project: Project, tmp_path: Path) -> None:
    other = Project(copy_project(tmp_path / "other", ROWS))
    assert all(getattr(project.settings, port) != getattr(other.settings, port) for port in PORTS)
    try:
        other.run("up")
        other.s3.put_object(Bucket=BUCKET, Key="mine", Body=b"")
        assert "Contents" not in project.s3.list_objects_v2(Bucket=BUCKET, Prefix="mine")
        assert other.clusters() == {}
    finally:
        other.end()
    assert project.run("status")


def test_history_outlives_down_and_up_and_s3_is_seeded_anew(project: Project) -> None:
    (project.home / "dags" / "history.py").write_text(DAG.format(name="history"))
    project.run("run", "--dag", "history")
    before = set(project.clusters())
    ends: Any = {**KEPT, "KeepJobFlowAliveWhenNoSteps": False}
    project.emr.run_job_flow(Name="history", ReleaseLabel="emr-7.13.0", Instances=ends)
    project.wait_for_the_end_of_all_but(before)
    clusters = project.clusters()
    runs = project.runs("history")
    project.s3.put_object(Bucket=BUCKET, Key="kept/nowhere", Body=b"")
    project.run("down")
    assert project.left() == []
    assert "Ready." in project.run("logs", "localstack", "-n", "100000")
    project.run("up")
    assert project.clusters() == clusters and clusters
    assert project.runs("history") == runs and runs
    keys = [one["Key"] for one in project.s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert "data/train_features.csv" in keys and "kept/nowhere" not in keys


def test_down_ends_live_clusters(project: Project) -> None:
    made = project.emr.run_job_flow(Name="left up", ReleaseLabel="emr-7.13.0", Instances=KEPT)
    cluster = made["JobFlowId"]
    project.run("down")
    assert project.left() == []
    project.run("up")
    status = project.emr.describe_cluster(ClusterId=cluster)["Cluster"]["Status"]
    assert (status["State"], status["StateChangeReason"]["Message"]) == (
        "TERMINATED",
        "The stack was stopped",
    )
