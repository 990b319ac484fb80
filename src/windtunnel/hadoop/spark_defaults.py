"""spark-defaults.conf: EMR's own values, then the short list that makes Spark run here, then the user's.

`~` marks what is believed of EMR but not written in its documentation.
"""

import math
from collections.abc import Mapping

from windtunnel.hadoop.jvm import sharing
from windtunnel.hadoop.spec import ClusterSpec

COPIED_SECRETS = ("fs.s3a.secret.key", "fs.s3.awsSecretAccessKey", "fs.s3n.awsSecretAccessKey")
EXECUTOR_CORES = 4
OVERHEAD = 0.1875  # spark.yarn.executor.memoryOverheadFactor
EXECUTORS_SHARE = 11 / 12  # ~ of a node's YARN memory; the rest is room for an application master
EVENT_LOGS = "hdfs:///var/log/spark/apps"
WAREHOUSE = "hdfs:///user/spark/warehouse"


def executor_size(memory_mb: int, vcores: int) -> tuple[int, int]:
    """EMR's spark.executor.memory (MB) and spark.executor.cores for a core instance type's YARN share.

    ~: an m5.xlarge (12288 MB, 4 vcores) gives 9486 and 4, an r5.xlarge 18971 and 4, an m5.large 4743 and 2.
    """
    cores = min(vcores, EXECUTOR_CORES)
    executors = max(1, vcores // EXECUTOR_CORES)
    return math.ceil(memory_mb / executors * EXECUTORS_SHARE / (1 + OVERHEAD)), cores


def spark_defaults(spec: ClusterSpec) -> dict[str, str]:
    """The properties of spark-defaults.conf, the user's classification laid over ours."""
    given = spec.configurations.get("spark-defaults", {})
    return {**_emr(spec), **_ours(spec), **_maximized(spec, given), **given}


def _maximized(spec: ClusterSpec, given: Mapping[str, str]) -> dict[str, str]:
    """What `spark{maximizeResourceAllocation}` derives from the nodes: an executor that has all of one.

    The number of executors is within the laptop's budget, and left to dynamic allocation where that is asked for.
    """
    if spec.configurations.get("spark", {}).get("maximizeResourceAllocation") != "true":
        return {}
    instances = {"spark.executor.instances": str(min(spec.workers, spec.max_executors))}
    return {
        "spark.default.parallelism": str(2 * spec.node_vcores * spec.workers),
        # The driver may run on the master or on a worker, so the smaller of the two counts.
        "spark.driver.memory": f"{_whole_node(min(spec.master_memory_mb, spec.node_memory_mb))}M",
        "spark.executor.memory": f"{_whole_node(spec.node_memory_mb)}M",
        "spark.executor.cores": str(spec.node_vcores),
        **({} if given.get("spark.dynamicAllocation.enabled") == "true" else instances),
    }


def _whole_node(memory_mb: int) -> int:
    """~ The heap of an executor that is alone on a node but for an application master."""
    return math.ceil(memory_mb * EXECUTORS_SHARE / (1 + OVERHEAD))


def _emr(spec: ClusterSpec) -> dict[str, str]:
    memory, cores = executor_size(spec.node_memory_mb, spec.node_vcores)
    return {
        "spark.master": "yarn",
        "spark.driver.memory": "2048M",
        "spark.executor.memory": f"{memory}M",
        "spark.executor.cores": str(cores),
        "spark.yarn.executor.memoryOverheadFactor": str(OVERHEAD),
        "spark.dynamicAllocation.enabled": "true",
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": EVENT_LOGS,
        "spark.history.fs.logDirectory": EVENT_LOGS,
        "spark.sql.warehouse.dir": WAREHOUSE,
        "spark.hadoop.yarn.timeline-service.enabled": "false",
        "spark.hadoop.mapreduce.fileoutputcommitter.cleanup-failures.ignored": "true",
        "spark.files.fetchFailure.unRegisterOutputOnHost": "true",
        "spark.stage.attempt.ignoreOnDecommissionFetchFailure": "true",
        "spark.resourceManager.cleanupExpiredHost": "true",
    }


def _ours(spec: ClusterSpec) -> dict[str, str]:
    distribution = spec.distribution
    jars = f"{distribution.spark_home}/jars/*"
    shared = " ".join(sharing(distribution.spark_archive))
    environment = {"JAVA_HOME": str(distribution.java_home), "PYSPARK_PYTHON": str(spec.python)}
    return {
        # The NodeManagers have no external shuffle service: Spark itself keeps track of shuffle files.
        "spark.dynamicAllocation.shuffleTracking.enabled": "true",
        "spark.dynamicAllocation.maxExecutors": str(spec.max_executors),
        # User hadoop's, as on EMR: Java takes the home of this machine's user, whatever HOME says.
        "spark.jars.ivy": str(spec.home / ".ivy2"),
        # The first executor starts beside the driver, not when the first task waits for it.
        "spark.dynamicAllocation.initialExecutors": "1",
        "spark.scheduler.minRegisteredResourcesRatio": "0",
        "spark.yarn.jars": f"local:{jars}",
        # An archive of classes fits only a class path that begins with its jars; Spark puts these first.
        "spark.driver.extraClassPath": jars,
        "spark.executor.extraClassPath": jars,
        # A driver plans and waits: what the second compiler costs in the first minute it rarely gives back.
        "spark.driver.defaultJavaOptions": f"-XX:TieredStopAtLevel=1 {shared}",
        "spark.executor.defaultJavaOptions": shared,
        # In client mode the application master only asks YARN for containers: it never gets warm.
        "spark.yarn.am.extraJavaOptions": f"-XX:TieredStopAtLevel=1 -XX:+UseSerialGC {shared}",
        "spark.yarn.report.interval": "200ms",
        "spark.history.ui.port": str(spec.ports.history_server_web),
        "spark.yarn.historyServer.address": f"127.0.0.1:{spec.ports.history_server_web}",
        "spark.ui.port": "0",
        # Spark would copy the keys of its environment into files that YARN keeps; S3A reads the environment itself.
        **{f"spark.hadoop.{name}": "" for name in COPIED_SECRETS},
        **{f"spark.yarn.appMasterEnv.{name}": value for name, value in environment.items()},
        **{f"spark.executorEnv.{name}": value for name, value in environment.items()},
    }
