"""A real cluster, and moto's server as the S3 that it reads and writes."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import httpx
import pytest

from tests.ports import free_port
from tests.waiting import wait_until
from windtunnel.hadoop.cluster import Cluster, ClusterSpec, MasterPorts, Node, NodePorts
from windtunnel.hadoop.distribution import Distribution, Versions, install
from windtunnel.hadoop.node_view import view_of
from windtunnel.hadoop.processes import Outcome, ProcessState, Request, launch, observe
from windtunnel.install.progress import terminal_progress

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "tests"
START_SECONDS = 240
STEP_SECONDS = 600
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "a-secret-for-no-file",
    "AWS_DEFAULT_REGION": "us-east-1",
}
CONFIGURATIONS = {
    "spark-defaults": {"spark.windtunnel.test": "of the cluster"},
    "spark-env": {"OF_SPARK_ENV": "$SPARK_CONF_DIR"},
}


@dataclass(frozen=True)
class Step:
    outcome: Outcome
    stdout: str
    stderr: str


class Running:
    """A cluster that is up."""

    def __init__(self, cluster: Cluster, nodes: list[Node], s3: "S3Client") -> None:
        self.cluster = cluster
        self.nodes = nodes
        self.s3 = s3
        self._numbers = count()

    def put(self, key: str, body: str | bytes) -> str:
        """An object in S3; its address."""
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"s3://{BUCKET}/{key}"

    def step(
        self, jar: str, *args: str, main: str | None = None, properties: dict[str, str] | None = None
    ) -> Step:
        """Run a step to its end."""
        folder = self.cluster.spec.folder / "steps" / f"s-{next(self._numbers)}"
        folder.mkdir(parents=True)
        argv = self.cluster.step_argv(jar, main, properties or {}, args, folder)
        stdout, stderr = folder / "stdout", folder / "stderr"
        environment = self.cluster.step_environment(folder)
        view = view_of(self.cluster.spec.folder)
        launch(folder / "process", Request(argv, environment, folder, stdout, stderr, view))
        wait_until(lambda: observe(folder / "process").state is not ProcessState.RUNNING, STEP_SECONDS)
        outcome = observe(folder / "process").outcome
        assert outcome
        return Step(outcome, stdout.read_text(), stderr.read_text())

    def run(self, *args: str) -> Step:
        """A step of command-runner.jar that must succeed."""
        step = self.step("command-runner.jar", *args)
        assert step.outcome.exit_code == 0, step.stderr[-5000:]
        return step

    def registered(self, nodes: list[Node]) -> bool:
        status = self.cluster.observe(nodes)
        states = {status.master.process, *(node.process for node in status.nodes.values())}
        assert states == {ProcessState.RUNNING}, f"{status}: see {self.cluster.spec.folder}"
        return status.master.safe_mode is False and all(one.registered for one in status.nodes.values())


def new_node(cluster: Cluster, node_id: str) -> Node:
    """A worker node of an m5.xlarge's size."""
    folder = cluster.spec.folder / "node" / node_id
    return Node(node_id, folder, 12288, 4, NodePorts.allocate(), configurations=CONFIGURATIONS)


def new_cluster(distribution: Distribution, folder: Path, s3_endpoint: str) -> Cluster:
    """A cluster of which nothing runs yet."""
    environment = {**CREDENTIALS, "AWS_ENDPOINT_URL": s3_endpoint, "WINDTUNNEL_HOME": str(folder)}
    spec = ClusterSpec(
        id=f"j-{folder.name.upper()}{MasterPorts.allocate().name_node}",
        name="test",
        folder=folder,
        distribution=distribution,
        ports=MasterPorts.allocate(),
        configurations=CONFIGURATIONS,
        environment=environment,
        s3_endpoint=s3_endpoint,
        max_executors=2,
    )
    return Cluster(spec)


def write_properties(path: Path, properties: Mapping[str, str | Path]) -> None:
    """A configuration file of Hadoop's."""
    path.parent.mkdir(exist_ok=True)
    items = (f"<property><name>{k}</name><value>{v}</value></property>" for k, v in properties.items())
    path.write_text(f"<configuration>{''.join(items)}</configuration>")


def files_with(secret: str, folder: Path) -> list[Path]:
    """The files below the folder that hold the secret."""
    argv = ("grep", "-rlF", "--devices=skip", secret, folder)
    found = subprocess.run(argv, capture_output=True, text=True, check=False)
    return [Path(line) for line in found.stdout.splitlines()]


@pytest.fixture(scope="session")
def distribution(cache: Path) -> Distribution:
    """With Hadoop's archive, which a user's first clusters run without."""
    installed = install(Versions("3.5.6", 17, "3.9"), cache, terminal_progress())
    installed.class_archives[0].make()
    return installed


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    port = free_port()
    server = Path(sys.executable).with_name("moto_server")
    with subprocess.Popen(
        [server, "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as moto:
        try:
            wait_until(lambda: answers(f"http://127.0.0.1:{port}/moto-api/"), 60)
            yield f"http://127.0.0.1:{port}"
        finally:
            moto.kill()


def answers(url: str) -> bool:
    """Whether there is a page."""
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="module")
def running(
    distribution: Distribution, s3_endpoint: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """A master and two workers, up."""
    s3: S3Client = boto3.client(
        "s3",
        endpoint_url=s3_endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        region_name="us-east-1",
    )
    s3.create_bucket(Bucket=BUCKET)
    cluster = new_cluster(distribution, tmp_path_factory.mktemp("cluster"), s3_endpoint)
    nodes = [new_node(cluster, f"{cluster.spec.id}-{number}") for number in range(2)]
    started = Running(cluster, nodes, s3)
    try:
        cluster.prepare()
        cluster.introduce(cluster.spec.folder / "node" / "master", is_master=True)
        cluster.start_master()
        for node in nodes:
            cluster.introduce(node.folder, is_master=False)
            cluster.start_worker(node)
        wait_until(lambda: started.registered(nodes), START_SECONDS)
        yield started
        # YARN removes what started a container, credentials and all, some moments after its end.
        wait_until(lambda: files_with(CREDENTIALS["AWS_SECRET_ACCESS_KEY"], cluster.spec.folder) == [], 60)
    finally:
        cluster.stop()
