"""Hadoop's site files: EMR's values where they matter, and what makes daemons quick and local.

Everything listens on the loopback interface. S3A takes its credentials from the environment, so that
no file holds any.
"""

from collections.abc import Mapping

from windtunnel.hadoop.hdfs import USER
from windtunnel.hadoop.ports import LOOPBACK
from windtunnel.hadoop.spec import CLUSTER_VARIABLE, NODE_VARIABLE, ClusterSpec, Node

S3A = "org.apache.hadoop.fs.s3a"
CREDENTIALS = "software.amazon.awssdk.auth.credentials.EnvironmentVariableCredentialsProvider"
EMRFS = {
    "fs.s3.canned.acl": "fs.s3a.acl.default",
    "fs.s3.maxConnections": "fs.s3a.connection.maximum",
    "fs.s3.maxRetries": "fs.s3a.attempts.maximum",
    "fs.s3.connectionTimeout": "fs.s3a.connection.establish.timeout",
}
# What a container gets from its NodeManager's environment unless the application sets it.
CONTAINER_VARIABLES = (
    *("PATH", "LANG", "TZ", "TMPDIR", "JAVA_HOME", "HADOOP_CONF_DIR", "HADOOP_USER_NAME"),
    *("SPARK_LOCAL_IP", "SPARK_PUBLIC_DNS", CLUSTER_VARIABLE, NODE_VARIABLE),
)


def core_site(spec: ClusterSpec, node: Node | None = None) -> dict[str, str]:
    """core-site.xml of a worker node, or of the master."""
    return {
        "fs.defaultFS": f"hdfs://{LOOPBACK}:{spec.ports.name_node}",
        "hadoop.tmp.dir": str(spec.temporary),
        **_s3a(spec),
        # Without these, daemons that start before the one they need would wait for seconds. A DataNode that comes
        # in the instant between the NameNode's listening and its being ready waits for five: not too often.
        "ipc.client.connect.retry.interval": "250",
        "ipc.client.connect.max.retries": "120",
        "hadoop.http.staticuser.user": USER,
        f"hadoop.proxyuser.{USER}.hosts": "*",
        f"hadoop.proxyuser.{USER}.groups": "*",
        # The user need not exist on this machine.
        "hadoop.user.group.static.mapping.overrides": f"{USER}={USER},hdfsadmingroup",
        **_of_emrfs(spec, node),
        **_user("core-site", spec, node),
    }


def _of_emrfs(spec: ClusterSpec, node: Node | None) -> dict[str, str]:
    given = _user("emrfs-site", spec, node)
    named = {EMRFS[name]: value for name, value in given.items() if name in EMRFS}
    encrypted = given.get("fs.s3.enableServerSideEncryption") == "true"
    key = given.get("fs.s3.serverSideEncryption.kms.keyId")
    if not encrypted:
        return named
    kms = {"fs.s3a.encryption.algorithm": "SSE-KMS", "fs.s3a.encryption.key": key or ""}
    return named | (kms if key else {"fs.s3a.encryption.algorithm": "AES256"})


def _s3a(spec: ClusterSpec) -> dict[str, str]:
    region = spec.environment.get("AWS_REGION") or spec.environment.get("AWS_DEFAULT_REGION") or "us-east-1"
    return {
        "fs.s3.impl": f"{S3A}.S3AFileSystem",
        "fs.s3n.impl": f"{S3A}.S3AFileSystem",
        "fs.s3a.impl": f"{S3A}.S3AFileSystem",
        "fs.AbstractFileSystem.s3.impl": f"{S3A}.S3A",
        "fs.AbstractFileSystem.s3n.impl": f"{S3A}.S3A",
        "fs.AbstractFileSystem.s3a.impl": f"{S3A}.S3A",
        "fs.s3a.endpoint": spec.s3_endpoint,
        "fs.s3a.endpoint.region": region,
        "fs.s3a.path.style.access": "true",
        "fs.s3a.aws.credentials.provider": CREDENTIALS,
    }


