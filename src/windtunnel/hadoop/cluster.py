"""One cluster: a NameNode and a ResourceManager, and on each worker node a NodeManager and, but for TASK nodes,
a DataNode. The daemons of a node are one process.

Nothing here waits, and all of it may be repeated: who wants to know how things are asks `observe`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import httpx

from windtunnel.hadoop import configuration, environment, name_node, node_view, steps
from windtunnel.hadoop.cluster_python import make_environment
from windtunnel.hadoop.daemons import history_server_request, master_request, worker_request
from windtunnel.hadoop.hdfs import NameNode, NameNodeInfo
from windtunnel.hadoop.launchers import write_launchers
from windtunnel.hadoop.ports import LOOPBACK, MasterPorts, NodePorts
from windtunnel.hadoop.processes import (
    ProcessState,
    Request,
    began_at,
    kill,
    kill_all,
    launch,
    observe,
    was_launched,
)
from windtunnel.hadoop.spec import CLUSTER_VARIABLE, NODE_VARIABLE, ClusterSpec, Node
from windtunnel.hadoop.yarn import Application, NodeManager, ResourceManager
from windtunnel.install.files import write_atomically

__all__ = ["GONE", "Cluster", "ClusterSpec", "ClusterStatus", "MasterPorts", "Node", "NodePorts"]

HTTP_SECONDS = 2.0
GONE = (ProcessState.EXITED, ProcessState.LOST)


@dataclass(frozen=True)
class DaemonsStatus:
    """Of the process that the daemons of a node share."""

    process: ProcessState

    @property
    def is_gone(self) -> bool:
        """Whether its daemons have ended."""
        return self.process in GONE

    @property
    def is_absent(self) -> bool:
        """Whether its daemons were never started."""
        return self.process is ProcessState.ABSENT


@dataclass(frozen=True)
class MasterStatus(DaemonsStatus):
    """`safe_mode` is None while the NameNode does not answer."""

    safe_mode: bool | None


@dataclass(frozen=True)
class NodeStatus(DaemonsStatus):
    """`registered`: YARN has the NodeManager as RUNNING, and HDFS the DataNode, where there is one, as live.

    `decommissioned`: no container runs there or could, and all its blocks are elsewhere.
    """

    registered: bool
    decommissioned: bool = False
    containers: int = 0


@dataclass(frozen=True)
class ClusterStatus:
    """`nodes` by the node's id."""

    master: MasterStatus
    nodes: Mapping[str, NodeStatus]


