"""Both stacks hand the same settings to the same services: what differs stands in a table, with its reason."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.compose import docker_settings, given, image_variables, needs_compose, services
from tests.project import ROOT
from windtunnel.cli.serve import emr_config
from windtunnel.stack import postgres
from windtunnel.stack.airflow.configuration import CONTAINER
from windtunnel.stack.airflow.launch import Plan, final_environment
from windtunnel.stack.airflow.mwaa import Container
from windtunnel.stack.airflow.services import Airflow
from windtunnel.stack.airflow.versions import DEFAULT
from windtunnel.stack.docker.compose import Compose
from windtunnel.stack.environment import Principal, is_inherited, option_variables, process_environment
from windtunnel.stack.errors import StackError
from windtunnel.stack.localstack import localstack_service
from windtunnel.stack.settings import Settings, load_settings, names, variable

SETTINGS = """\
localstack_port = 5566
emr_port = 5570
airflow_port = 9090
airflow_executor = "{executor}"
emr_max_nodes = 3
emr_max_executors = 2
emr_system_commands = "warn"
emr_spare_minutes = 7
allowed_hosts = "laptop,desk"

[mwaa.configuration_options]
"salary_pipeline.bucket" = "a $bucket of 'quotes' and \\"more\\""
"core.parallelism" = 3
"""
COMMANDS = {
    "api-server": "webserver",
    "scheduler": "scheduler",
    "dag-processor": "scheduler",
    "triggerer": "scheduler",
}
"""Which container each process of the native stack is in."""

HOSTS = "containers know each other by name, native processes by port"
FOLDERS = "MWAA's folders, by Airflow's own defaults below its home"
KEYS = "its image takes the whole secret, as MWAA's does; native processes have a key of their own"
ACCOUNT = "a container has no ~/.aws"
DIFFERENT = {
    "AWS_ENDPOINT_URL": HOSTS,
    "AWS_ENDPOINT_URL_EMR": HOSTS,
    "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": HOSTS,
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "a container of PostgreSQL; natively a unix socket",
    "NO_PROXY": HOSTS,
    "no_proxy": HOSTS,
    "AIRFLOW_HOME": FOLDERS,
    "AIRFLOW__CORE__DAGS_FOLDER": FOLDERS,
    "AIRFLOW__CORE__PLUGINS_FOLDER": FOLDERS,
    "PYTHONPATH": "in the image whose it is Airflow finds both folders itself, as on MWAA",
    "AIRFLOW_TASK_REVISION_ID": "natively it also tells one environment of Python from another",
    "AIRFLOW__API_AUTH__JWT_SECRET": KEYS,
    "AWS_CONFIG_FILE": ACCOUNT,
    "AWS_SHARED_CREDENTIALS_FILE": ACCOUNT,
    "PATH": "the interpreter's folder is first in both",
    "MWAA_COMMAND": "",
    "MWAA_AIRFLOW_COMPONENT": "",
}
"""The variables of Airflow's processes that differ."""
AS_ITS_CONTAINER = ("MWAA_COMMAND", "MWAA_AIRFLOW_COMPONENT")
"""Differ for the scheduler alone, which natively is told `worker`, for it runs the tasks."""
WITH_CELERY = {
    "AIRFLOW__CORE__EXECUTOR": "that is what was asked for",
    "AIRFLOW__CELERY__BROKER_URL": "only Celery has a queue",
    "AIRFLOW__CELERY__RESULT_BACKEND": "only Celery has one",
    "AIRFLOW__CELERY__WORKER_ENABLE_REMOTE_CONTROL": "only Celery has one",
    "AIRFLOW__CELERY__EXTRA_CELERY_CONFIG": "only Celery has a queue",
    "AIRFLOW__OPERATORS__DEFAULT_QUEUE": "only Celery has a queue",
}
EMR_DIFFERENT = {
    "state": "a volume",
    "cache": "a volume",
    "host": "the container's own addresses; which of the host's it is published on is Docker's part",
    "port": "the container's own; which of the host's it is published on is Docker's part",
    "web_ports": "a container's ports have to be named",
    "allowed_hosts": "its name among the containers comes to those that are set",
    "environment": "see STEPS_DIFFERENT",
    "service_environment": "see SERVICE_DIFFERENT",
}
STEPS_DIFFERENT = {
    "AWS_ENDPOINT_URL": HOSTS,
    "AWS_ENDPOINT_URL_EMR": HOSTS,
    "NO_PROXY": HOSTS,
    "no_proxy": HOSTS,
    "PIP_CACHE_DIR": "a volume",
    "WINDTUNNEL_HOME": "the container's own folder",
    "WINDTUNNEL_STATE": "a volume",
}
SERVICE_DIFFERENT = {
    "AWS_ENDPOINT_URL": HOSTS,
    "AWS_ENDPOINT_URL_EMR": HOSTS,
}
LOCALSTACK_DIFFERENT = {
    "GATEWAY_LISTEN": "the image listens on 4566",
    "LOCALSTACK_HOST": HOSTS,
    "FILESYSTEM_ROOT": "the image has its own folders",
    "OVERRIDE_IN_DOCKER": "it is in a container",
    "TEMP": "the image has its own folders",
    "PYTHONUNBUFFERED": "the image sets it",
    "WINDTUNNEL_HOME": "the hooks find the project where it is mounted",
    "NO_PROXY": HOSTS,
    "no_proxy": HOSTS,
    # The hooks take LocalStack's own port, region and keys where these name none.
    **dict.fromkeys(
        (
            *("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_EMR", "AWS_DEFAULT_REGION", "AWS_REGION"),
            *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_EC2_METADATA_DISABLED"),
            *("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"),
        ),
        "LocalStack and its hooks find themselves and take any key",
    ),
    "AIRFLOW_CONN_AWS_DEFAULT": "it is no Airflow",
}

