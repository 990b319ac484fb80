"""What a cluster is made of, and where its files are: the one place that makes these names."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from windtunnel.hadoop.distribution import Distribution
from windtunnel.hadoop.ports import MasterPorts, NodePorts

Configurations = Mapping[str, Mapping[str, str]]
"""Classification -> properties; of an `*-env`, those of its nested export."""

CLUSTER_VARIABLE = "WINDTUNNEL_CLUSTER"
NODE_VARIABLE = "WINDTUNNEL_NODE"

NAME_NODE = "namenode"
DATA_NODE = "datanode"
RESOURCE_MANAGER = "resourcemanager"
NODE_MANAGER = "nodemanager"
HISTORY_SERVER = "historyserver"
MASTER_DAEMONS = (NAME_NODE, RESOURCE_MANAGER)


@dataclass(frozen=True)
class Node:
    """A worker node (CORE or TASK): what its instance type gives to YARN, and where it keeps its files."""

    id: str
    folder: Path
    memory_mb: int
    vcores: int
    ports: NodePorts
    generation: int = 0
    """How often its daemons were started anew: each time in process folders of their own."""
    stores_data: bool = True
    """Whether HDFS keeps blocks there: a CORE node has a DataNode, a TASK node has none."""
    configurations: Configurations = field(default_factory=dict)
    """The cluster's with its instance group's laid over them."""

    @property
    def conf(self) -> Path:
        """HADOOP_CONF_DIR of its daemons and containers."""
        return self.folder / "conf"

    @property
    def daemons(self) -> tuple[str, ...]:
        """What runs there, in one JVM."""
        return (DATA_NODE, NODE_MANAGER) if self.stores_data else (NODE_MANAGER,)

    @property
    def process(self) -> Path:
        """The process folder of its daemons."""
        return self.folder / "daemons" / _of_generation("worker", self.generation)

    def decommission(self, service: str) -> Path:
        """The process folder of the command that has `yarn` or `hdfs` let the node go."""
        return self.folder / "decommission" / service


@dataclass(frozen=True)
class ClusterSpec:
    """A cluster as the service has stored it.

    `configurations` are the master's. `environment` goes to every process of the cluster: endpoints, region
    and credentials of AWS, and WINDTUNNEL_HOME. `max_executors` bounds an application's executors under
    dynamic allocation: the laptop's budget. `node_memory_mb` and `node_vcores` are YARN's share of the core
    instance type, from which EMR derives the size of an executor; `master_memory_mb` that of the master's type.
    """

    id: str
    name: str
    folder: Path
    distribution: Distribution
    ports: MasterPorts
    configurations: Configurations
    environment: Mapping[str, str]
    s3_endpoint: str
    max_executors: int
    node_memory_mb: int = 12288
    node_vcores: int = 4
    master_memory_mb: int = 12288
    workers: int = 1
    """Worker nodes that are asked for."""
    system_commands_warn: bool = False
    """Whether `yum`, `systemctl` and the like, which do nothing here, succeed with a warning."""
    generation: int = 0
    """How often the master's daemons were started anew: each time in process folders of their own."""

    @property
    def conf(self) -> Path:
        """HADOOP_CONF_DIR of the master's daemons and of steps."""
        return self.folder / "conf"

    @property
    def spark_conf(self) -> Path:
        """SPARK_CONF_DIR of steps."""
        return self.folder / "spark-conf"

    @property
    def hive_conf(self) -> Path:
        """Where Hive would look for its hive-site.xml."""
        return self.folder / "hive-conf"

    @property
    def metastore(self) -> Path:
        """The database of the cluster's own Hive metastore."""
        return self.folder / "metastore"

    @property
    def launchers(self) -> Path:
        """The first folder on a step's PATH."""
        return self.folder / "bin"

    @property
    def python(self) -> Path:
        """The interpreter of steps, drivers and executors (PYSPARK_PYTHON), in an environment of the cluster's own."""
        return self.folder / "python" / "bin" / "python"

    @property
    def home(self) -> Path:
        """HOME of user hadoop, on every node."""
        return self.folder / "home"

    @property
    def temporary(self) -> Path:
        """Temporary files of daemons and steps: gone with the cluster."""
        return self.folder / "tmp"

    @property
    def name_directory(self) -> Path:
        """The NameNode's own files."""
        return self.folder / "hdfs" / "name"

    @property
    def excluded_data_nodes(self) -> Path:
        """The file of the DataNodes that HDFS is to take out of service."""
        return self.conf / "dfs.hosts.exclude"

    @property
    def resource_manager_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.resource_manager_web}"

    @property
    def name_node_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.name_node_web}"

    @property
    def history_server_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.history_server_web}"

    @property
    def master_process(self) -> Path:
        """The process folder of the master's daemons."""
        return self.folder / "daemons" / _of_generation("master", self.generation)

    @property
    def history_server_process(self) -> Path:
        """The process folder of Spark's history server."""
        return self.folder / "daemons" / _of_generation(HISTORY_SERVER, self.generation)

    def containers(self, node_id: str) -> Path:
        """Where a node's containers log, as <application id>/<container id>/{stderr,stdout}."""
        return self.folder / "containers" / node_id


def _of_generation(name: str, generation: int) -> str:
    return f"{name}.{generation}" if generation else name
