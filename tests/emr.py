"""Amazon EMR with everything real but the daemons: steps are real processes, the cluster is up at once."""

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
import psutil
from botocore.config import Config

from tests.serving import serving
from tests.waiting import eventually
from windtunnel.aws.app import create_app
from windtunnel.emr.config import EmrConfig
from windtunnel.emr.logs import LogShipper
from windtunnel.emr.operations import emr_service
from windtunnel.emr.reconciler import Reconciler
from windtunnel.emr.runtime import Runtime
from windtunnel.emr.schema import Cluster, InstanceGroup
from windtunnel.emr.store import Store
from windtunnel.hadoop import cluster as hadoop
from windtunnel.hadoop.cluster import ClusterStatus, MasterStatus, NodeStatus
from windtunnel.hadoop.distribution import Distribution, Versions
from windtunnel.hadoop.processes import ProcessState
from windtunnel.hadoop.spec import CLUSTER_VARIABLE
from windtunnel.hadoop.yarn import Application
from windtunnel.install.errors import InstallError
from windtunnel.install.progress import SILENT, Progress

if TYPE_CHECKING:
    from mypy_boto3_emr import EMRClient


T = TypeVar("T")


@dataclass
class Health:
    """What the tests make of the daemons; by node id, `master` among them."""

    dead: set[str] = field(default_factory=set)
    workers_die: bool = False
    """Whether no worker lives."""
    no_restart: bool = False
    """Whether daemons that are started anew end at once, whatever their configurations."""
    generations: dict[str, int] = field(default_factory=dict)
    """Of the daemons of each node that were last started, where they were reconfigured."""
    configured: list[str] = field(default_factory=list)
    """What was reconfigured, in order: `files` of the master, `master`, the ids of workers."""
    starting: bool = False
    containers: dict[str, int] = field(default_factory=dict)
    """How many run on each node."""
    metrics: dict[str, float] = field(default_factory=dict)
    """What YARN would tell."""
    decommissioned: set[str] = field(default_factory=set)
    """Nodes that were asked to let go of what they have; they are rid of it when no container runs there."""
    cannot_install: str = ""
    """Why no release can be installed."""
    installed_python: str = ""
    """The Python that takes the place of each release's."""
    installing: Event | None = None
    """Until it is set, an install is at 12 of 88 MB of its jars."""


class UpAtOnce(hadoop.Cluster):
    """A cluster whose daemons need no time: everything else is the real one's."""

    def __init__(self, spec: hadoop.ClusterSpec, health: Health) -> None:
        super().__init__(spec)
        self._health = health

    def prepare(self) -> None:
        self.spec.folder.mkdir(parents=True, exist_ok=True)

    def introduce(self, folder: Path, *, is_master: bool) -> None: ...

    def start_master(self) -> None:
        self._health.generations["master"] = self.spec.generation

    def start_worker(self, node: hadoop.Node) -> None:
        self._health.generations[node.id] = node.generation

    def configure_master(self) -> None:
        self._health.configured.append("files")

    def restart_master(self) -> None:
        self._health.configured.append("master")
        self.start_master()

    def restart_worker(self, node: hadoop.Node) -> None:
        self._health.configured.append(node.id)
        self.start_worker(node)

    def start_history_server(self) -> None: ...

    def stop_worker(self, node: hadoop.Node) -> None: ...

    def applications(self) -> list[Application]:
        return []

    def observe(self, nodes: Sequence[hadoop.Node]) -> ClusterStatus:
        state = self._state("master", self.spec.generation, self.spec.configurations)
        master = MasterStatus(state, None if self._health.starting else False)
        return ClusterStatus(master, {node.id: self._node(node) for node in nodes})

    def _state(
        self, name: str, generation: int, configurations: Mapping[str, Mapping[str, str]]
    ) -> ProcessState:
        """Daemons with the property `fatal` end as soon as they are started."""
        if self._health.generations.get(name, 0) != generation:
            return ProcessState.ABSENT
        fatal = "fatal" in configurations.get("yarn-site", {}) or (generation > 0 and self._health.no_restart)
        return ProcessState.EXITED if fatal or name in self._health.dead else ProcessState.RUNNING

    def _node(self, node: hadoop.Node) -> NodeStatus:
        state = self._state(node.id, node.generation, node.configurations)
        if self._health.workers_die:
            state = ProcessState.EXITED
        containers = self._health.containers.get(node.id, 0)
        rid = node.id in self._health.decommissioned and not containers
        return NodeStatus(state, not self._health.starting, rid, containers)

    def decommission(self, node: hadoop.Node, leaving: Sequence[hadoop.Node]) -> None:
        assert node in leaving
        self._health.decommissioned.add(node.id)

    def metrics(self) -> Mapping[str, float]:
        return self._health.metrics

    def step_environment(self, folder: Path) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], CLUSTER_VARIABLE: self.spec.id}

    def step_argv(
        self,
        jar: str,
        main_class: str | None,
        properties: Mapping[str, str],
        args: Sequence[str],
        step_folder: Path,
    ) -> tuple[str, ...]:
        return ("bash", *args) if jar == "script-runner.jar" else tuple(args)