pytestmark = needs_compose


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path, "LocalExecutor")


def make_project(tmp_path: Path, executor: str) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "docker").symlink_to(ROOT / "docker")
    (folder / "requirements.txt").touch()
    (folder / "windtunnel.toml").write_text(SETTINGS.format(executor=executor))
    return folder


def airflow(settings: Settings) -> Airflow:
    """Of the native stack."""
    return Airflow(
        project=settings.home,
        state=settings.state,
        cache=settings.cache,
        host=settings.host,
        port=settings.airflow_port,
        url=settings.airflow_url,
        options=settings.project.mwaa.configuration_options,
        environment=process_environment(settings, Principal.AIRFLOW),
        database_url=postgres.sql_alchemy_url(settings.state),
        version=settings.project.mwaa.airflow_version,
    )


def native(settings: Settings) -> dict[str, dict[str, str]]:
    """What each process of the native stack's Airflow gets, without a startup.sh."""
    one = airflow(settings)
    found = {}
    for component in one.components():
        plan = Plan(
            python="/python",
            arguments=component.arguments,
            startup="",
            startup_log="",
            options=option_variables(dict(one.options)),
            essential=one.essential(component.mwaa),
            started="",
        )
        found[component.name] = final_environment(plan, one.container())
    return found


def in_container(settings: Settings) -> dict[str, dict[str, str]]:
    """What each container's Airflow gets, by our image, without a startup.sh."""
    found = services(settings)
    image = image_variables("airflow")
    return {
        command: Container(command, image | given(found[f"airflow-{command}"])).environment({})
        for command in {*COMMANDS.values()}
    }


def differing(one: Mapping[str, object], other: Mapping[str, object]) -> set[str]:
    return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}


def of_the_shell_or_the_stack(name: str) -> bool:
    """What a native process has of the caller's shell, and of the stack's own settings; MWAA's image has its own."""
    is_ours = name.startswith(("WINDTUNNEL_", "MWAA__"))
    return is_ours or (is_inherited(name) and name not in DIFFERENT and name not in CONTAINER)


def test_each_process_of_airflow_gets_the_same_but_for_the_table(project: Path, tmp_path: Path) -> None:
    settings = docker_settings(tmp_path / "state", project)
    ours, theirs = native(settings), in_container(settings)
    found: set[str] = set()
    for process, command in COMMANDS.items():
        differ = differing(ours[process], theirs[command])
        differ = {name for name in differ if not of_the_shell_or_the_stack(name)}
        assert not differ - DIFFERENT.keys(), process
        assert bool(differ & {*AS_ITS_CONTAINER}) == (process == "scheduler"), process
        found |= differ
    assert found == DIFFERENT.keys(), "a row that is not needed any more"


def test_celery_adds_only_what_celery_has(tmp_path: Path) -> None:
    settings = docker_settings(tmp_path / "state", make_project(tmp_path, "CeleryExecutor"))
    ours, theirs = native(settings)["scheduler"], in_container(settings)["scheduler"]
    differ = {name for name in differing(ours, theirs) if not of_the_shell_or_the_stack(name)}
    assert differ == DIFFERENT.keys() | WITH_CELERY.keys()


def test_an_option_arrives_as_it_was_written(project: Path, tmp_path: Path) -> None:
    settings = docker_settings(tmp_path / "state", project)
    bucket = "a $bucket of 'quotes' and \"more\""
    for environment in (*native(settings).values(), *in_container(settings).values()):
        assert environment["AIRFLOW__SALARY_PIPELINE__BUCKET"] == bucket
        # An option wins over what suits a desk.
        assert environment["AIRFLOW__CORE__PARALLELISM"] == "3"
    assert given(services(settings)["localstack"])["AIRFLOW__SALARY_PIPELINE__BUCKET"] == bucket


