"""The daemons of a cluster: which main class, which JVM, which log."""

import shlex
from dataclasses import replace
from pathlib import Path

from windtunnel.hadoop.configuration import DAEMON_LOG4J, JAVA_LOGGING, JAVA_SECURITY
from windtunnel.hadoop.environment import daemon_environment
from windtunnel.hadoop.jvm import daemon_java_options
from windtunnel.hadoop.node_view import view_of
from windtunnel.hadoop.processes import Request
from windtunnel.hadoop.spec import ClusterSpec, Configurations, Node

NAME_NODE = "namenode"
DATA_NODE = "datanode"
RESOURCE_MANAGER = "resourcemanager"
NODE_MANAGER = "nodemanager"
HISTORY_SERVER = "historyserver"
MAINS = {
    NAME_NODE: "org.apache.hadoop.hdfs.server.namenode.NameNode",
    DATA_NODE: "org.apache.hadoop.hdfs.server.datanode.DataNode",
    RESOURCE_MANAGER: "org.apache.hadoop.yarn.server.resourcemanager.ResourceManager",
    NODE_MANAGER: "org.apache.hadoop.yarn.server.nodemanager.NodeManager",
}
# HDFS's daemons set up TLS whether they use it or not, and would read every root certificate for it.
NO_TLS = ("-Djavax.net.ssl.trustStore=NONE",)
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


def daemon_request(spec: ClusterSpec, daemon: str, node: Node | None = None) -> Request:
    """How to run a daemon of Hadoop, on a worker node or on the master."""
    folder, conf = (node.folder, node.conf) if node else (spec.folder, spec.conf)
    distribution = spec.distribution
    log = folder / "applications" / LOGS[daemon]
    argv = (
        str(distribution.java),
        f"-Dproc_{daemon}",
        *daemon_java_options(distribution, daemon),
        f"-Dlog4j.configuration={(conf / DAEMON_LOG4J).as_uri()}",
        f"-Dwindtunnel.log={log}.log",
        f"-Djava.util.logging.config.file={conf / JAVA_LOGGING}",
        f"-Djava.security.properties={conf / JAVA_SECURITY}",
        *(NO_TLS if daemon in (NAME_NODE, DATA_NODE) else ()),
        f"-Djava.io.tmpdir={spec.temporary}",
        "-Djava.net.preferIPv4Stack=true",
        *exported_options((node or spec).configurations, daemon),
        "-cp",
        distribution.hadoop_class_path(conf),
        MAINS[daemon],
    )
    request = _request(argv, daemon_environment(spec, node), folder, log)
    # Containers see what their NodeManager does.
    return replace(request, view=view_of(folder)) if daemon == NODE_MANAGER else request


def exported_options(tables: Configurations, daemon: str) -> list[str]:
    """The JVM options that `hadoop-env`, `hdfs-env` and `yarn-env` export for a daemon; the last heap counts."""
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