class Light(Runtime):
    """A runtime that installs nothing."""

    def __init__(self, config: EmrConfig, health: Health) -> None:
        super().__init__(config, SILENT, self._install_nothing)
        self._health = health

    def _install_nothing(self, versions: Versions, _cache: Path, progress: Progress) -> Distribution:
        if self._health.installing:
            with progress.task("Jars", 88_000_000) as task:
                task.advance(12_000_000)
                self._health.installing.wait()
        if self._health.cannot_install:
            raise InstallError(self._health.cannot_install)
        here = Path(os.devnull)
        versions = replace(versions, python=self._health.installed_python or versions.python)
        return Distribution(versions, "3.4.2", here, (), here, here, here, here)

    def cluster(
        self,
        cluster: Cluster,
        groups: Sequence[InstanceGroup],
        installed: Distribution,
        generation: int = 0,
    ) -> hadoop.Cluster:
        return UpAtOnce(super().cluster(cluster, groups, installed, generation).spec, self._health)


class Emr:
    """The service in this process: `client` talks to it, `crash` and `start` are a kill and a restart."""

    def __init__(self, state: Path, environment: Mapping[str, str], spare_seconds: int = 0) -> None:
        self.config = EmrConfig(
            state=state,
            cache=state / "cache",
            environment=environment,
            max_nodes=5,
            spare_seconds=spare_seconds,
        )
        self.health = Health()
        self._stack = ExitStack()
        self.start()

    def start(self) -> None:
        self.store = Store(self.config.database)
        self.runtime = Light(self.config, self.health)
        self.shipper = LogShipper(self.config.environment, self.config.s3_endpoint)
        self.reconciler = Reconciler(self.store, self.runtime, self.shipper)
        self.reconciler.start()
        self._stack.callback(self.reconciler.close)
        self._stack.callback(self.reconciler.halt)
        port = self._stack.enter_context(serving(create_app([emr_service(self.store)], allowed_hosts=())))
        self._url = f"http://127.0.0.1:{port}"
        self.client = self.client_of()

    def client_of(self, region: str = "us-east-1", key: str = "test", **config: Any) -> "EMRClient":
        """A client in this region with this access key; the rest is botocore's configuration."""
        return boto3.client(
            "emr",
            endpoint_url=self._url,
            region_name=region,
            aws_access_key_id=key,
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, **config),
        )

    def crash(self) -> None:
        """All that the service remembers is lost; processes live on."""
        self._stack.close()

    def stop(self) -> None:
        """End every cluster, and the service."""
        self.reconciler.halt()
        assert self.reconciler.end_all("USER_REQUEST", "The stack was stopped", seconds=30)
        self.crash()

    def run(self, *steps: dict[str, Any], **members: Any) -> str:
        """A cluster with these steps and, for the rest, what a plain one has; kept alive unless said."""
        instances: dict[str, Any] = {
            "MasterInstanceType": "m5.xlarge",
            "SlaveInstanceType": "m5.xlarge",
            "InstanceCount": 3,
            "KeepJobFlowAliveWhenNoSteps": True,
        }
        instances |= members.pop("Instances", {})
        instances = {name: value for name, value in instances.items() if value is not None}
        request = {"Name": "test", "ReleaseLabel": "emr-7.13.0", "Instances": instances, "Steps": list(steps)}
        return self.client.run_job_flow(**{**request, **members})["JobFlowId"]

    def cluster(self, cluster_id: str) -> tuple[str, str]:
        """State and reason."""
        status = self.client.describe_cluster(ClusterId=cluster_id)["Cluster"]["Status"]
        reason = status["StateChangeReason"]
        return status["State"], f"{reason.get('Code', '')} {reason.get('Message', '')}".strip()

    def steps(self, cluster_id: str) -> list[str]:
        """The states of the steps, in the order of submission."""
        steps = self.client.list_steps(ClusterId=cluster_id)["Steps"]
        return [step["Status"]["State"] for step in reversed(steps)]

    def wait(self, cluster_id: str, state: str, steps: list[str] | None = None) -> str:
        """Until the cluster is in this state, and its steps in those; the reason."""

        def seen() -> str:
            now, reason = self.cluster(cluster_id)
            assert now == state, (now, reason, self.steps(cluster_id))
            assert steps is None or self.steps(cluster_id) == steps
            return reason

        return eventually(seen)

    def wait_for_steps(self, cluster_id: str, *states: str) -> None:
        """Until the steps are in these states."""

        def seen() -> None:
            assert self.steps(cluster_id) == list(states)

        eventually(seen)


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that is dead and not yet reaped does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def step(*argv: str, action: str | None = "CONTINUE", name: str = "a step", **jar: Any) -> dict[str, Any]:
    """A step that runs a command."""
    config = {"Name": name, "HadoopJarStep": {"Jar": "command-runner.jar", "Args": list(argv), **jar}}
    return {**config, "ActionOnFailure": action} if action else config


def groups(core: int = 2, **members: Any) -> dict[str, Any]:
    """Instances of a master and a CORE group with these members; the latter first, as clients may have it."""
    master = {"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1}
    workers = {"InstanceRole": "CORE", "InstanceType": "m5.2xlarge", "InstanceCount": core, **members}
    given = dict.fromkeys(("MasterInstanceType", "SlaveInstanceType", "InstanceCount"))
    return {**given, "InstanceGroups": [workers, master]}
