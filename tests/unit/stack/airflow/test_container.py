"""What becomes a container of Airflow: on the image's own Python, and told apart by its command."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.programs import program
from windtunnel.install.errors import InstallError
from windtunnel.stack.airflow import container
from windtunnel.stack.airflow.mwaa import COMMANDS, Container
from windtunnel.stack.airflow.requirements import Requirements
from windtunnel.stack.airflow.versions import DEFAULT
from windtunnel.stack.errors import StackError

SOURCE = Path(container.__file__).parents[3]
GIVEN = {
    "AIRFLOW_VERSION": DEFAULT,
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "MWAA__CORE__EXECUTOR_TYPE": "LocalExecutor",
    "MWAA__CORE__FERNET_KEY": '{"FernetKey": "fernet"}',
    "MWAA__WEBSERVER__SECRET": '{"secret_key": "api"}',
    "MWAA__CORE__API_SERVER_URL": "http://webserver:8080",
    "MWAA__DB__CREDENTIALS": '{"username": "airflow", "password": "airflow"}',
    "MWAA__DB__POSTGRES_HOST": "postgres",
    "MWAA__DB__POSTGRES_PORT": "5432",
    "MWAA__DB__POSTGRES_DB": "airflow",
    "MWAA__SQS__CREATE_QUEUE": "True",
    "MWAA__SQS__CUSTOM_ENDPOINT": "http://localstack:4566",
    "MWAA__SQS__QUEUE_URL": "http://localstack:4566/000000000000/airflow-celery",
    "PATH": os.environ["PATH"],
}
CELERY = {"MWAA__CORE__EXECUTOR_TYPE": "CeleryExecutor"}


@dataclass
class Done:
    """What a container did, in order, in the place of Airflow."""

    home: Path
    steps: list[str] = field(default_factory=list)
    commands: list[tuple[str, ...]] = field(default_factory=list)
    environment: Mapping[str, str] = field(default_factory=dict)
    migration: dict[str, Any] = field(default_factory=dict)

    def run(self, command: str, **given: str) -> int:
        return container.run(Container(command, GIVEN | given))

    def startup(self, text: str) -> dict[str, str]:
        """The variable that names a startup script of this text."""
        script = self.home / "startup.sh"
        script.write_text(text)
        return {"MWAA__CORE__STARTUP_SCRIPT_PATH": str(script)}

    def requirements(self, text: str) -> dict[str, str]:
        file = self.home / "requirements.txt"
        file.write_text(text)
        return {"MWAA__CORE__REQUIREMENTS_PATH": str(file)}

    def boto3(self, body: str) -> None:
        """Airflow's interpreter, which would make the queue."""
        program(self.home / ".local" / "bin" / "python", body)


@pytest.fixture
def done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Done:
    """A container whose Airflow is not started, whose tables and packages are not made."""
    seen = Done(tmp_path)

    def run_together(commands: Sequence[Sequence[str]], environment: Mapping[str, str], _: float) -> int:
        seen.steps.append("processes")
        seen.commands, seen.environment = [tuple(one) for one in commands], environment
        return 7

    def migrate(**given: Any) -> None:
        seen.steps.append("migration")
        seen.migration = given

    def install(self: Requirements, root: Path, version: Any, lock: int) -> None:
        seen.steps.append(f"requirements {self.text.strip()} in {root} for {version.number}")

    monkeypatch.setattr(container, "HOME", tmp_path)
    monkeypatch.setattr(container, "ROOT", tmp_path / ".local")
    monkeypatch.setattr(container, "LOGS", tmp_path / "logs")
    monkeypatch.setattr(container, "run_together", run_together)
    monkeypatch.setattr(container, "migrate", migrate)
    monkeypatch.setattr(Requirements, "install", install)
    return seen


