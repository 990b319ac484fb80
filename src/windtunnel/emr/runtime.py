"""From rows of the store to what runs: the one place that knows both."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

from windtunnel.emr.capacity import configurations_of
from windtunnel.emr.catalogue.instance_types import instance_types
from windtunnel.emr.catalogue.releases import find_release, substitutions
from windtunnel.emr.config import EmrConfig
from windtunnel.emr.configurations import flatten, merge, on_this_machine
from windtunnel.emr.folders import ClusterFolder
from windtunnel.emr.schema import Cluster, Instance, InstanceGroup
from windtunnel.hadoop import cluster as hadoop
from windtunnel.hadoop import distribution
from windtunnel.hadoop.distribution import Distribution, Versions
from windtunnel.hadoop.spec import Configurations
from windtunnel.install.background import in_background
from windtunnel.install.progress import Progress, WatchedProgress


@dataclass(frozen=True)
class _Install:
    future: Future[Distribution]
    progress: WatchedProgress


class Runtime:
    """Distributions that are installed once, and a view of each cluster's processes."""

    def __init__(
        self,
        config: EmrConfig,
        progress: Progress,
        install: Callable[[Versions, Path, Progress], Distribution] = distribution.install,
    ) -> None:
        self.config = config
        self._progress = progress
        self._install_now = install
        self._installs: dict[Versions, _Install] = {}
        self._lock = threading.Lock()

    def install(self, release_label: str) -> Distribution:
        """What a release runs on, installed now if it must be. Raises InstallError where it can't be."""
        return self._result(self._install(release_label).future)

    def distribution(self, release_label: str) -> Distribution | None:
        """The same without waiting: None while it is being installed. No stop waits for it: it resumes."""
        future = self._install(release_label).future
        return self._result(future) if future.done() else None

    def installing(self, release_label: str) -> str:
        """What is being installed for a release now, and how far that is."""
        return self._install(release_label).progress.now()

    def _install(self, release_label: str) -> _Install:
        release = find_release(release_label)
        assert release is not None, f"{release_label} was accepted"  # noqa: S101 - RunJobFlow has checked it
        with self._lock:
            if release.versions not in self._installs:
                progress = WatchedProgress(self._progress)
                work = partial(self._install_now, release.versions, self.config.cache, progress)
                self._installs[release.versions] = _Install(in_background(work), progress)
            return self._installs[release.versions]

    def _result(self, future: Future[Distribution]) -> Distribution:
        try:
            return future.result()
        except Exception:
            # Whoever asked is told; whoever asks next has it tried again.
            with self._lock:
                self._installs = {v: one for v, one in self._installs.items() if one.future is not future}
            raise

    def folder(self, cluster_id: str) -> ClusterFolder:
        """Where the files of a cluster are."""
        return ClusterFolder.of(self.config.state, cluster_id)

    def cluster(
        self,
        cluster: Cluster,
        groups: Sequence[InstanceGroup],
        installed: Distribution,
        generation: int = 0,
    ) -> hadoop.Cluster:
        """The processes of a cluster; `generation` is its master's."""
        workers = [group for group in groups if group.role == "CORE"] or list(groups)
        kind = instance_types()[workers[0].instance_type]
        spec = hadoop.ClusterSpec(
            id=cluster.id,
            name=cluster.name,
            folder=self.folder(cluster.id).path,
            distribution=installed,
            ports=hadoop.MasterPorts(**cluster.ports),
            configurations=_tables(cluster, groups[0], groups[0].instance_type),
            environment=self.config.environment,
            s3_endpoint=self.config.s3_endpoint,
            max_executors=self.config.max_executors,
            system_commands_warn=self.config.system_commands_warn,
            node_memory_mb=kind.yarn_memory_mb,
            node_vcores=kind.vcpus,
            master_memory_mb=instance_types()[groups[0].instance_type].yarn_memory_mb,
            workers=max(1, sum(group.requested for group in groups if group.role != "MASTER")),
            generation=generation,
        )
        return hadoop.Cluster(spec)

    def worker(self, cluster: Cluster, group: InstanceGroup, instance: Instance) -> hadoop.Node:
        """A node with a DataNode and a NodeManager of its instance type's size."""
        kind = instance_types()[instance.instance_type]
        return hadoop.Node(
            id=instance.ec2_id,
            folder=self.node_folder(instance),
            memory_mb=kind.yarn_memory_mb,
            vcores=kind.vcpus,
            ports=hadoop.NodePorts(**instance.ports),
            generation=instance.generation,
            stores_data=group.role != "TASK",
            configurations=_tables(cluster, group, instance.instance_type),
        )

    def node_folder(self, instance: Instance) -> Path:
        """Where the files of a node are."""
        return self.folder(instance.cluster_id).node(instance.ec2_id)


def _tables(cluster: Cluster, group: InstanceGroup, instance_type: str) -> Configurations:
    return on_this_machine(_given(cluster, group, instance_type))[0]


def remarks(cluster: Cluster, groups: Sequence[InstanceGroup], installed: Distribution) -> list[str]:
    """What stands here for what the cluster's release and its groups' configurations name, a sentence each."""
    of_release = substitutions(cluster.release_label, installed.versions, installed.hadoop_version)
    of_groups = [on_this_machine(_given(cluster, group, group.instance_type))[1] for group in groups]
    return list(dict.fromkeys(chain(of_release, *of_groups)))


def _given(cluster: Cluster, group: InstanceGroup, instance_type: str) -> Configurations:
    return merge(flatten(cluster.configurations), flatten(configurations_of(group, instance_type)))