class Cluster:
    """The daemons and steps of the cluster that `spec` describes, whoever started them."""

    def __init__(self, spec: ClusterSpec) -> None:
        self.spec = spec

    @cached_property
    def _http(self) -> httpx.Client:
        # Daemons of this machine speak plain HTTP: to read the certificates of all authorities takes time.
        return httpx.Client(timeout=HTTP_SECONDS, trust_env=False, verify=False)  # noqa: S501

    @cached_property
    def _name_node(self) -> NameNode:
        return NameNode(self._http, self.spec.name_node_url)

    @cached_property
    def _resource_manager(self) -> ResourceManager:
        return ResourceManager(self._http, self.spec.resource_manager_url)

    def prepare(self) -> None:
        """Write the configuration, the launchers and Python's environment, and give the NameNode its formatted folder.

        HDFS has EMR's directories from then on.
        """
        spec = self.spec
        for folder in (spec.home, spec.temporary, spec.name_directory.parent):
            folder.mkdir(parents=True, exist_ok=True)
        configuration.write_master(spec)
        make_environment(spec.python.parent.parent, spec.distribution.python)
        write_launchers(spec.launchers, spec)
        node_view.write_programs(spec)
        name_node.place(spec.distribution.name_node_image, spec.name_directory, spec.id)

    def introduce(self, folder: Path, *, is_master: bool) -> None:
        """Write what the node in `folder` shows to its bootstrap actions, steps and containers."""
        node_view.write_node(self.spec, folder, self.spec.conf if is_master else folder / "conf")
        here = node_view.root_of(self.spec.folder)
        if is_master and not here.is_symlink():
            here.symlink_to(node_view.root_of(folder))

    def start_master(self) -> None:
        """Start the NameNode and the ResourceManager."""
        if not was_launched(self.spec.master_process):  # who waits for a cluster comes by often
            launch(self.spec.master_process, master_request(self.spec))

    def start_worker(self, node: Node) -> None:
        """Start the NodeManager and the DataNode of a node; they wait for the master by themselves."""
        if was_launched(node.process):
            return  # who waits for a node comes by often: its files are written once
        configuration.write_worker(self.spec, node)
        launch(node.process, worker_request(self.spec, node))

    def decommission(self, node: Node, leaving: Sequence[Node]) -> None:
        """Have YARN give the node no more containers and HDFS copy its blocks elsewhere; `observe` tells when.

        `leaving` are all nodes that are to go, this one among them. Needs the node to be registered.
        """
        manager = self._node_managers().get(node.ports.node_manager)
        if manager is not None:
            # YARN's own decommissioning goes by host, and all nodes are on one: this goes by node.
            argv = ("yarn", "rmadmin", "-updateNodeResource", manager.id, "0", "0")
            self._administer(node.decommission("yarn"), argv)
        if node.stores_data:
            ports = [one.ports.data_node for one in leaving if one.stores_data]
            lines = "".join(f"{LOOPBACK}:{port}\n" for port in sorted(ports))
            write_atomically(self.spec.excluded_data_nodes, lines)
            self._administer(node.decommission("hdfs"), ("hdfs", "dfsadmin", "-refreshNodes"))

    def _administer(self, folder: Path, argv: tuple[str, ...]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        output = folder / "output"
        launch(folder, Request(argv, self.step_environment(folder), folder, output, output))

    def configure_master(self) -> None:
        """Write the configuration files of the master anew, which steps read when they start."""
        configuration.write_master(self.spec)

    def restart_master(self) -> None:
        """Start the master's daemons of this generation, when none of another runs any more."""
        self.configure_master()
        _end_others(self.spec.master_process.parent, self.spec.generation)
        self.start_master()

    def restart_worker(self, node: Node) -> None:
        """Start a node's daemons of this generation, when none of another runs any more."""
        _end_others(node.process.parent, node.generation)
        self.start_worker(node)

    def start_history_server(self) -> None:
        """Start Spark's history server: the pages of finished applications, at `links()`."""
        launch(self.spec.history_server_process, history_server_request(self.spec))

    def observe(self, nodes: Sequence[Node]) -> ClusterStatus:
        """How the cluster is now, asking each master daemon once; never raises for one that is not up."""
        info = self._hdfs()
        managers = self._node_managers()
        spec = self.spec
        return ClusterStatus(
            master=MasterStatus(
                process=observe(spec.master_process).state,
                safe_mode=info.safe_mode if info else None,
            ),
            nodes={node.id: _status(node, info, managers.get(node.ports.node_manager)) for node in nodes},
        )

    def step_environment(self, folder: Path) -> dict[str, str]:
        """The whole environment of user hadoop on the master node, for a step that works in `folder`."""
        return environment.step_environment(self.spec, folder)

    def step_argv(
        self,
        jar: str,
        main_class: str | None,
        properties: Mapping[str, str],
        args: Sequence[str],
        step_folder: Path,
    ) -> tuple[str, ...]:
        """The command of a step, see `steps.step_argv`. Raises ValueError."""
        return steps.step_argv(jar, main_class, properties, args, step_folder)

    def stop_worker(self, node: Node) -> None:
        """Kill a node: its daemons and its containers."""
        kill(node.process)
        kill_all(NODE_VARIABLE, node.id)

    def stop(self) -> None:
        """Kill everything of the cluster: daemons, steps, containers. Returns when nothing is left."""
        kill_all(CLUSTER_VARIABLE, self.spec.id)

    def applications(self) -> list[Application]:
        """What YARN knows, oldest first; empty while it is not up."""
        try:
            return self._resource_manager.applications()
        except httpx.HTTPError:
            return []

    def links(self) -> dict[str, str]:
        """Web pages by name, those of live applications included."""
        spec = self.spec
        pages = {
            "YARN ResourceManager": f"{spec.resource_manager_url}/cluster",
            "HDFS NameNode": spec.name_node_url,
        }
        if observe(spec.history_server_process).state is ProcessState.RUNNING:
            pages["Spark History Server"] = spec.history_server_url
        live = [app for app in self.applications() if app.finished_at is None]
        return pages | {f"{app.name} ({app.id})": app.tracking_url for app in live}

    def _hdfs(self) -> NameNodeInfo | None:
        try:
            return self._name_node.info()
        except httpx.HTTPError:
            return None

    def metrics(self) -> Mapping[str, float]:
        """YARN's numbers of the whole cluster; empty while it is not up."""
        try:
            return self._resource_manager.metrics()
        except httpx.HTTPError:
            return {}

    def _node_managers(self) -> Mapping[int, NodeManager]:
        try:
            return self._resource_manager.nodes()
        except httpx.HTTPError:
            return {}


def _end_others(daemons: Path, generation: int) -> None:
    for folder in daemons.iterdir() if daemons.exists() else ():
        number = int(folder.suffix.removeprefix(".") or 0)
        if number != generation and observe(folder).state is ProcessState.RUNNING:
            kill(folder)


def _status(node: Node, hdfs: NameNodeInfo | None, manager: NodeManager | None) -> NodeStatus:
    stored = not node.stores_data or (hdfs is not None and node.ports.data_node in hdfs.data_nodes)
    moved = not node.stores_data or (hdfs is not None and node.ports.data_node in hdfs.decommissioned)
    return NodeStatus(
        process=observe(node.process).state,
        # After a restart YARN has the node as it was until the new NodeManager reports.
        registered=manager is not None and manager.reported_at >= (began_at(node.process) or 0) and stored,
        decommissioned=manager is not None and manager.is_drained and moved,
        containers=manager.containers if manager else 0,
    )