@pytest.mark.parametrize(
    ("command", "processes"),
    [
        ("webserver", ["api-server"]),
        ("scheduler", ["scheduler --skip-serve-logs", "dag-processor", "triggerer --skip-serve-logs"]),
        ("worker", ["celery worker"]),
        (
            "hybrid",
            ["scheduler --skip-serve-logs", "dag-processor", "triggerer --skip-serve-logs", "celery worker"],
        ),
    ],
)
def test_each_command_runs_its_processes_together_and_ends_as_they_do(
    done: Done, command: str, processes: list[str]
) -> None:
    assert done.run(command) == 7
    assert [" ".join(arguments) for _, *arguments in done.commands] == processes
    assert {program for program, *_ in done.commands} == {str(done.home / ".local" / "bin" / "airflow")}
    assert done.environment["MWAA_AIRFLOW_COMPONENT"] == command
    assert done.environment["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"


def test_all_commands_but_the_migration_have_processes() -> None:
    assert {*container.PROCESSES, "migrate-db"} == {*COMMANDS}


def test_the_migration_makes_the_tables_and_does_nothing_else(done: Done) -> None:
    given = done.startup("exit 1") | done.requirements("one==1") | CELERY
    assert done.run("migrate-db", **given) == 0
    assert done.steps == ["migration"]
    assert done.migration["airflow"] == DEFAULT
    assert done.migration["python"] == done.home / ".local" / "bin" / "python"
    url = done.migration["environment"]["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    assert url == "postgresql+psycopg2://airflow:airflow@postgres:5432/airflow?sslmode=require"
    # Beside the logs, which is what every container has: the next one finds what was done.
    assert done.migration["kept"].is_relative_to(done.home / "logs")


def test_what_startup_sh_exports_reaches_airflow_and_what_airflow_gets_reaches_startup_sh(done: Done) -> None:
    text = 'export MINE="$MWAA_AIRFLOW_COMPONENT of $AIRFLOW_CONN_AWS_DEFAULT" AIRFLOW__CORE__EXECUTOR=x\necho said'
    assert done.run("scheduler", **done.startup(text)) == 7
    assert done.environment["MINE"] == "scheduler of aws://"
    assert done.environment["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert (done.home / "logs" / "startup" / "scheduler.log").read_text() == "said\n"


def test_a_startup_sh_that_fails_ends_the_container_before_anything_else(done: Done) -> None:
    with pytest.raises(StackError, match="failed with exit code 3"):
        done.run("worker", **done.startup("exit 3"), **done.requirements("one==1"))
    assert done.steps == []


def test_requirements_are_installed_before_airflow_starts_and_after_startup_sh(done: Done) -> None:
    requirements = done.requirements("one==1")
    # As on MWAA it may bring what they need.
    startup = done.startup(f"echo two==2 > {done.home}/requirements.txt")
    done.run("worker", **startup, **requirements)
    assert done.steps == [f"requirements two==2 in {done.home / '.local'} for {DEFAULT}", "processes"]


@pytest.mark.parametrize("text", ["", "# only a comment\n"])
def test_requirements_that_ask_for_nothing_install_nothing(done: Done, text: str) -> None:
    done.run("webserver", **done.requirements(text))
    assert done.steps == ["processes"]


def test_a_file_of_requirements_that_is_not_there_is_none(done: Done) -> None:
    done.run("webserver", MWAA__CORE__REQUIREMENTS_PATH="/nowhere/requirements.txt")
    assert done.steps == ["processes"]


def test_with_celery_the_queue_is_made_before_airflow_starts(done: Done) -> None:
    done.boto3(f'echo "$4 $5 at $MWAA__SQS__CUSTOM_ENDPOINT" > {done.home}/queue')
    done.run("worker", **CELERY)
    assert (done.home / "queue").read_text() == "airflow-celery 43200 at http://localstack:4566\n"
    assert done.steps == ["processes"]


def test_without_celery_or_unless_asked_for_no_queue_is_made(done: Done) -> None:
    done.boto3(f"touch {done.home}/queue")
    done.run("scheduler")
    done.run("scheduler", **CELERY, MWAA__SQS__CREATE_QUEUE="False")
    assert not (done.home / "queue").exists()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("echo first >&2; echo NoEndpoint >&2; exit 1", "NoEndpoint"),
        ("exit 1", "it said nothing"),
    ],
)
def test_a_queue_that_cannot_be_made_ends_the_container_with_the_reason(
    done: Done, body: str, said: str
) -> None:
    done.boto3(body)
    with pytest.raises(StackError, match=f"queue airflow-celery of Celery cannot be made: {said}"):
        done.run("worker", **CELERY)
    assert done.steps == []


@pytest.mark.parametrize("arguments", [[], ["api-server"], ["webserver", "scheduler"]])
def test_what_is_no_command_is_told_with_those_that_are(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["container", *arguments])
    with pytest.raises(SystemExit) as ended:
        container.main()
    assert "Say one of webserver, scheduler, worker, migrate-db, hybrid" in str(ended.value.code)


@pytest.mark.parametrize("error", [StackError("why the stack"), InstallError("why the install")])
def test_what_goes_wrong_ends_the_container_with_its_sentence(
    done: Done, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> int:
        raise error

    monkeypatch.setattr(container, "run_together", fail)
    monkeypatch.setattr(sys, "argv", ["container", "webserver"])
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        container.main()
    assert ended.value.code == str(error)


@pytest.fixture
def images_python(tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Runs a program as the image's Python does: windtunnel and uv are there, and nothing else is."""
    packages = tmp_path / "packages"
    (packages / "uv").mkdir(parents=True)
    (packages / "uv" / "__init__.py").write_text("def find_uv_bin(): return '/nowhere/uv'\n")
    paths = f"import sys; sys.path += {[str(packages), str(SOURCE)]!r}\n"

    def run(body: str, *arguments: str, **given: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-I", "-S", "-c", paths + body, *arguments],
            env={"PATH": os.environ["PATH"], **given},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_it_imports_nothing_that_the_images_python_lacks(
    images_python: Callable[..., "subprocess.CompletedProcess[str]"],
) -> None:
    listed = images_python(
        "import json, windtunnel.stack.airflow.container\n"
        "names = {name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names\n"
        "print(json.dumps(sorted(names)))"
    )
    assert listed.stderr == ""
    assert {*json.loads(listed.stdout)} - {"__main__"} == {"uv", "windtunnel"}


def test_it_imports_only_rooms_that_the_images_build_is_given() -> None:
    ignore = (SOURCE.parent / "docker" / "airflow" / "Dockerfile.dockerignore").read_text().splitlines()
    rooms = {line.removeprefix("!src/windtunnel/") for line in ignore if line.startswith("!src/")}
    listed = subprocess.run(
        [sys.executable, "-c", "import sys, windtunnel.stack.airflow.container\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    used = {name.split(".")[1] for name in listed.stdout.split() if name.startswith("windtunnel.")}
    assert used <= rooms
    assert {"stack", "install"} <= used


def test_run_as_the_image_runs_it_a_refusal_is_one_sentence(
    images_python: Callable[..., "subprocess.CompletedProcess[str]"],
) -> None:
    body = "import runpy; runpy.run_module('windtunnel.stack.airflow.container', run_name='__main__', alter_sys=True)"
    refused = images_python(body, "webserver", **{**GIVEN, "MWAA__CORE__FERNET_KEY": ""})
    assert refused.returncode == 1
    assert refused.stderr == (
        "The container lacks the variable MWAA__CORE__FERNET_KEY: docker/compose.yaml says what it takes.\n"
    )


def test_run_as_the_image_runs_it_airflows_processes_end_together(
    images_python: Callable[..., "subprocess.CompletedProcess[str]"], tmp_path: Path
) -> None:
    # The scheduler ends by itself; the other two would go on.
    told = 'echo "$1 of $MWAA_AIRFLOW_COMPONENT with $MINE"'
    program(
        tmp_path / "home" / "bin" / "airflow",
        f'{told} >> {tmp_path}/said; [ "$1" = scheduler ] && exit 3; exec sleep 600',
    )
    script = tmp_path / "startup.sh"
    script.write_text("export MINE=this\n")
    body = f"""
from pathlib import Path
from windtunnel.stack.airflow import container
container.ROOT, container.LOGS = Path({str(tmp_path / "home")!r}), Path({str(tmp_path / "logs")!r})
container.main()
"""
    ran = images_python(body, "scheduler", **GIVEN, MWAA__CORE__STARTUP_SCRIPT_PATH=str(script))
    assert (ran.returncode, ran.stderr) == (3, "")
    assert (
        "airflow scheduler --skip-serve-logs` ended with exit code 3, and the container with it."
        in ran.stdout
    )
    assert "scheduler of scheduler with this" in (tmp_path / "said").read_text().splitlines()
