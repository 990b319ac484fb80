"""The options of the DAG, of windtunnel.toml and of the template are the same ones, and AWS takes their values."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import botocore.session
import botocore.validate
import pytest

from tests.cloudformation import ENVIRONMENT, environment, foundation
from tests.dags import job_flow, task
from tests.dags import load as load_dags
from tests.project import ROOT
from tests.unit.infra.statements import role_statements
from windtunnel.deploy.template import Resolved, load
from windtunnel.stack.environment import option_variables
from windtunnel.stack.project import read_project

FILES = {"RequirementsVersion": "v1", "PluginsVersion": "v2", "StartupScriptVersion": "v3"}


def properties(stack: Resolved) -> dict[str, Any]:
    found: dict[str, Any] = stack.resources["Environment"]["Properties"]
    return found


def options(stack: Resolved) -> dict[str, str]:
    found: dict[str, str] = properties(stack)["AirflowConfigurationOptions"]
    return found


def as_ids(stack: Resolved) -> Resolved:
    """With parameters that look like AWS's, for who looks at their form."""
    ids = {
        "PrivateSubnetIds": "subnet-1,subnet-2",
        "EmrSubnetId": "subnet-1",
        "MwaaSecurityGroupId": "sg-1",
        "Bucket": "airflow-salary-pipeline-123456789012-eu-central-1",
    }
    return replace(stack, parameters=stack.parameters | ids)