def hdfs_site(spec: ClusterSpec, node: Node | None = None) -> dict[str, str]:
    """hdfs-site.xml of a worker node, or of the master."""
    return {
        "dfs.namenode.name.dir": spec.name_directory.as_uri(),
        "dfs.namenode.http-address": f"{LOOPBACK}:{spec.ports.name_node_web}",
        "dfs.namenode.safemode.extension": "0",
        "dfs.namenode.datanode.registration.ip-hostname-check": "false",
        # A DataNode is dead after 2 * recheck + 10 * heartbeat: 12 s.
        "dfs.heartbeat.interval": "1",
        "dfs.hosts.exclude": str(spec.excluded_data_nodes),
        "dfs.namenode.decommission.interval": "1s",
        "dfs.namenode.redundancy.interval.seconds": "1s",
        "dfs.namenode.heartbeat.recheck-interval": "1000",
        # What the kernel has is safe from kill -9; only a power cut would lose it.
        "dfs.namenode.edits.noeditlogchannelflush": "true",
        "dfs.replication": "1",  # EMR's for fewer than four core nodes
        "dfs.block.scanner.volume.bytes.per.second": "0",
        **(_data_node(node) if node else {}),
        **_user("hdfs-site", spec, node),
    }


def _data_node(node: Node) -> dict[str, str]:
    return {
        "dfs.datanode.data.dir": (node.folder / "hdfs").as_uri(),
        "dfs.datanode.address": f"{LOOPBACK}:{node.ports.data_node}",
        "dfs.datanode.ipc.address": f"{LOOPBACK}:0",
        "dfs.datanode.http.address": f"{LOOPBACK}:{node.ports.data_node_web}",
    }


def yarn_site(spec: ClusterSpec, node: Node | None = None) -> dict[str, str]:
    """yarn-site.xml of a worker node, or of the master."""
    ports = spec.ports
    return {
        "yarn.resourcemanager.hostname": LOOPBACK,
        "yarn.resourcemanager.address": f"{LOOPBACK}:{ports.resource_manager}",
        "yarn.resourcemanager.scheduler.address": f"{LOOPBACK}:{ports.resource_manager_scheduler}",
        "yarn.resourcemanager.resource-tracker.address": f"{LOOPBACK}:{ports.resource_manager_tracker}",
        "yarn.resourcemanager.admin.address": f"{LOOPBACK}:{ports.resource_manager_admin}",
        "yarn.resourcemanager.webapp.address": f"{LOOPBACK}:{ports.resource_manager_web}",
        "yarn.resourcemanager.connect.retry-interval.ms": "200",
        "yarn.resourcemanager.connect.max-wait.ms": "60000",
        # YARN itself takes the largest registered node as the limit; this one must not be below it.
        "yarn.scheduler.minimum-allocation-mb": "32",
        "yarn.scheduler.maximum-allocation-mb": "1048576",
        "yarn.scheduler.maximum-allocation-vcores": "128",
        "yarn.nm.liveness-monitor.expiry-interval-ms": "10000",
        # Containers are given out when a node reports.
        "yarn.resourcemanager.nodemanagers.heartbeat-interval-ms": "250",
        "yarn.timeline-service.enabled": "false",
        # By default in /tmp, where every cluster of every user would have the same.
        "yarn.node-attribute.fs-store.root-dir": (spec.folder / "yarn" / "node-attributes").as_uri(),
        "yarn.node-labels.fs-store.root-dir": (spec.folder / "yarn" / "node-labels").as_uri(),
        "yarn.log-aggregation-enable": "false",
        "yarn.application.classpath": ",".join(("$HADOOP_CONF_DIR", *_application_jars(spec))),
        **(_node_manager(spec, node) if node else {}),
        **_user("yarn-site", spec, node),
    }


def _node_manager(spec: ClusterSpec, node: Node) -> dict[str, str]:
    variables = sorted({*CONTAINER_VARIABLES, *spec.environment})
    return {
        "yarn.nodemanager.address": f"{LOOPBACK}:{node.ports.node_manager}",
        "yarn.nodemanager.localizer.address": f"{LOOPBACK}:0",
        "yarn.nodemanager.webapp.address": f"{LOOPBACK}:{node.ports.node_manager_web}",
        "yarn.nodemanager.resource.memory-mb": str(node.memory_mb),
        "yarn.nodemanager.resource.cpu-vcores": str(node.vcores),
        "yarn.nodemanager.local-dirs": str((node.folder / "yarn").absolute()),
        "yarn.nodemanager.log-dirs": str(spec.containers(node.id).absolute()),
        "yarn.nodemanager.log.retain-seconds": str(365 * 24 * 3600),  # they go with the cluster's folder
        "yarn.nodemanager.user-home-dir": str(spec.home),
        "yarn.nodemanager.env-whitelist": ",".join(variables),
        # It would put the script that starts a container, credentials and all, beside the container's logs.
        "yarn.nodemanager.log-container-debug-info.enabled": "false",
        "yarn.nodemanager.aux-services": "mapreduce_shuffle",
        "yarn.nodemanager.aux-services.mapreduce_shuffle.class": "org.apache.hadoop.mapred.ShuffleHandler",
        # The memory is the instance type's, not this machine's: nothing here may be measured against it.
        "yarn.nodemanager.vmem-check-enabled": "false",
        "yarn.nodemanager.pmem-check-enabled": "false",
        "yarn.nodemanager.container-monitor.enabled": "false",
        # A laptop whose disk is nine tenths full still runs jobs.
        "yarn.nodemanager.disk-health-checker.enable": "false",
    }


