"""One cluster: a NameNode and a ResourceManager, and on each worker node a DataNode and a NodeManager.

Nothing here waits, and all of it may be repeated: who wants to know how things are asks `observe`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import httpx

from windtunnel.hadoop import configuration, environment, name_node, steps
from windtunnel.hadoop.daemons import (
    DATA_NODE,
    HISTORY_SERVER,
    NAME_NODE,
    NODE_MANAGER,
    RESOURCE_MANAGER,
    daemon_request,
    history_server_request,
)
from windtunnel.hadoop.hdfs import NameNode, NameNodeInfo
from windtunnel.hadoop.launchers import write_launchers
from windtunnel.hadoop.ports import MasterPorts, NodePorts
from windtunnel.hadoop.processes import ProcessState, kill, kill_all, launch, observe
from windtunnel.hadoop.spec import CLUSTER_VARIABLE, NODE_VARIABLE, ClusterSpec, Node
from windtunnel.hadoop.yarn import Application, ResourceManager

__all__ = ["Cluster", "ClusterSpec", "ClusterStatus", "MasterPorts", "Node", "NodePorts"]

HTTP_SECONDS = 2.0


@dataclass(frozen=True)
class MasterStatus:
    """`safe_mode` is None while the NameNode does not answer."""

    name_node: ProcessState
    resource_manager: ProcessState
    safe_mode: bool | None


@dataclass(frozen=True)
class NodeStatus:
    """`registered`: YARN has the NodeManager as RUNNING, and HDFS the DataNode as live."""

    data_node: ProcessState
    node_manager: ProcessState
    registered: bool


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
        return httpx.Client(timeout=HTTP_SECONDS, trust_env=False)

    @cached_property
    def _name_node(self) -> NameNode:
        return NameNode(self._http, self.spec.name_node_url)

    @cached_property
    def _resource_manager(self) -> ResourceManager:
        return ResourceManager(self._http, self.spec.resource_manager_url)

    def prepare(self) -> None:
        """Write the configuration and the launchers, and give the NameNode its formatted folder.

        HDFS has EMR's directories from then on.
        """
        spec = self.spec
        for folder in (spec.home, spec.temporary, spec.name_directory.parent):
            folder.mkdir(parents=True, exist_ok=True)
        configuration.write_master(spec)
        write_launchers(spec.launchers, spec.distribution)
        name_node.place(spec.distribution.name_node_image, spec.name_directory, spec.id)

    def start_master(self) -> None:
        """Start the NameNode and the ResourceManager."""
        for daemon in (RESOURCE_MANAGER, NAME_NODE):
            launch(self.spec.daemon(daemon), daemon_request(self.spec, daemon))

    def start_worker(self, node: Node) -> None:
        """Start the NodeManager and the DataNode of a node; they wait for the master by themselves."""
        configuration.write_worker(self.spec, node)
        for daemon in (NODE_MANAGER, DATA_NODE):
            launch(node.daemon(daemon), daemon_request(self.spec, daemon, node))

    def start_history_server(self) -> None:
        """Start Spark's history server: the pages of finished applications, at `links()`."""
        launch(self.spec.daemon(HISTORY_SERVER), history_server_request(self.spec))

    def observe(self, nodes: Sequence[Node]) -> ClusterStatus:
        """How the cluster is now, asking each master daemon once; never raises for one that is not up."""
        info = self._hdfs()
        data_nodes = info.data_nodes if info else frozenset[int]()
        node_managers = self._running_nodes()
        spec = self.spec
        return ClusterStatus(
            master=MasterStatus(
                name_node=observe(spec.daemon(NAME_NODE)).state,
                resource_manager=observe(spec.daemon(RESOURCE_MANAGER)).state,
                safe_mode=info.safe_mode if info else None,
            ),
            nodes={
                node.id: NodeStatus(
                    data_node=observe(node.daemon(DATA_NODE)).state,
                    node_manager=observe(node.daemon(NODE_MANAGER)).state,
                    registered=node.ports.data_node in data_nodes
                    and node.ports.node_manager in node_managers,
                )
                for node in nodes
            },
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
        for daemon in (NODE_MANAGER, DATA_NODE):
            kill(node.daemon(daemon))
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
        if observe(spec.daemon(HISTORY_SERVER)).state is ProcessState.RUNNING:
            pages["Spark History Server"] = spec.history_server_url
        live = [app for app in self.applications() if app.finished_at is None]
        return pages | {f"{app.name} ({app.id})": app.tracking_url for app in live}

    def _hdfs(self) -> NameNodeInfo | None:
        try:
            return self._name_node.info()
        except httpx.HTTPError:
            return None

    def _running_nodes(self) -> set[int]:
        try:
            return self._resource_manager.running_nodes()
        except httpx.HTTPError:
            return set()
