"""The DAGs as the pinned Airflow understands them."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from tests.dags import job_flow, load, project_options, task
from tests.emr import Emr
from windtunnel.install.environments import environment, python_of
from windtunnel.install.progress import terminal_progress

DAGS = ("salary_pipeline", "salary_pipeline_deferrable")
BUCKET = "AIRFLOW__SALARY_PIPELINE__BUCKET"
OTHER_VERSIONS = {"2.10.3": "3.11", "3.2.1": "3.12"}
"""Of Airflow, with the Python that MWAA runs it on."""
TASKS = ["begin", "create_cluster", "add_step", "wait_for_step", "terminate_cluster", "end"]


@dataclass(frozen=True)
class Found:
    """What Airflow found, by the options that were set."""

    here: dict[str, Any]
    """Those of windtunnel.toml."""
    bare: dict[str, Any]
    """The bucket alone."""
    empty: dict[str, Any]
    """Those of windtunnel.toml, but what may be empty is."""
    account: dict[str, Any]
    """An account's own network and groups, all of them."""
    nothing: dict[str, Any]
    unusable: dict[str, Any]
    """A number that is none."""


NETWORK = {
    "AIRFLOW__SALARY_PIPELINE__SUBNET_ID": "subnet-1",
    "AIRFLOW__SALARY_PIPELINE__MASTER_SECURITY_GROUP": "sg-master",
    "AIRFLOW__SALARY_PIPELINE__CORE_SECURITY_GROUP": "sg-core",
    "AIRFLOW__SALARY_PIPELINE__SERVICE_ACCESS_SECURITY_GROUP": "sg-service",
    "AIRFLOW__SALARY_PIPELINE__SERVICE_ROLE": "role",
    "AIRFLOW__SALARY_PIPELINE__JOB_FLOW_ROLE": "profile",
    "AIRFLOW__SALARY_PIPELINE__TAGS": "team=data, url=a=b ,alone",
    "AIRFLOW__SALARY_PIPELINE__RELEASE_LABEL": "emr-7.12.0",
    "AIRFLOW__SALARY_PIPELINE__MASTER_INSTANCE_TYPE": "m5.2xlarge",
    "AIRFLOW__SALARY_PIPELINE__CORE_INSTANCE_TYPE": "r5.xlarge",
    "AIRFLOW__SALARY_PIPELINE__CORE_INSTANCE_COUNT": "7",
    "AIRFLOW__SALARY_PIPELINE__MARKET": "SPOT",
    "AIRFLOW__SALARY_PIPELINE__IDLE_TIMEOUT": "900",
}


