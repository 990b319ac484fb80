"""The environments of a cluster's processes: of the service's own, only where to find programs leaks in."""

import os
from pathlib import Path

from windtunnel.hadoop.hdfs import USER
from windtunnel.hadoop.jvm import sharing
from windtunnel.hadoop.node_view import info_of
from windtunnel.hadoop.ports import LOOPBACK
from windtunnel.hadoop.spark_home import ARCHIVE_VARIABLE
from windtunnel.hadoop.spec import CLUSTER_VARIABLE, NODE_VARIABLE, ClusterSpec, Node

INFO_VARIABLE = "WINDTUNNEL_NODE_INFO"
QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
# Of the service's environment; the rest is ours or the cluster's.
KEPT = ("LANG", "LC_ALL", "TZ")
# For pip, and what else asks the network: mirrors, certificates, proxies. Only steps and bootstrap actions have them.
OF_THE_NETWORK = (
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
)


def daemon_environment(spec: ClusterSpec, node: Node | None) -> dict[str, str]:
    """Of a daemon; a NodeManager hands much of it on to its containers."""
    of_node = {NODE_VARIABLE: node.id} if node else {}
    return {**_base(spec, node.conf if node else spec.conf), **spec.environment, **of_node}


def step_environment(spec: ClusterSpec, folder: Path) -> dict[str, str]:
    """Of user hadoop on the master node, for a step that works in `folder`."""
    distribution = spec.distribution
    python = distribution.spark_home / "python" / "lib"
    return {
        **_base(spec, spec.conf),
        **{
            name: value
            for name, value in os.environ.items()
            if name in OF_THE_NETWORK or name.startswith("PIP_")
        },
        "PWD": str(folder),
        INFO_VARIABLE: str(info_of(spec.folder)),
        "SPARK_HOME": str(distribution.spark_home),
        "SPARK_CONF_DIR": str(spec.spark_conf),
        # The small JVM that puts Spark's own command together.
        "SPARK_LAUNCHER_OPTS": " ".join((*QUICK, *sharing(distribution.spark_archive))),
        # Java does not read TMPDIR.
        "SPARK_LOCAL_DIRS": str(spec.temporary),
        "SPARK_SUBMIT_OPTS": f'"-Djava.io.tmpdir={spec.temporary}"',
        "PYSPARK_PYTHON": str(spec.python),
        ARCHIVE_VARIABLE: str(distribution.spark_archive),
        # Every node is this machine: PySpark itself need not be uploaded for each application.
        "PYSPARK_ARCHIVES_PATH": ",".join(f"local:{archive}" for archive in sorted(python.glob("*.zip"))),
        **spec.environment,
    }


def _base(spec: ClusterSpec, conf: Path) -> dict[str, str]:
    distribution = spec.distribution
    path = (spec.launchers, spec.python.parent, distribution.java.parent)
    return {
        **{name: os.environ[name] for name in KEPT if name in os.environ},
        "PATH": os.pathsep.join((*map(str, path), os.environ.get("PATH", os.defpath))),
        "HOME": str(spec.home),
        "TMPDIR": str(spec.temporary),
        "USER": USER,
        "LOGNAME": USER,
        "HADOOP_USER_NAME": USER,
        "HADOOP_CONF_DIR": str(conf),
        "YARN_CONF_DIR": str(conf),
        "JAVA_HOME": str(distribution.java_home),
        "SPARK_LOCAL_IP": LOOPBACK,
        "SPARK_PUBLIC_DNS": LOOPBACK,
        CLUSTER_VARIABLE: spec.id,
    }
