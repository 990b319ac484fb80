"""The whole stack, driven as a user drives it: by the `windtunnel` command, in a project folder of its own.

`make test-e2e STACK=docker` runs the same tests on the Docker stack.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import httpx
import pytest

from tests.e2e.stacks import underneath, why_no_docker
from tests.project import copy_project, own_settings
from tests.waiting import eventually, wait_until
from windtunnel.cli.test import TARGET as TARGET_VARIABLE
from windtunnel.stack.airflow.client import AirflowClient
from windtunnel.stack.environment import aws_variables
from windtunnel.stack.settings import Settings, setting_variables

if TYPE_CHECKING:
    from mypy_boto3_emr import EMRClient
    from mypy_boto3_s3 import S3Client

WINDTUNNEL = Path(sys.executable).with_name("windtunnel")
BUCKET = "airflow-salary-pipeline-local"
ROWS = 2000
STACK = os.environ.get("WINDTUNNEL_STACK", "native")
TARGET = os.environ.get(TARGET_VARIABLE, "")
"""`aws`: the tests of the pipeline run in the deployed ENVIRONMENT, and no other test does."""
ENVIRONMENT = os.environ.get("WINDTUNNEL_E2E_NAME", "")
OF_MAKE = ("ARGS", "STACK", "ROWS", "MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES")
"""What `make test` gives to the makes that it starts: its own arguments are not theirs."""


class Project:
    """The project in `folder` and its stack."""

    def __init__(self, folder: Path, stack: str = STACK, **settings: Any) -> None:
        self.settings: Settings = own_settings(folder, stack=stack, **settings)
        self.home = self.settings.home
        variables = aws_variables(self.settings)
        session = boto3.Session(
            aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
            region_name=variables["AWS_REGION"],
        )
        self.emr: EMRClient = session.client("emr", endpoint_url=self.settings.emr_url)
        self.s3: S3Client = session.client("s3", endpoint_url=self.settings.localstack_url)
        self.underneath = underneath(self.settings)

    @property
    def environment(self) -> dict[str, str]:
        """The caller's, with the ports and the state of this stack."""
        inherited = {name: value for name, value in os.environ.items() if name not in OF_MAKE}
        return {**inherited, **setting_variables(self.settings), "SALARY_ROWS": str(ROWS)}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """`windtunnel …` in the project folder."""
        return subprocess.Popen(
            [WINDTUNNEL, *arguments],
            cwd=self.home,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str, code: int = 0) -> str:
        """What `windtunnel …` says; it must end with this exit code."""
        with self.start(*arguments) as process:
            said, _ = process.communicate()
        assert process.returncode == code, said
        return said

    @contextmanager
    def airflow(self) -> Iterator[AirflowClient]:
        with AirflowClient(self.settings.airflow_url) as client:
            yield client

    def clusters(self) -> dict[str, str]:
        """Every cluster's state by its id."""
        pages = self.emr.get_paginator("list_clusters").paginate()
        return {one["Id"]: one["Status"]["State"] for page in pages for one in page["Clusters"]}

    def wait_for_the_end_of_all_but(self, before: set[str]) -> None:
        """Until the clusters that were made since are TERMINATED: Airflow's operator does not wait for that."""

        def ended() -> None:
            made = {state for cluster, state in self.clusters().items() if cluster not in before}
            assert made == {"TERMINATED"}

        eventually(ended, 120)

    def runs(self, dag_id: str) -> set[str]:
        """The ids of the DAG's runs that Airflow remembers."""
        url = f"{self.settings.airflow_url}/api/v2/dags/{dag_id}/dagRuns"
        return {run["dag_run_id"] for run in httpx.get(url).raise_for_status().json()["dag_runs"]}

    def wait_for_task(self, process: subprocess.Popen[str], task: str) -> None:
        """Until the task of the run that this `windtunnel run` triggers is running, for however short a time."""
        link = next(line for line in wait_for_line(process, " runs: http").splitlines() if "/runs/" in line)
        dag_id, run_id = link.partition(" ")[0], link.rpartition("/runs/")[2]

        def runs(airflow: AirflowClient) -> bool:
            found = airflow.task_instances(dag_id, run_id)
            return any((one.name, one.state) == (task, "running") for one in found)

        with self.airflow() as airflow:
            wait_until(lambda: runs(airflow), 120, f"{task} is running")

    def end(self) -> None:
        """Stop it, see that nothing runs on, and remove what Docker keeps of it."""
        self.run("down")
        assert self.left() == []
        self.run("clean")

    def left(self) -> list[str]:
        """What runs of this stack."""
        return self.underneath.left()

    def kill(self, service: str) -> None:
        """kill -9 the service's process."""
        self.underneath.kill(service)


def wait_for_line(process: subprocess.Popen[str], words: str) -> str:
    """Read what the command says until a line has these words; what it said."""
    said = ""
    assert process.stdout is not None
    for line in process.stdout:
        said += line
        if words in line:
            return said
    raise AssertionError(f"'{words}' was never said:\n{said}")


def conf(**params: str) -> tuple[str, str]:
    """The flag for a run's configuration."""
    return "--conf", json.dumps(params)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Nothing runs in an account by accident, and there only what can."""
    if TARGET not in ("", "local", "aws"):
        raise pytest.UsageError(f"WINDTUNNEL_E2E_TARGET is {TARGET!r}: it is `local` or `aws`.")
    if TARGET == "aws" and not ENVIRONMENT:
        raise pytest.UsageError(
            "WINDTUNNEL_E2E_TARGET=aws starts EMR clusters in an AWS account. Say in which MWAA environment: "
            "WINDTUNNEL_E2E_NAME=<the name it was deployed by>."
        )
    endpoints = [name for name in os.environ if name.startswith("AWS_ENDPOINT_URL")]
    if TARGET == "aws" and endpoints:
        raise pytest.UsageError(
            f"This shell is set up for a stack on this machine ({', '.join(sorted(endpoints))}): take one that is set "
            "up for the account."
        )
    for item in items:
        mine = item.path.is_relative_to(Path(__file__).parent)
        asked = getattr(item, "fixturenames", ())
        if TARGET == "aws" and mine and ("pipeline" not in asked or "project" in asked):
            item.add_marker(pytest.mark.skip("It tests a stack on this machine, not an environment on AWS"))


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Up for all tests of this folder."""
    if STACK == "docker" and (why := why_no_docker()):
        pytest.skip(f"The Docker stack is not tested: {why}")
    one = Project(copy_project(tmp_path_factory.mktemp("e2e") / "project", ROWS))
    try:
        one.run("up")
        yield one
    finally:
        one.end()