def mapred_site(spec: ClusterSpec, node: Node | None = None) -> dict[str, str]:
    """mapred-site.xml of a worker node, or of the master."""
    # ~: EMR's shares of a node, those of an m5.xlarge (3072, 6144, 6144 of 12288 MB) carried over to the others.
    memory = {"map": spec.node_memory_mb // 4, "reduce": spec.node_memory_mb // 2}
    master = spec.node_memory_mb // 2
    # A task lives for seconds: the second compiler and a parallel collector would cost more than they give.
    quick = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Djava.net.preferIPv4Stack=true"
    return {
        "mapreduce.framework.name": "yarn",
        "mapreduce.application.classpath": ",".join(map(str, spec.distribution.mapreduce_jars)),
        **{f"mapreduce.{task}.memory.mb": str(mb) for task, mb in memory.items()},
        **{f"mapreduce.{task}.java.opts": f"-Xmx{mb * 4 // 5}m" for task, mb in memory.items()},
        "yarn.app.mapreduce.am.resource.mb": str(master),
        "yarn.app.mapreduce.am.command-opts": f"-Xmx{master * 4 // 5}m",
        "mapreduce.admin.map.child.java.opts": quick,
        "mapreduce.admin.reduce.child.java.opts": quick,
        "yarn.app.mapreduce.am.admin-command-opts": quick,
        # The laptop's budget, as for Spark's executors.
        "mapreduce.job.running.map.limit": str(spec.max_executors),
        "mapreduce.job.running.reduce.limit": str(spec.max_executors),
        # There is no server of finished jobs' histories: a client would ask it, and wait.
        "mapreduce.jobhistory.address": "",
        "mapreduce.shuffle.port": "0",  # each node's own: the tasks hear it from their NodeManager
        **_user("mapred-site", spec, node),
    }


def _application_jars(spec: ClusterSpec) -> tuple[str, ...]:
    """MapReduce's first: one has a class in the place of the client's, see hadoop/mapreduce.py."""
    return tuple(map(str, (*spec.distribution.mapreduce_jars, *spec.distribution.hadoop_jars)))


def emrfs_site(spec: ClusterSpec, node: Node | None = None) -> dict[str, str]:
    """emrfs-site.xml: S3A reads the settings that it has under another name from core-site.xml."""
    return dict(_user("emrfs-site", spec, node))


def spark_hive_site(spec: ClusterSpec) -> dict[str, str]:
    """Spark's hive-site.xml: tables are shared by the cluster's steps where a metastore is asked for."""
    derby = f"jdbc:derby:;databaseName={spec.metastore};create=true"
    return {"javax.jdo.option.ConnectionURL": derby, **spec.configurations["spark-hive-site"]}


def capacity_scheduler(spec: ClusterSpec, node: Node | None = None) -> dict[str, str]:
    """capacity-scheduler.xml: one queue, in which steps may run side by side."""
    root = "yarn.scheduler.capacity"
    return {
        f"{root}.root.queues": "default",
        f"{root}.root.default.capacity": "100",
        f"{root}.root.default.maximum-capacity": "100",
        f"{root}.maximum-applications": "10000",
        f"{root}.maximum-am-resource-percent": "0.5",
        f"{root}.resource-calculator": "org.apache.hadoop.yarn.util.resource.DefaultResourceCalculator",
        f"{root}.node-locality-delay": "-1",  # every node is this machine
        **_user("capacity-scheduler", spec, node),
    }


def _user(classification: str, spec: ClusterSpec, node: Node | None) -> Mapping[str, str]:
    return (node or spec).configurations.get(classification, {})