@pytest.fixture(scope="module")
def found(airflow_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Found:
    here = project_options()
    empty = dict.fromkeys([*here, *NETWORK], "") | {BUCKET: "bucket"}
    options = [
        here,
        {BUCKET: "bucket"},
        empty,
        {BUCKET: "bucket"} | NETWORK,
        {},
        {BUCKET: "bucket", "AIRFLOW__SALARY_PIPELINE__POLL_INTERVAL": "often"},
    ]
    return Found(*load(airflow_python, options, tmp_path_factory.mktemp("airflow")))


def test_both_import_without_an_error_or_a_warning_whatever_is_left_out(found: Found) -> None:
    for one in (found.here, found.bare, found.empty, found.account):
        assert one["errors"] == []
        assert one["warnings"] == []
        assert sorted(one["dags"]) == sorted(DAGS)


@pytest.mark.parametrize(("version", "python"), OTHER_VERSIONS.items())
def test_they_import_on_other_versions_of_mwaa_too(
    version: str, python: str, cache: Path, found: Found, tmp_path: Path
) -> None:
    """The oldest and the newest, Airflow and its Amazon provider as MWAA has them."""
    lock = Path(__file__).with_name(f"airflow-{version}.txt")
    name = f"airflow-{version}-dags"
    root = environment(name, python=python, lock=lock, cache=cache, progress=terminal_progress())

    [there] = load(python_of(root), [project_options()], tmp_path)

    assert there["errors"] == [] and there["warnings"] == []
    for dag in DAGS:
        assert there["dags"][dag]["tasks"].keys() == found.here["dags"][dag]["tasks"].keys()
        for name in TASKS:
            here, other = task(found.here, name, dag), task(there, name, dag)
            for part in ("operator", "upstream", "is_setup", "is_teardown", "deferrable"):
                assert other.get(part) == here.get(part), f"{name}: {part}"
    assert job_flow(there) == job_flow(found.here)


def test_the_options_that_are_read_are_those_in_windtunnel_toml(found: Found) -> None:
    assert {f"AIRFLOW__SALARY_PIPELINE__{name.upper()}" for name in found.here["options"]} == set(
        project_options()
    )
    assert found.bare["options"] == found.here["options"]


def test_without_a_bucket_the_import_error_names_the_option(found: Found) -> None:
    assert "[salary_pipeline/bucket] not found in config" in found.nothing["errors"][0]
    assert found.nothing["dags"] == {}


def test_a_number_that_is_none_is_an_import_error_that_names_the_option(found: Found) -> None:
    assert '"poll_interval" key in "salary_pipeline" section' in found.unusable["errors"][0]


def test_it_runs_daily_without_catching_up_and_its_twin_only_when_asked(found: Found) -> None:
    for name in DAGS:
        assert found.bare["dags"][name]["catchup"] is False
        assert found.bare["dags"][name]["max_active_runs"] == 1

    assert found.bare["dags"]["salary_pipeline"]["timetable"] == "0 0 * * *"
    assert found.here["dags"]["salary_pipeline"]["timetable"] == "None"
    assert found.bare["dags"]["salary_pipeline_deferrable"]["timetable"] == "None"


@pytest.mark.parametrize("dag", DAGS)
def test_the_tasks_follow_each_other_and_are_the_amazon_providers_own(found: Found, dag: str) -> None:
    tasks = found.bare["dags"][dag]["tasks"]

    assert list(tasks) == TASKS
    assert [tasks[name]["operator"] for name in TASKS] == [
        "EmptyOperator",
        "EmrCreateJobFlowOperator",
        "EmrAddStepsOperator",
        "EmrStepSensor",
        "EmrTerminateJobFlowOperator",
        "EmptyOperator",
    ]
    assert all(one["module"].startswith("airflow.providers.") for one in tasks.values())
    for before, after in pairwise(TASKS):
        assert before in tasks[after]["upstream"]


@pytest.mark.parametrize("dag", DAGS)
def test_the_cluster_is_terminated_when_the_step_fails_and_the_run_then_fails(found: Found, dag: str) -> None:
    terminate, end = task(found.bare, "terminate_cluster", dag), task(found.bare, "end", dag)

    assert task(found.bare, "create_cluster", dag)["is_setup"]
    assert terminate["is_teardown"]
    assert terminate["trigger_rule"] == "all_done_setup_success"
    # The run is judged by its one leaf, which runs only when the step and the termination succeeded.
    leaves = set(TASKS) - {
        name for one in found.bare["dags"][dag]["tasks"].values() for name in one["upstream"]
    }
    assert leaves == {"end"}
    assert end["trigger_rule"] == "all_success"
    assert end["upstream"] == ["terminate_cluster", "wait_for_step"]


@pytest.mark.parametrize("dag", DAGS)
def test_only_what_may_be_done_twice_is_retried(found: Found, dag: str) -> None:
    retries = {name: one["retries"] for name, one in found.bare["dags"][dag]["tasks"].items()}

    assert {name for name, count in retries.items() if count} == {"wait_for_step", "terminate_cluster"}


def test_in_the_twin_the_triggerer_waits(found: Found) -> None:
    for name in ("wait_for_step", "terminate_cluster"):
        assert task(found.bare, name, "salary_pipeline_deferrable")["deferrable"]
        assert not task(found.bare, name, "salary_pipeline")["deferrable"]


def test_both_ask_emr_every_30_seconds_where_nothing_else_is_set(found: Found) -> None:
    for dag in DAGS:
        wait = task(found.bare, "wait_for_step", dag)
        assert wait["poke_interval"] == 30
        assert wait["timeout"] == wait["max_attempts"] * wait["poke_interval"]
        assert task(found.bare, "terminate_cluster", dag)["waiter_delay"] == 30
        assert task(found.here, "wait_for_step", dag)["poke_interval"] == 2


def test_the_cluster_is_hadoop_and_spark_on_a_master_and_two_core_nodes(found: Found) -> None:
    request = job_flow(found.bare)
    groups = {group["InstanceRole"]: group for group in request["Instances"]["InstanceGroups"]}

    assert request["ReleaseLabel"] == "emr-7.13.0"
    assert request["Applications"] == [{"Name": "Hadoop"}, {"Name": "Spark"}]
    assert request["LogUri"] == "s3://bucket/logs/emr/"
    assert request["Instances"]["KeepJobFlowAliveWhenNoSteps"] is True
    assert {role: group["InstanceCount"] for role, group in groups.items()} == {"MASTER": 1, "CORE": 2}
    assert "{{ run_id }}" in request["Name"]


def test_a_cluster_that_airflow_lost_ends_by_itself(found: Found) -> None:
    assert job_flow(found.bare)["AutoTerminationPolicy"] == {"IdleTimeout": 600}
    assert job_flow(found.account)["AutoTerminationPolicy"] == {"IdleTimeout": 900}


def test_empty_options_are_left_out_of_the_request(found: Found) -> None:
    request = job_flow(found.empty)

    assert request["Instances"].keys() == {"InstanceGroups", "KeepJobFlowAliveWhenNoSteps"}
    assert not {"ServiceRole", "JobFlowRole", "Tags"} & request.keys()
    assert request == job_flow(found.bare)
    assert "''" not in str(request)


def test_an_accounts_own_options_are_all_in_the_request(found: Found) -> None:
    request = job_flow(found.account)
    instances = request["Instances"]

    assert request["ServiceRole"] == "role"
    assert request["JobFlowRole"] == "profile"
    assert request["ReleaseLabel"] == "emr-7.12.0"
    assert request["Tags"] == [
        {"Key": "team", "Value": "data"},
        {"Key": "url", "Value": "a=b"},
        {"Key": "alone", "Value": ""},
    ]
    assert instances["Ec2SubnetId"] == "subnet-1"
    assert instances["EmrManagedMasterSecurityGroup"] == "sg-master"
    assert instances["EmrManagedSlaveSecurityGroup"] == "sg-core"
    assert instances["ServiceAccessSecurityGroup"] == "sg-service"
    assert [
        (group["InstanceType"], group["InstanceCount"], group["Market"])
        for group in instances["InstanceGroups"]
    ] == [("m5.2xlarge", 1, "SPOT"), ("r5.xlarge", 7, "SPOT")]


def test_the_one_step_submits_the_job_with_its_files_in_the_bucket(found: Found) -> None:
    (step,) = task(found.bare, "add_step")["steps"]

    assert step["Name"] == "average_salary"
    assert step["ActionOnFailure"] == "CANCEL_AND_WAIT"
    assert step["HadoopJarStep"] == {
        "Jar": "command-runner.jar",
        "Args": [
            *("spark-submit", "--deploy-mode", "client", "s3://bucket/spark/average_salary.py"),
            *("--features", "s3://bucket/{{ params.features }}"),
            *("--salaries", "s3://bucket/{{ params.salaries }}"),
            *("--output", "s3://bucket/{{ params.output }}"),
        ],
    }
    assert found.bare["dags"]["salary_pipeline"]["params"] == {
        "features": "data/train_features.csv",
        "salaries": "data/train_salaries.csv",
        "output": "output/average_salary/",
    }


def test_aws_knows_every_member_of_the_requests(found: Found) -> None:
    model = botocore.session.get_session().get_service_model("emr")
    validator = botocore.validate.ParamValidator()

    for one in (found.bare, found.empty, found.account):
        steps = {"JobFlowId": "j-1", "Steps": task(one, "add_step")["steps"]}
        for operation, request in (("RunJobFlow", job_flow(one)), ("AddJobFlowSteps", steps)):
            shape = model.operation_model(operation).input_shape
            assert shape
            report = validator.validate(request, shape)
            assert not report.has_errors(), report.generate_report()


def test_emr_here_takes_the_requests_as_they_are(found: Found, tmp_path: Path) -> None:
    emr = Emr(tmp_path / "emr", {})
    try:
        for one in (found.here, found.bare):
            cluster = emr.client.run_job_flow(**job_flow(one))["JobFlowId"]
            steps = task(one, "add_step")["steps"]
            assert emr.client.add_job_flow_steps(JobFlowId=cluster, Steps=steps)["StepIds"]
    finally:
        emr.stop()
