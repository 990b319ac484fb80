"""The daemons of a cluster: which main class, which JVM, which log. Those of a node share a JVM, see `java/`."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from windtunnel.hadoop.configuration import DAEMON_LOG4J, JAVA_LOGGING, JAVA_SECURITY
from windtunnel.hadoop.environment import daemon_environment
from windtunnel.hadoop.jvm import daemon_java_options
from windtunnel.hadoop.node_jar import MAIN
from windtunnel.hadoop.node_view import view_of
from windtunnel.hadoop.processes import Request
from windtunnel.hadoop.spec import (
    DATA_NODE,
    HISTORY_SERVER,
    MASTER_DAEMONS,
    NAME_NODE,
    NODE_MANAGER,
    RESOURCE_MANAGER,
    ClusterSpec,
    Configurations,
    Node,
)

HEAP_MB = {NAME_NODE: 256, DATA_NODE: 192, RESOURCE_MANAGER: 320, NODE_MANAGER: 192}
MAINS = {
    NAME_NODE: "org.apache.hadoop.hdfs.server.namenode.NameNode",
    DATA_NODE: "org.apache.hadoop.hdfs.server.datanode.DataNode",
    RESOURCE_MANAGER: "org.apache.hadoop.yarn.server.resourcemanager.ResourceManager",
    NODE_MANAGER: "windtunnel.NodeManager",
}
# HDFS's daemons set up TLS whether they use it or not, and would read every root certificate for it. A NodeManager
# needs them: it fetches files from an S3 that may be a remote one.
NO_TLS = ("-Djavax.net.ssl.trustStore=NONE",)
HEAP = re.compile(r"-Xmx(\d+)([kmgt]?)", re.IGNORECASE)
MB_OF = {"": 2**-20, "k": 2**-10, "m": 1, "g": 2**10, "t": 2**20}
PREFIXES = {"hdfs-env": ("HADOOP_", "HDFS_"), "yarn-env": ("YARN_",)}
"""Of the variables that Hadoop's own scripts read for a daemon."""
# Where EMR has a daemon's log, below its node's applications/.
LOGS = {
    NAME_NODE: "hadoop-hdfs/hadoop-hdfs-namenode",
    DATA_NODE: "hadoop-hdfs/hadoop-hdfs-datanode",
    RESOURCE_MANAGER: "hadoop-yarn/hadoop-yarn-resourcemanager",
    NODE_MANAGER: "hadoop-yarn/hadoop-yarn-nodemanager",
    HISTORY_SERVER: "spark/spark-history-server",
}


def master_request(spec: ClusterSpec) -> Request:
    """How to run the daemons of the master."""
    return _node_request(spec, None, MASTER_DAEMONS)


def worker_request(spec: ClusterSpec, node: Node) -> Request:
    """How to run the daemons of a worker node."""
    return _node_request(spec, node, node.daemons)


def _node_request(spec: ClusterSpec, node: Node | None, daemons: Sequence[str]) -> Request:
    folder, conf = (node.folder, node.conf) if node else (spec.folder, spec.conf)
    distribution = spec.distribution
    logs = {daemon: folder / "applications" / LOGS[daemon] for daemon in daemons}
    options, heap_mb = exported_options((node or spec).configurations, daemons)
    argv = (
        str(distribution.java),
        *(f"-Dproc_{daemon}" for daemon in daemons),
        *daemon_java_options(distribution, heap_mb),
        f"-Dlog4j.configuration={(conf / DAEMON_LOG4J).as_uri()}",
        *(f"-Dwindtunnel.log.{daemon}={log}.log" for daemon, log in logs.items()),
        f"-Djava.util.logging.config.file={conf / JAVA_LOGGING}",
        f"-Djava.security.properties={conf / JAVA_SECURITY}",
        *(() if NODE_MANAGER in daemons else NO_TLS),
        f"-Djava.io.tmpdir={spec.temporary}",
        "-Djava.net.preferIPv4Stack=true",
        *options,
        "-cp",
        distribution.hadoop_class_path(conf),
        MAIN,
        *(MAINS[daemon] for daemon in daemons),
    )
    request = _request(argv, daemon_environment(spec, node), folder, logs[daemons[0]])
    # Containers see what their NodeManager does.
    return replace(request, view=view_of(folder)) if NODE_MANAGER in daemons else request


def exported_options(tables: Configurations, daemons: Sequence[str]) -> tuple[list[str], int]:
    """The JVM options that `hadoop-env`, `hdfs-env` and `yarn-env` export for daemons that share a JVM.

    And its heap in MB, which is the sum of theirs: of each daemon the last one counts.
    """
    options, heap_mb = [], 0
    for daemon in daemons:
        own = _exported_options(tables, daemon)
        heaps = [int(match[1]) * MB_OF[match[2].lower()] for one in own if (match := HEAP.fullmatch(one))]
        heap_mb += int(heaps[-1]) if heaps else HEAP_MB[daemon]
        options += [one for one in own if not HEAP.fullmatch(one)]
    return options, heap_mb


def _exported_options(tables: Configurations, daemon: str) -> list[str]:
    system = "hdfs-env" if daemon in (NAME_NODE, DATA_NODE) else "yarn-env"
    exports = {**tables.get("hadoop-env", {}), **tables.get(system, {})}
    name = daemon.upper()
    options = []
    for prefix in PREFIXES[system]:
        if heap := exports.get(f"{prefix}{name}_HEAPSIZE"):
            options.append(f"-Xmx{heap}m" if heap.isdigit() else f"-Xmx{heap}")
        options += shlex.split(exports.get(f"{prefix}{name}_OPTS", ""))
    return options


def history_server_request(spec: ClusterSpec) -> Request:
    """How to run Spark's history server on the master."""
    home = spec.distribution.spark_home
    argv = (
        str(spec.distribution.java),
        "-Dproc_historyserver",
        "-Xmx512m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        f"-Djava.io.tmpdir={spec.temporary}",
        "-cp",
        f"{spec.spark_conf}:{home}/jars/*:{spec.conf}",
        "org.apache.spark.deploy.history.HistoryServer",
        "--properties-file",
        str(spec.spark_conf / "spark-defaults.conf"),
    )
    log = spec.folder / "applications" / LOGS[HISTORY_SERVER]
    return _request(argv, daemon_environment(spec, None), spec.folder, log)


def _request(argv: tuple[str, ...], environment: dict[str, str], folder: Path, log: Path) -> Request:
    output = log.with_suffix(".out")
    return Request(argv, environment, directory=folder, stdout=output, stderr=output)
