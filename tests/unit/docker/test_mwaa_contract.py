"""Amazon MWAA's own image in the place of ours: it is given all that it reads, and nothing that breaks it.

The facts are those of its 3.0.6.
"""

import json
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from tests.compose import Service, docker_settings, given, needs_compose, services
from tests.project import ROOT
from windtunnel.stack.airflow import mwaa
from windtunnel.stack.docker.compose import Compose

pytestmark = needs_compose

IMAGE = "amazon-mwaa-docker-images/airflow:3.0.6"
COMMANDS = {"webserver", "scheduler", "worker", "migrate-db", "hybrid", "shell", "resetdb", "spy"}
"""What the image can be told to be; all but the first four are for other uses."""
WITHOUT_THEM_IT_ENDS = {
    *(f"MWAA__LOGGING__AIRFLOW_{one}_LOG_LEVEL" for one in ("SCHEDULER", "WEBSERVER", "WORKER")),
    *(f"MWAA__DB__POSTGRES_{one}" for one in ("HOST", "PORT", "DB", "SSLMODE")),
    *("MWAA__DB__CREDENTIALS", "MWAA__CORE__API_SERVER_URL", "MWAA__SQS__QUEUE_URL"),
    *("MWAA__CORE__FERNET_KEY", "MWAA__WEBSERVER__SECRET", "AWS_REGION"),
}
ITS_OWN = {
    *("PATH", "PYTHONPATH", "PYTHONHOME", "PYTHONUNBUFFERED", "HOME", "LD_LIBRARY_PATH"),
    *("AIRFLOW_HOME", "AIRFLOW_VERSION", "AIRFLOW_CONSTRAINTS_FILE", "MWAA_HOME"),
    *("MWAA_ESSENTIAL_CONSTRAINTS_FILE", "MWAA_AIRFLOW_COMPONENT", "MWAA_COMMAND"),
}
"""What the image sets itself; another value breaks it."""
SECRETS = {
    "MWAA__CORE__FERNET_KEY": {"FernetKey"},
    "MWAA__WEBSERVER__SECRET": {"secret_key"},
    "MWAA__DB__CREDENTIALS": {"username", "password"},
}
HOME = PurePosixPath("/usr/local/airflow")
PLACES = {
    "dags": HOME / "dags",
    "plugins": HOME / "plugins",
    "requirements.txt": HOME / "requirements" / "requirements.txt",
    "startup.sh": HOME / "startup" / "startup.sh",
}
HEALTH = ROOT / "docker" / "airflow" / "health.py"


@pytest.fixture
def airflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Service]:
    settings = docker_settings(tmp_path / "state", airflow_executor="CeleryExecutor")
    monkeypatch.setenv("AIRFLOW_IMAGE", IMAGE)
    found = services(settings)
    # Celery's queue is made by the AWS CLI, which EMR's image has.
    return {n: one for n, one in found.items() if n.startswith("airflow-") and n != "airflow-queue"}


def test_the_image_that_is_named_is_every_airflow_containers_and_only_theirs(
    tmp_path: Path, airflow: dict[str, Service]
) -> None:
    assert {service["image"] for service in airflow.values()} == {IMAGE}
    others = services(docker_settings(tmp_path / "other"))
    assert IMAGE not in {service["image"] for service in others.values()}


def test_without_a_named_image_it_is_ours(tmp_path: Path) -> None:
    settings = docker_settings(tmp_path)
    found = {n: s["image"] for n, s in services(settings).items() if n.startswith("airflow-")}
    assert set(found.values()) == {Compose(settings).images()[1]}


def test_each_container_is_told_one_command_that_both_images_know(airflow: dict[str, Service]) -> None:
    told = {name: service["command"] for name, service in airflow.items()}
    assert told == {
        "airflow-migrate-db": ["migrate-db"],
        "airflow-webserver": ["webserver"],
        "airflow-scheduler": ["scheduler"],
        "airflow-worker": ["worker"],
    }
    assert {command for [command] in told.values()} <= COMMANDS & {*mwaa.COMMANDS}
    # The image's own entry point reads it.
    assert not [name for name, service in airflow.items() if service.get("entrypoint")]


def test_each_container_has_all_without_which_the_image_ends(airflow: dict[str, Service]) -> None:
    for name, service in airflow.items():
        has = {variable for variable, value in given(service).items() if value}
        assert not WITHOUT_THEM_IT_ENDS - has, name


