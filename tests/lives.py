"""A service of Amazon EMR and its users, told so that any number of deaths between two of their acts change nothing.

Users act as those who lost an answer do: they look at what is, and ask for what is missing. Everything is real but
the daemons, which are `sleep`, and S3, which is a folder.
"""

import multiprocessing
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.deaths import Deaths
from tests.emr import Health, Light, UpAtOnce
from tests.waiting import wait_until
from windtunnel.aws.context import RequestContext
from windtunnel.emr import job_flow, logs
from windtunnel.emr.config import EmrConfig
from windtunnel.emr.logs import LogShipper
from windtunnel.emr.operations import emr_service
from windtunnel.emr.reconciler import Reconciler
from windtunnel.emr.store import Store
from windtunnel.hadoop import cluster as hadoop
from windtunnel.hadoop.cluster import ClusterStatus, MasterStatus, NodeStatus
from windtunnel.hadoop.distribution import Distribution
from windtunnel.hadoop.processes import Request, kill, launch, observe
from windtunnel.hadoop.spec import CLUSTER_VARIABLE, Node
from windtunnel.install.errors import InstallError

CONTEXT = RequestContext("us-east-1", "000000000000", "", "test")
CANNOT_BE_HAD, TAKES_FOREVER = "emr-7.12.0", "emr-7.11.0"
ENDS = {"TERMINATED", "TERMINATED_WITH_ERRORS"}


class Sleepers(UpAtOnce):
    """Each daemon is a process that sleeps: it can be lost, and left behind."""

    def start_master(self) -> None:
        self._sleep(self.spec.master_process)

    def start_worker(self, node: Node) -> None:
        self._sleep(node.process)

    def configure_master(self) -> None: ...

    def restart_master(self) -> None:
        hadoop.Cluster.restart_master(self)

    def restart_worker(self, node: Node) -> None:
        hadoop.Cluster.restart_worker(self, node)

    def decommission(self, node: Node, leaving: Sequence[Node]) -> None:
        (node.folder / "decommissioned").touch()

    def stop_worker(self, node: Node) -> None:
        kill(node.process)

    def observe(self, nodes: Sequence[Node]) -> ClusterStatus:
        master = MasterStatus(observe(self.spec.master_process).state, False)
        return ClusterStatus(master, {node.id: _status(node) for node in nodes})

    def step_environment(self, folder: Path) -> dict[str, str]:
        return {**super().step_environment(folder), **self.spec.environment}

    def _sleep(self, folder: Path) -> None:
        nothing = Path(os.devnull)
        environment = {"PATH": os.environ["PATH"], CLUSTER_VARIABLE: self.spec.id}
        launch(folder, Request(("sleep", "1000"), environment, self.spec.folder, nothing, nothing))


def _status(node: Node) -> NodeStatus:
    gave_up = (node.folder / "decommissioned").exists()
    return NodeStatus(observe(node.process).state, registered=True, decommissioned=gave_up)


class Ground(Light):
    """What clusters run on: two of the releases can't be had."""

    def distribution(self, release_label: str) -> Distribution | None:
        if release_label == CANNOT_BE_HAD:
            raise InstallError("there is no network")
        return None if release_label == TAKES_FOREVER else super().distribution(release_label)

    def cluster(self, *given: Any, **named: Any) -> hadoop.Cluster:
        return Sleepers(super().cluster(*given, **named).spec, self._health)


