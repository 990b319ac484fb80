"""The four real processes of Airflow on the real PostgreSQL, driven through REST."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.integration.stack.running import Running, running
from tests.ports import free_port
from tests.waiting import wait_until
from windtunnel.install.errors import InstallError
from windtunnel.install.progress import SILENT
from windtunnel.stack import postgres
from windtunnel.stack.airflow.install import install
from windtunnel.stack.airflow.services import airflow_services
from windtunnel.stack.postgres import postgres_service, sql_alchemy_url

DAG = """
import os, time
from pathlib import Path
from airflow.configuration import conf
from airflow.sdk import dag, task
from helper import ANSWER  # of the DAGs folder
from plugged import ALSO  # of the plugins folder

@dag(schedule=None, is_paused_upon_creation=False)
def tell():
    @task
    def told():
        # What Airflow itself makes of the layers.
        options = [("core", "parallelism"), ("core", "executor"), ("core", "load_examples"),
                   ("api", "workers"), ("scheduler", "task_queued_timeout"), ("mine", "bucket"),
                   ("core", "max_active_tasks_per_dag")]
        read = {f"{s}.{k}": conf.get(s, k, fallback=None) for s, k in options}
        return read | {"answer": ANSWER + ALSO, "environment": dict(os.environ)}
    told()

@dag(schedule=None, is_paused_upon_creation=False)
def patient():
    @task(retries=0)
    def wait_for_file(dag_run=None):
        folder = Path(dag_run.conf["folder"])
        (folder / f"began-{os.getpid()}").touch()
        while not (folder / "go").exists():
            time.sleep(0.2)
    wait_for_file()

tell()
patient()
"""
STARTUP = """
export FROM_STARTUP="for the $MWAA_AIRFLOW_COMPONENT" AWS_REGION=moon-north-1
export AIRFLOW__API__WORKERS=2 AIRFLOW__CORE__PARALLELISM=3 AIRFLOW__CORE__EXECUTOR=CeleryExecutor
test "$MWAA_AIRFLOW_COMPONENT" = worker || unset AIRFLOW__API__WORKERS
"""
NEW_DAG = """
from airflow.sdk import dag

@dag(schedule=None, description="{description}")
def newcomer():
    pass