@pytest.mark.parametrize("executor", ["LocalExecutor", "CeleryExecutor"])
def test_the_emr_service_is_the_same_but_for_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, executor: str
) -> None:
    project = make_project(tmp_path, executor)
    settings = docker_settings(tmp_path / "state", project)
    environment = image_variables("emr") | given(services(settings)["emr"])
    ours = vars(emr_config(settings))
    for name in [name for name in os.environ if not is_inherited(name)]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    # All that is mounted of the project is its windtunnel.toml.
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "windtunnel.toml").write_text((project / "windtunnel.toml").read_text())
    theirs = vars(emr_config(load_settings(inside)))
    assert differing(ours, theirs) == EMR_DIFFERENT.keys()
    assert differing(ours["environment"], theirs["environment"]) == STEPS_DIFFERENT.keys()
    assert differing(ours["service_environment"], theirs["service_environment"]) == SERVICE_DIFFERENT.keys()
    assert theirs["environment"]["AWS_ACCESS_KEY_ID"] == Principal.STEPS
    assert (
        theirs["service_environment"]["AWS_ACCESS_KEY_ID"]
        == environment["AWS_ACCESS_KEY_ID"]
        == Principal.EMR
    )
    assert (theirs["max_nodes"], theirs["max_executors"], theirs["spare_seconds"]) == (3, 2, 420)
    assert (theirs["host"], theirs["port"]) == ("0.0.0.0", 4570)  # noqa: S104
    assert set(theirs["allowed_hosts"]) == {"emr", *settings.allowed_hosts} == {"emr", "laptop", "desk"}
    assert theirs["environment"]["AWS_ENDPOINT_URL"] == "http://localstack:4566"


def test_another_s3_is_everyones(project: Path, tmp_path: Path) -> None:
    elsewhere = "http://minio.lan:9000"
    found = services(docker_settings(tmp_path / "state", project, aws_endpoint_url=elsewhere))
    told = {name: given(service).get("AWS_ENDPOINT_URL") for name, service in found.items()}
    assert {name for name, url in told.items() if url == elsewhere} == {
        name for name in found if name == "emr" or name.startswith("airflow-")
    }
    assert given(found["emr"])["WINDTUNNEL_AWS_ENDPOINT_URL"] == elsewhere


def test_localstack_is_the_same_but_for_the_table(project: Path, tmp_path: Path) -> None:
    settings = docker_settings(tmp_path / "state", project)
    native = localstack_service(
        project=settings.home,
        state=settings.state,
        cache=settings.cache,
        host=settings.host,
        port=settings.localstack_port,
        url=settings.localstack_url,
        environment=process_environment(settings),
    )
    found = services(settings)["localstack"]
    shell = {name for name in native.environment if is_inherited(name)} - LOCALSTACK_DIFFERENT.keys()
    the_stacks = {variable(name) for name in names()}
    assert differing(native.environment, given(found)) - shell - the_stacks == LOCALSTACK_DIFFERENT.keys()
    # Killed, it stays so in both: an empty S3 would look like a healthy one.
    assert (native.restart, found["restart"]) == (False, "no")


def test_proxies_are_never_asked_for_what_is_in_the_stack(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Docker hands the proxies of its client's configuration to every container.
    settings = docker_settings(tmp_path / "state", project)
    monkeypatch.setenv("NO_PROXY", "intranet.example.org")
    for name, service in services(settings).items():
        if name != "postgres":
            told = given(service)
            assert told["NO_PROXY"] == told["no_proxy"], name
            direct = told["NO_PROXY"].split(",")
            assert {"intranet.example.org", "127.0.0.1", "localhost", "localstack", "emr"} <= {*direct}, name
            assert "airflow-webserver" in direct, name


def test_what_suits_a_desk_is_the_same_in_both() -> None:
    lines = (ROOT / "docker" / "airflow" / "desk.env").read_text().splitlines()
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    assert {name: value for name, _, value in pairs} == CONTAINER


def test_images_are_of_the_versions_that_the_package_is() -> None:
    assert image_variables("airflow")["AIRFLOW_VERSION"] == DEFAULT
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    for image in ("airflow", "emr"):
        assert f"\nARG VERSION={version}\n" in (ROOT / "docker" / image / "Dockerfile").read_text(), image


def test_every_variable_of_a_setting_reaches_the_emr_service_or_is_dockers_part(
    project: Path, tmp_path: Path
) -> None:
    told = given(services(docker_settings(tmp_path / "state", project))["emr"]) | image_variables("emr")
    # A limit of memory is Docker's to hold: what fits into it is then found out inside.
    assert {variable(name) for name in names()} - {"WINDTUNNEL_EMR_MEMORY"} <= told.keys()


def test_an_airflow_whose_pins_are_not_here_is_refused_unless_an_image_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(tmp_path, "LocalExecutor")
    with (project / "windtunnel.toml").open("a") as file:
        file.write('\n[mwaa]\nairflow_version = "2.10.3"\n')
    compose = Compose(docker_settings(tmp_path / "state", project))
    with pytest.raises(StackError, match=r"Airflow 2\.10\.3 is not among those"):
        compose.check()
    monkeypatch.setenv("AIRFLOW_IMAGE", "amazon-mwaa-docker-images/airflow:2.10.3")
    compose.check()
    told = given(services(compose.settings)["airflow-scheduler"])
    assert told["AWS_EXECUTION_ENV"] == "Amazon_MWAA_2103"


def test_the_image_of_airflow_is_built_of_the_projects_version(project: Path, tmp_path: Path) -> None:
    settings = docker_settings(tmp_path / "state", project)
    build = services(settings)["airflow-webserver"]["build"]
    assert build["args"] == {"AIRFLOW_VERSION": settings.project.mwaa.airflow_version}