def test_nothing_takes_the_place_of_what_the_image_sets_itself(airflow: dict[str, Service]) -> None:
    for name, service in airflow.items():
        assert not ITS_OWN & {*given(service)}, name
        assert "user" not in service, name
        assert "working_dir" not in service, name


def test_secrets_are_json_objects_with_the_keys_that_it_reads(airflow: dict[str, Service]) -> None:
    for service in airflow.values():
        for name, keys in SECRETS.items():
            secret = json.loads(given(service)[name])
            assert set(secret) == keys, name
            assert all(isinstance(value, str) and value for value in secret.values()), name


def test_options_are_a_json_object_of_airflows_variables(airflow: dict[str, Service]) -> None:
    for service in airflow.values():
        options = json.loads(given(service)["MWAA__CORE__CUSTOM_AIRFLOW_CONFIGS"])
        assert options["AIRFLOW__SALARY_PIPELINE__BUCKET"] == "airflow-salary-pipeline-local"
        # It hands them to a process as they are: anything but text would end that.
        assert all(n.startswith("AIRFLOW__") and isinstance(v, str) for n, v in options.items())


def test_what_it_asks_for_as_true_or_false_is_one_of_them(airflow: dict[str, Service]) -> None:
    for service in airflow.values():
        switches = {
            n: v for n, v in given(service).items() if n.endswith(("_ENABLED", "CREATE_QUEUE", "SSL"))
        }
        assert len(switches) == 8
        assert {value.lower() for value in switches.values()} <= {"true", "false"}


def test_no_log_goes_to_cloudwatch_which_would_be_an_account(airflow: dict[str, Service]) -> None:
    for service in airflow.values():
        assert not [name for name in given(service) if name.endswith("_LOG_GROUP_ARN")]


def test_hosts_and_ports_are_those_of_the_containers(airflow: dict[str, Service]) -> None:
    for service in airflow.values():
        told = given(service)
        assert told["MWAA__CORE__API_SERVER_URL"] == "http://airflow-webserver:8080"
        assert (told["MWAA__DB__POSTGRES_HOST"], told["MWAA__DB__POSTGRES_PORT"]) == ("postgres", "5432")
        # With a scheme, else it takes what it reads for https; the queue's name is its last part.
        assert told["MWAA__SQS__CUSTOM_ENDPOINT"] == "http://localstack:4566"
        assert told["MWAA__SQS__QUEUE_URL"].startswith("http://localstack:4566/")
        assert told["MWAA__CORE__AUTH_TYPE"] != "mwaa-iam"
        assert told["MWAA__CORE__EXECUTOR_TYPE"] == "CeleryExecutor"
    assert [port["target"] for port in airflow["airflow-webserver"]["ports"]] == [8080]


def test_the_projects_files_are_where_it_looks_for_them(airflow: dict[str, Service]) -> None:
    for service in airflow.values():
        bound = {v["source"]: v["target"] for v in service["volumes"] if v["type"] == "bind"}
        assert {name: bound[str(ROOT / name)] for name in PLACES} == {n: str(p) for n, p in PLACES.items()}
        # Nothing else of ours lies in its home.
        assert {t for t in bound.values() if PurePosixPath(t).is_relative_to(HOME)} == set(
            map(str, PLACES.values())
        )
        assert given(service)["MWAA__CORE__REQUIREMENTS_PATH"] == str(PLACES["requirements.txt"])
        assert given(service)["MWAA__CORE__STARTUP_SCRIPT_PATH"] == str(PLACES["startup.sh"])


def test_the_health_check_is_run_by_any_python_from_a_file_that_is_mounted(
    airflow: dict[str, Service],
) -> None:
    for name, service in airflow.items():
        if name == "airflow-migrate-db":
            continue
        mounted = {v["target"]: v["source"] for v in service["volumes"] if v["type"] == "bind"}
        word, program, script, what = service["healthcheck"]["test"]
        assert (word, program, what) == ("CMD", "python3", *service["command"])
        assert mounted[script] == str(HEALTH)


def test_the_health_check_needs_the_standard_library_alone() -> None:
    program = f"""
import runpy, sys
runpy.run_path({str(HEALTH)!r}, run_name="health")
beyond = {{name.partition(".")[0] for name in sys.modules}} - sys.stdlib_module_names - {{"__main__"}}
sys.exit(", ".join(sorted(beyond)) or 0)
"""
    # Neither installed packages nor this folder can be imported so.
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