newcomer()
"""


class Airflow:
    """The running Airflow, its project folder and its REST interface."""

    def __init__(self, services: dict[str, Running], project: Path, url: str) -> None:
        self.services = services
        self.project = project
        self.rest = httpx.Client(base_url=f"{url}/api/v2", timeout=30)

    def trigger(self, dag: str, **conf: str) -> str:
        answer = self.rest.post(f"/dags/{dag}/dagRuns", json={"logical_date": None, "conf": conf})
        answer.raise_for_status()
        run: str = answer.json()["dag_run_id"]
        return run

    def state(self, dag: str, run: str) -> str:
        state: str = self.rest.get(f"/dags/{dag}/dagRuns/{run}").json()["state"]
        return state

    def wait_for_success(self, dag: str, run: str) -> None:
        def ended() -> bool:
            state = self.state(dag, run)
            assert state != "failed", self.services["airflow-scheduler"].tail()
            return state == "success"

        wait_until(ended, 180, f"{dag} has succeeded")

    def returned(self, dag: str, run: str, task: str) -> Any:
        path = f"/dags/{dag}/dagRuns/{run}/taskInstances/{task}/xcomEntries/return_value"
        return self.rest.get(path).json()["value"]

    def dag(self, name: str) -> dict[str, Any]:
        answer = self.rest.get(f"/dags/{name}")
        found: dict[str, Any] = answer.json() if answer.is_success else {}
        return found


@pytest.fixture(scope="module")
def airflow(
    tmp_path_factory: pytest.TempPathFactory, cache: Path, sockets: Path, airflow_python: Path
) -> Iterator[Airflow]:
    folder = tmp_path_factory.mktemp("airflow")
    project, state = folder / "project", folder / "state"
    for name, text in {
        "dags/tell.py": DAG,
        "dags/helper.py": "ANSWER = 40\n",
        "plugins/plugged.py": "ALSO = 2\n",
        "startup.sh": STARTUP,
    }.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    postgres.install(cache=cache, progress=SILENT)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    services = [
        postgres_service(state=state, cache=cache, sockets=sockets),
        *airflow_services(
            project=project,
            state=state,
            cache=cache,
            host="127.0.0.1",
            port=port,
            url=url,
            options={"core.parallelism": "4", "mine.bucket": "airflow-mine"},
            environment={
                "PATH": os.environ["PATH"],
                "HOME": str(folder),
                "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
                "AWS_REGION": "us-east-1",
                "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": "5",
            },
            database_url=sql_alchemy_url(sockets),
        ),
    ]
    with running(services, folder / "logs") as started:
        yield Airflow(started, project, url)


def test_the_layers_of_configuration_reach_a_task_in_mwaas_order(airflow: Airflow) -> None:
    wait_until(lambda: bool(airflow.dag("tell")), 60, "the DAG is known")
    run = airflow.trigger("tell")
    airflow.wait_for_success("tell", run)

    told = airflow.returned("tell", run, "told")
    environment = told.pop("environment")
    assert told == {
        "core.max_active_tasks_per_dag": "5",  # the container's environment
        "scheduler.task_queued_timeout": "1800.0",  # opinionated
        "api.workers": "2",  # startup.sh over the container
        "core.parallelism": "4",  # an option over startup.sh
        "mine.bucket": "airflow-mine",
        "core.executor": "LocalExecutor",  # essential over startup.sh
        "core.load_examples": "False",
        "answer": 42,
    }
    assert environment["AWS_REGION"] == "us-east-1"  # protected over startup.sh
    assert environment["FROM_STARTUP"] == "for the worker"
    assert environment["AIRFLOW_CONN_AWS_DEFAULT"] == "aws://"
    assert environment["PYTHONPATH"] == f"{airflow.project}/dags:{airflow.project}/plugins"


def test_a_new_dag_and_its_edit_show_without_a_restart(airflow: Airflow) -> None:
    file = airflow.project / "dags" / "newcomer.py"
    file.write_text(NEW_DAG.format(description="first"))
    wait_until(lambda: airflow.dag("newcomer").get("description") == "first", 60, "the new DAG shows")

    file.write_text(NEW_DAG.format(description="second"))
    wait_until(lambda: airflow.dag("newcomer").get("description") == "second", 60, "its edit shows")


def test_a_run_goes_on_after_its_scheduler_and_its_tasks_were_killed(
    airflow: Airflow, tmp_path: Path
) -> None:
    wait_until(lambda: bool(airflow.dag("patient")), 60, "the DAG is known")
    run = airflow.trigger("patient", folder=str(tmp_path))
    wait_until(lambda: len(list(tmp_path.glob("began-*"))) == 1, 60, "the task runs")

    scheduler = airflow.services["airflow-scheduler"]
    scheduler.end()
    scheduler.launch()

    wait_until(lambda: len(list(tmp_path.glob("began-*"))) == 2, 120, "the task runs again")
    (tmp_path / "go").touch()
    airflow.wait_for_success("patient", run)
    wait_until(scheduler.service.healthy, 60, "the scheduler is healthy again")


def test_tables_are_migrated_once(airflow: Airflow) -> None:
    home = airflow.project.parent / "state" / "airflow"
    log = home / "logs" / "migrate-db.log"
    migrated = log.stat().st_mtime_ns
    prepare = airflow.services["airflow-triggerer"].service.prepare
    assert prepare

    prepare(SILENT)

    assert log.stat().st_mtime_ns == migrated
    assert json.loads((home / "migrated.json").read_text())["revision"]


def test_requirements_that_break_an_essential_pin_are_refused_at_once_and_by_their_line(
    tmp_path: Path, cache: Path
) -> None:
    (tmp_path / "requirements.txt").write_text(f"# {uuid4()}\ncelery==5.4.0\n")

    with pytest.raises(InstallError, match=r"line 2 \(celery==5\.4\.0\)"):
        install(project=tmp_path, cache=cache, progress=SILENT)
