"""Amazon EMR on real daemons, and LocalStack: both under the supervisor, nothing of Airflow."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from tests.project import copy_project, own_settings
from tests.waiting import eventually
from windtunnel.cli.serve import emr_config
from windtunnel.emr.service import stop_clusters
from windtunnel.install.progress import terminal_progress
from windtunnel.stack import lifecycle, localstack, native
from windtunnel.stack.environment import aws_variables
from windtunnel.stack.leftovers import find
from windtunnel.stack.settings import Settings
from windtunnel.stack.supervisor import Supervisor

if TYPE_CHECKING:
    from mypy_boto3_emr import EMRClient
    from mypy_boto3_s3 import S3Client

BUCKET = "airflow-salary-pipeline-local"


class Stack:
    """LocalStack and EMR, up; `kill` is a kill -9 after which the supervisor starts it again."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.services = [one for one in native.services(settings) if one.name in ("localstack", "emr")]
        self.supervisor = Supervisor(settings)
        variables = aws_variables(settings)
        session = boto3.Session(
            aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
            region_name=variables["AWS_REGION"],
        )
        self.emr: EMRClient = session.client("emr", endpoint_url=settings.emr_url)
        self.s3: S3Client = session.client("s3", endpoint_url=settings.localstack_url)

    def up(self) -> None:
        lifecycle.up(self.settings, self.services, self._set_up, terminal_progress())

    def down(self) -> None:
        lifecycle.down(self.settings, lambda: stop_clusters(emr_config(self.settings)), terminal_progress())
        assert find(self.supervisor.identity) == []

    def kill(self, service: str) -> None:
        pid = self.supervisor.state(service).pid
        assert pid
        kill_9(pid)

    def put(self, key: str, text: str) -> str:
        """A file in S3; its address."""
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=text.encode())
        return f"s3://{BUCKET}/{key}"

    def get(self, address: str) -> bytes:
        bucket, _, key = address.partition("://")[2].partition("/")
        return self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    def run(self, **members: Any) -> str:
        """A kept-alive cluster of a master and two workers."""
        instances = {
            "InstanceGroups": [
                {"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1},
                {"InstanceRole": "CORE", "InstanceType": "m5.xlarge", "InstanceCount": 2},
            ],
            "KeepJobFlowAliveWhenNoSteps": True,
            **members.pop("Instances", {}),
        }
        request = {
            "Name": "test",
            "ReleaseLabel": "emr-7.13.0",
            "Applications": [{"Name": "Hadoop"}, {"Name": "Spark"}],
            "LogUri": f"s3://{BUCKET}/logs/emr/",
            "Instances": instances,
            **members,
        }
        return self.emr.run_job_flow(**request)["JobFlowId"]

    def wait_for_cluster(self, cluster: str, *states: str) -> dict[str, Any]:
        """Its Status once it is in one of these states."""

        def look() -> dict[str, Any]:
            status = self.emr.describe_cluster(ClusterId=cluster)["Cluster"]["Status"]
            assert status["State"] in states, json.dumps(status, default=str)
            return dict(status)

        return eventually(look, 600)

    def add(self, cluster: str, *argv: str, action: str = "CONTINUE") -> str:
        """A step of command-runner.jar; its id."""
        config = {"Jar": "command-runner.jar", "Args": list(argv)}
        step: Any = {"Name": argv[0], "ActionOnFailure": action, "HadoopJarStep": config}
        return self.emr.add_job_flow_steps(JobFlowId=cluster, Steps=[step])["StepIds"][0]

    def wait_for_step(self, cluster: str, step: str, *states: str) -> dict[str, Any]:
        """Its Status once it is in one of these states."""

        def look() -> dict[str, Any]:
            status = self.emr.describe_step(ClusterId=cluster, StepId=step)["Step"]["Status"]
            assert status["State"] in states, json.dumps(status, default=str)
            return dict(status)

        return eventually(look, 600)

    def output(self, cluster: str, step: str, log: str = "stdout") -> str:
        """A log of a step, as it lies on the master node; empty before the step has begun."""
        file = self.folder(cluster) / "steps" / step / log
        return file.read_text() if file.exists() else ""

    def folder(self, cluster: str) -> Path:
        return self.settings.state / "emr" / "clusters" / cluster

    def _set_up(self, progress: Any) -> None:
        localstack.install(cache=self.settings.cache, progress=progress)


def kill_9(pid: int) -> None:
    """kill -9."""
    os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Up for all tests of this folder."""
    project = copy_project(tmp_path_factory.mktemp("emr") / "project", rows=1000)
    running = Stack(own_settings(project))
    try:
        running.up()
        yield running
    finally:
        running.down()
