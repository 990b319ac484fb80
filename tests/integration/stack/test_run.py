"""Runs of DAGs, on the real Airflow under the real supervisor."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.waiting import wait_until
from windtunnel.install.progress import SILENT
from windtunnel.stack import native, run
from windtunnel.stack.airflow.client import AirflowClient
from windtunnel.stack.environment import aws_variables
from windtunnel.stack.errors import StackError
from windtunnel.stack.lifecycle import down, up
from windtunnel.stack.project import FILE_NAME
from windtunnel.stack.run import Run, RunFailedError
from windtunnel.stack.service import Service
from windtunnel.stack.settings import Settings, load_settings
from windtunnel.stack.supervisor import Supervisor

DAGS = """
import time
from airflow.sdk import dag, task

@dag(schedule=None)
def counts():
    @task
    def first(dag_run=None):
        return dag_run.conf["numbers"]

    @task
    def each(number):
        return number

    each.expand(number=first())

@dag(schedule=None)
def fails():
    @task(retries=0)
    def breaks():
        raise ValueError("no such job")

    breaks() >> last()

@task
def last():
    pass

@dag(schedule=None)
def waits():
    @task(retries=0)
    def waiting():
        time.sleep(600)

    waiting() >> last()

counts()
fails()
waits()
"""


@dataclass
class Stack:
    settings: Settings
    services: list[Service]
    supervisor: Supervisor
    said: list[str] = field(default_factory=list)

    def run(self, dag_id: str) -> Run:
        self.said = []
        airflow = AirflowClient(self.settings.airflow_url)
        return Run(airflow, native.NativeWatch(self.supervisor), dag_id, self.say)

    def say(self, line: str) -> None:
        self.said.append(line)
        print(line)  # shown when the test fails

    def write_dag(self, name: str, text: str) -> Path:
        file = self.settings.home / "dags" / name
        file.write_text(text)
        return file

    def told(self) -> list[str]:
        """What was said, without the times."""
        return [line.partition(" s  ")[2] or line for line in self.said]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, cache: Path, airflow_python: Path) -> Iterator[Stack]:
    home = tmp_path_factory.mktemp("project").resolve()
    (home / FILE_NAME).write_text("")
    (home / "dags").mkdir()
    (home / "dags" / "some.py").write_text(DAGS)
    ports = {"localstack_port": free_port(), "emr_port": free_port(), "airflow_port": free_port()}
    settings = load_settings(home, cache=cache, **ports)
    # In LocalStack's place something that is quicker to kill and to start again.
    stand_in = Service(
        name="localstack",
        command=("sleep", "600"),
        environment={"PATH": os.environ["PATH"]},
        directory=home,
        healthy=lambda: True,
        restart=False,
    )
    services = [stand_in, *(s for s in native.services(settings) if s.name not in ("localstack", "emr"))]
    made = Stack(settings, services, Supervisor(settings))
    try:
        up(settings, services, lambda p: native.install(settings, p), SILENT)
        yield made
    finally:
        down(settings, lambda: None, SILENT)


@pytest.fixture(autouse=True)
def client_of_the_stack(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in aws_variables(stack.settings).items():
        monkeypatch.setenv(name, value)


def test_a_run_is_told_task_by_task_to_its_success(stack: Stack) -> None:
    one = stack.run("counts")

    one.start({"numbers": [1, 2]})
    one.follow()

    told = stack.told()
    assert told[0] == f"counts runs: {one.link}"
    assert told[-1] == "counts succeeded"
    for task in ("first", "each[0]", "each[1]"):
        assert told.count(f"{task} success") == 1


def test_a_failed_run_is_told_with_the_log_of_what_failed(stack: Stack) -> None:
    one = stack.run("fails")
    one.start({})

    with pytest.raises(RunFailedError, match="The run of fails failed"):
        one.follow()

    told = "\n".join(stack.said)
    assert "breaks failed; the end of its log:" in told
    assert "ValueError: no such job" in told
    assert f"{one.link}/tasks/breaks" in told
    assert "last failed; " not in told


def test_a_dag_that_is_not_there_is_told_with_the_nearest(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "UNKNOWN_SECONDS", 1)
    with pytest.raises(
        StackError, match=r"no DAG count\. Did you mean counts\? It has: counts, fails, waits"
    ):
        stack.run("count").start({})


def test_a_file_that_cannot_be_imported_is_told_with_its_error_until_it_is_mended(stack: Stack) -> None:
    whole = "from airflow.sdk import dag\n\n@dag(schedule=None)\ndef mended(): ...\n\nmended()\n"
    stack.write_dag("mended.py", "import no_such_module\n" + whole)
    with pytest.raises(StackError, match=r"mended cannot be run: .*mended\.py") as error:
        stack.run("mended").start({})
    assert "No module named 'no_such_module'" in str(error.value)

    stack.write_dag("mended.py", whole)
    stack.run("mended").start({})


def test_a_dag_runs_as_its_file_is_now(stack: Stack) -> None:
    text = "from airflow.sdk import dag, task\n\n@dag(schedule=None)\ndef edited():\n    @task\n    def {}(): ...\n"
    for name in ("before", "after"):
        stack.write_dag("edited.py", text.format(name) + f"    {name}()\n\nedited()\n")
        one = stack.run("edited")
        one.start({})
        one.follow()
        assert f"{name} success" in stack.told()


def test_a_run_that_lost_a_service_for_good_fails_and_says_which(stack: Stack) -> None:
    one = stack.run("waits")
    one.start({})

    def waiting_runs() -> bool:
        tasks = one.airflow.task_instances("waits", one.run_id)
        return any(task.state == "running" for task in tasks)

    wait_until(waiting_runs, 60, "the task runs")
    pid = stack.supervisor.state("localstack").pid
    assert pid
    os.kill(pid, signal.SIGKILL)

    with pytest.raises(
        RunFailedError, match=r"localstack died \(terminated by SIGKILL\) and everything in S3"
    ):
        one.follow()

    assert one.airflow.run_state("waits", one.run_id) == "failed"
    assert "last upstream_failed" in stack.told()
    up(stack.settings, stack.services, lambda _: None, SILENT)


def test_a_run_outlives_a_killed_scheduler_and_says_so(stack: Stack) -> None:
    one = stack.run("counts")
    pid = stack.supervisor.state("airflow-scheduler").pid
    assert pid
    one.start({"numbers": [1]})
    os.kill(pid, signal.SIGKILL)

    one.follow()

    assert "airflow-scheduler died and was started again; the run goes on" in stack.told()
    assert stack.told()[-1] == "counts succeeded"
