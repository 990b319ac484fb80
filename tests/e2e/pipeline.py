"""The salary pipeline where it runs: on a stack of this machine, or in a deployed environment on AWS."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import boto3
import httpx

from tests.e2e.conftest import BUCKET, Project, conf
from tests.project import ROOT
from tests.waiting import eventually
from windtunnel.stack.airflow.client import API, AirflowClient
from windtunnel.stack.run import Run, RunFailedError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DAG = "salary_pipeline"
END_SECONDS = 1200
"""How long a cluster on AWS may take from the request to end it."""
INPUTS = {name: f"train_{name}.csv" for name in ("features", "salaries")}


class Pipeline(Protocol):
    """What the tests of the pipeline ask of the place where it runs."""

    s3: "S3Client"
    bucket: str
    data: Path
    """The folder with the two files that a run reads unless it is told otherwise."""

    def run(self, dag: str = DAG, code: int = 0, **params: str) -> str:
        """What is said while a run of the DAG goes on to its end, which is a success when `code` is 0."""

    def output(self, name: str) -> str:
        """The key of a folder for a run's output."""

    def clusters(self) -> dict[str, str]:
        """The state of each of the pipeline's clusters by its id."""

    def wait_for_the_end_of_all_but(self, before: set[str]) -> None:
        """Until the clusters that were made since are TERMINATED: Airflow's operator does not wait for that."""

    def put(self, name: str, text: str) -> str:
        """Put an input file into the bucket; its key."""


class Here:
    """The stack of a project of this machine, driven by `windtunnel run`."""

    bucket = BUCKET

    def __init__(self, project: Project) -> None:
        self._project = project
        self.settings = project.settings
        self.s3 = project.s3
        self.data = project.home / "data"

    def run(self, dag: str = DAG, code: int = 0, **params: str) -> str:
        return self._project.run("run", "--dag", dag, *conf(**params), code=code)

    def output(self, name: str) -> str:
        return f"output/{name}/"

    def clusters(self) -> dict[str, str]:
        return self._project.clusters()

    def wait_for_the_end_of_all_but(self, before: set[str]) -> None:
        self._project.wait_for_the_end_of_all_but(before)

    def put(self, name: str, text: str) -> str:
        key = f"data/{name}"
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=text.encode())
        return key


@contextmanager
def on_aws(name: str, data: Path) -> Iterator["OnAws"]:
    """The deployed environment, in which nothing of the tests is left afterwards."""
    one = OnAws(name, data)
    try:
        yield one
    finally:
        one.end()


class Mwaa(httpx.BaseTransport):
    """Airflow's REST API behind MWAA's own, which signs people in by IAM.

    https://docs.aws.amazon.com/mwaa/latest/API/API_InvokeRestApi.html
    """

    def __init__(self, client: Any, name: str) -> None:
        self._client, self._name = client, name

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        content = request.read()
        more: dict[str, Any] = {"Body": json.loads(content)} if content else {}
        if request.url.params:
            more["QueryParameters"] = dict(request.url.params)
        path = request.url.path.removeprefix(API)
        try:
            answer = self._client.invoke_rest_api(Name=self._name, Path=path, Method=request.method, **more)
        except (
            self._client.exceptions.RestApiClientException,
            self._client.exceptions.RestApiServerException,
        ) as error:
            answer = error.response
        return httpx.Response(answer["RestApiStatusCode"], json=answer.get("RestApiResponse"))


class _NothingToWatch:
    """The services are AWS's."""

    def restarted(self) -> list[str]:
        return []

    def lost(self) -> str:
        return ""

    def log_of_dags(self) -> str:
        return "in CloudWatch, in the group …-DAGProcessing"


class OnAws:
    """A deployed environment, with data of the tests' own below keys that no one else has."""

    def __init__(self, name: str, data: Path) -> None:
        self._mwaa: Any = boto3.client("mwaa")
        environment = self._mwaa.get_environment(Name=name)["Environment"]
        self._emr: Any = boto3.client("emr")
        self.s3 = boto3.client("s3")
        self.bucket = environment["SourceBucketArn"].rpartition(":")[2]
        self.data = data
        self._own = f"e2e-{uuid.uuid4().hex[:8]}/"
        self._began = datetime.now(UTC)
        url = f"https://{environment['WebserverUrl']}"
        self._airflow = AirflowClient(url, ROOT, Mwaa(self._mwaa, name))
        self._paused: dict[str, bool] = {}
        self._inputs = {which: self.put(file, (data / file).read_text()) for which, file in INPUTS.items()}

    def run(self, dag: str = DAG, code: int = 0, **params: str) -> str:
        if (known := self._airflow.dag(dag)) and dag not in self._paused:
            self._paused[dag] = known.is_paused
        said: list[str] = []
        one = Run(self._airflow, _NothingToWatch(), dag, said.append)
        try:
            one.start(self._inputs | {"output": self.output(dag)} | params)
            one.follow()
            ended = 0
        except RunFailedError:
            ended = 1
        assert ended == code, "\n".join(said)
        return "\n".join(said)

    def output(self, name: str) -> str:
        return f"output/{self._own}{name}/"

    def clusters(self) -> dict[str, str]:
        pages = self._emr.get_paginator("list_clusters").paginate(CreatedAfter=self._began)
        return {
            one["Id"]: one["Status"]["State"]
            for page in pages
            for one in page["Clusters"]
            if one["Name"].startswith(DAG)
        }

    def wait_for_the_end_of_all_but(self, before: set[str]) -> None:
        def ended() -> None:
            made = {state for cluster, state in self.clusters().items() if cluster not in before}
            assert made == {"TERMINATED"}

        eventually(ended, END_SECONDS, 15)

    def put(self, name: str, text: str) -> str:
        key = f"data/{self._own}{name}"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=text.encode())
        return key

    def end(self) -> None:
        """Take away what the tests made there, and pause again what was paused."""
        for dag, paused in self._paused.items():
            self._airflow.set_paused(dag, paused)
        self._airflow.__exit__()
        pages = self.s3.get_paginator("list_object_versions")
        for prefix in ("data/", "output/"):
            for page in pages.paginate(Bucket=self.bucket, Prefix=f"{prefix}{self._own}"):
                found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
                objects: Any = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
                if objects:
                    self.s3.delete_objects(Bucket=self.bucket, Delete={"Objects": objects})