class FolderS3:
    """As much of an S3 as takes logs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put_object(self, *, Bucket: str, Key: str, Body: Any, ContentType: str) -> None:
        path = self._folder / Bucket / Key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(Body.read())


class Users:
    """Who asks. `folder` is theirs: steps write down in `ran` that they ran, and wait there for a `go`."""

    def __init__(self, db: Store, config: EmrConfig, folder: Path) -> None:
        self._service = emr_service(db)
        self._config = config
        self.folder = folder

    def ask(self, operation: str, **request: Any) -> Any:
        return self._service.handler(operation)(CONTEXT, request)

    def cluster(self, name: str) -> dict[str, Any] | None:
        """The summary of the one that has this name."""
        found = [one for one in self.ask("ListClusters")["Clusters"] if one["Name"] == name]
        assert len(found) <= 1
        return found[0] if found else None

    def steps(self, cluster_id: str) -> dict[str, tuple[str, str]]:
        """Id and state by name."""
        found = self.ask("ListSteps", ClusterId=cluster_id)["Steps"]
        return {one["Name"]: (one["Id"], one["Status"]["State"]) for one in reversed(found)}

    def ran(self, step_name: str) -> bool:
        """Whether the step has begun, and set up what it wants to."""
        return (self.folder / "ran").exists() and step_name in (self.folder / "ran").read_text().split()

    def lose(self, cluster_id: str, pattern: str) -> None:
        """Kill the first daemon of a cluster that this names, once."""
        lost = self.folder / f"lost {cluster_id}"
        for daemon in sorted((self._config.state / "clusters" / cluster_id).glob(pattern)):
            if not lost.exists() and (pid := observe(daemon).pid):
                lost.touch()
                psutil.Process(pid).kill()


@dataclass(frozen=True)
class Tale:
    """One cluster: what is asked for, what its users then do, and how it ends whatever is killed."""

    end: tuple[str, str]
    steps: dict[str, str] = field(default_factory=dict)
    """How each ends, by its name."""
    request: Mapping[str, Any] = field(default_factory=dict)
    act: Callable[[Users, str, str], None] | None = None


def tell(users: Users, tales: Mapping[str, Tale]) -> bool:
    """Have the users do what is next; whether all clusters have ended."""
    ended = True
    for name, tale in tales.items():
        cluster = users.cluster(name)
        if cluster is None:
            users.ask("RunJobFlow", **{**_plain(name), **tale.request})
            ended = False
        elif cluster["Status"]["State"] not in ENDS:
            if tale.act is not None:
                tale.act(users, cluster["Id"], cluster["Status"]["State"])
            ended = False
    return ended


def _plain(name: str) -> dict[str, Any]:
    instances = {"MasterInstanceType": "m5.xlarge", "InstanceCount": 1, "KeepJobFlowAliveWhenNoSteps": True}
    return {"Name": name, "ReleaseLabel": "emr-7.13.0", "LogUri": "s3://logs/", "Instances": instances}


def config_of(folder: Path) -> EmrConfig:
    """The service's place in the folder of a world."""
    here = {"HERE": str(folder), "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    return EmrConfig(state=folder / "emr", cache=folder / "cache", environment=here, max_nodes=5)


def live(folder: Path, tales: Mapping[str, Tale], times: int, depth: int) -> None:
    """One life of the service and its users: to the end of all tales, or to its own."""
    config = config_of(folder)
    deaths = Deaths(folder / "deaths", times, depth)
    job_flow.IDLE_TIMEOUT = range(1, 604_801)
    logs.s3_client = lambda *_: FolderS3(folder / "s3")  # type: ignore[assignment]
    deaths.watch()
    db = Store(config.database)
    reconciler = Reconciler(db, Ground(config, Health()), LogShipper(config.environment, config.s3_endpoint))
    reconciler.start()
    users = Users(db, config, folder)
    try:
        wait_until(lambda: tell(users, tales), 120, "the clusters did not all end")
    finally:
        reconciler.halt()
        reconciler.close()
        db.close()


def lives(folder: Path, tales: Mapping[str, Tale], times: int, depth: int) -> int:
    """Live again after each death, until one life comes to its end; how many there were."""
    folder.mkdir(parents=True)
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload([__name__, "boto3"])
    count = 0
    while True:
        count += 1
        life = forks.Process(target=live, args=(folder, tales, times, depth))
        life.start()
        life.join()
        if life.exitcode == 0:
            return count
        assert life.exitcode == -9, f"a life ended with {life.exitcode}, not by being killed"