@pytest.fixture(scope="module")
def dags(airflow_python: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Those that Airflow finds with the template's options, and with none but the bucket."""
    bare = {"salary_pipeline.bucket": "Bucket"}
    sets = [option_variables(one) for one in (options(environment()), bare)]
    return load_dags(airflow_python, sets, tmp_path_factory.mktemp("airflow"))


def test_the_dag_windtunnel_toml_and_the_template_have_the_same_options(dags: list[dict[str, Any]]) -> None:
    here = read_project(ROOT).mwaa.configuration_options
    there = options(environment())

    assert there.keys() == here.keys()
    assert there.keys() == {f"salary_pipeline.{name}" for name in dags[0]["options"]}


def test_every_option_is_set_by_a_parameter_so_that_a_deployment_can_choose() -> None:
    template = load(ENVIRONMENT)
    written = template["Resources"]["Environment"]["Properties"]["AirflowConfigurationOptions"]

    for name, value in written.items():
        assert isinstance(value, dict), f"{name} is fixed"
    unused = [
        name
        for name in template["Parameters"]
        if f"'{name}'" not in (text := str([template["Resources"], template["Conditions"]]))
        and f"${{{name}}}" not in text
    ]
    assert unused == []


def test_the_templates_defaults_are_the_dags_own(dags: list[dict[str, Any]]) -> None:
    """A DAG without options and one with the template's differ in what an account has, and in nothing else."""
    with_options, bare = dags
    accounts_own = {"Tags", "ServiceRole", "JobFlowRole"}
    in_network = ("Ec2SubnetId", *(f"EmrManaged{one}SecurityGroup" for one in ("Master", "Slave")))

    request, other = job_flow(with_options), job_flow(bare)
    assert request.keys() - accounts_own == other.keys()
    instances = {name: one for name, one in request["Instances"].items() if name not in in_network}
    assert instances.pop("ServiceAccessSecurityGroup") == "EmrServiceAccessSecurityGroup"
    assert instances == other["Instances"]
    for name in other.keys() - {"Instances"}:
        assert request[name] == other[name]
    assert (
        with_options["dags"]["salary_pipeline"]["timetable"] == bare["dags"]["salary_pipeline"]["timetable"]
    )
    for name in ("wait_for_step", "terminate_cluster"):
        assert task(with_options, name) == task(bare, name)


def test_the_dag_asks_for_a_cluster_in_the_first_stacks_network_with_its_roles(
    dags: list[dict[str, Any]],
) -> None:
    assert dags[0]["errors"] == []
    request = job_flow(dags[0])

    assert request["ServiceRole"] == "EmrRole"
    assert request["JobFlowRole"] == "EmrInstanceProfile"
    assert request["Instances"]["Ec2SubnetId"] == "PrivateSubnet1"
    assert request["Instances"]["EmrManagedMasterSecurityGroup"] == "EmrMasterSecurityGroup"
    assert request["Instances"]["EmrManagedSlaveSecurityGroup"] == "EmrCoreSecurityGroup"
    assert request["LogUri"] == "s3://Bucket/logs/emr/"


def test_the_dag_tags_its_clusters_as_the_execution_role_demands(dags: list[dict[str, Any]]) -> None:
    tags = {tag["Key"]: tag["Value"] for tag in job_flow(dags[0])["Tags"]}
    (create,) = (
        one
        for one in role_statements(foundation())
        if one.role == "ExecutionRole" and "elasticmapreduce:RunJobFlow" in one.actions
    )

    demanded = create.content["Condition"]["StringEquals"]
    assert {f"aws:RequestTag/{key}": value for key, value in tags.items()}.items() >= demanded.items()
    assert tags["stage"] == "dev"


@pytest.mark.parametrize(
    "parameters",
    [{}, FILES, {"EnvironmentClass": "mw1.micro"}, {"WebserverAccess": "PRIVATE_ONLY", "LogLevel": "DEBUG"}],
)
def test_mwaa_takes_the_environment_as_it_is(parameters: dict[str, str]) -> None:
    """By the model of its API, which knows lengths; of patterns, those of the options' names and values."""
    request = properties(as_ids(environment(**parameters)))
    model = botocore.session.get_session().get_service_model("mwaa").operation_model("CreateEnvironment")
    shape: Any = model.input_shape
    update_only = {"WorkerReplacementStrategy"}
    numbers = {name for name, member in shape.members.items() if member.type_name == "integer"}
    report = botocore.validate.ParamValidator().validate(
        {
            name: int(value) if name in numbers else value
            for name, value in request.items()
            if name not in update_only
        },
        shape,
    )

    assert not report.has_errors(), report.generate_report()
    for name, value in request["AirflowConfigurationOptions"].items():
        assert isinstance(value, str) and 1 <= len(value) <= 256, name
        assert len(name) <= 64 and name.replace("_", "").replace(".", "").isalpha() and name.islower()


def test_a_file_without_a_version_is_left_out_and_one_with_it_is_read_in_that_version() -> None:
    paths = {"Requirements": "requirements.txt", "Plugins": "plugins.zip", "StartupScript": "startup.sh"}
    bare, full = properties(environment()), properties(environment(**FILES))

    for name, path in paths.items():
        assert not {f"{name}S3Path", f"{name}S3ObjectVersion"} & bare.keys()
        assert full[f"{name}S3Path"] == path
        assert full[f"{name}S3ObjectVersion"] == FILES[f"{name}Version"]
    assert bare["DagS3Path"] == full["DagS3Path"] == "dags"


def test_the_smallest_class_has_one_of_each_and_the_others_what_was_asked_for() -> None:
    counts = ("MinWorkers", "MaxWorkers", "Schedulers", "MinWebservers", "MaxWebservers")

    micro, small = (
        properties(environment(EnvironmentClass="mw1.micro")),
        properties(environment(MaxWorkers=7)),
    )
    assert {micro[name] for name in counts} == {1}
    assert [small[name] for name in counts] == [1, 7, 2, 2, 2]


@pytest.mark.parametrize(("level", "tasks"), [("WARNING", "INFO"), ("CRITICAL", "INFO"), ("DEBUG", "DEBUG")])
def test_all_five_logs_are_kept_and_tasks_tell_at_least_where_their_cluster_is(
    level: str, tasks: str
) -> None:
    logs = properties(environment(LogLevel=level))["LoggingConfiguration"]

    assert len(logs) == 5
    assert all(one["Enabled"] is True for one in logs.values())
    assert logs.pop("TaskLogs")["LogLevel"] == tasks
    assert {one["LogLevel"] for one in logs.values()} == {level}
