import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from windtunnel.hadoop.spark_defaults import executor_size, spark_defaults
from windtunnel.hadoop.spec import ClusterSpec

OURS = {
    "spark.dynamicAllocation.maxExecutors",
    "spark.dynamicAllocation.shuffleTracking.enabled",
    "spark.jars.ivy",
    "spark.driver.defaultJavaOptions",
    "spark.driver.extraClassPath",
    "spark.executor.defaultJavaOptions",
    "spark.executor.extraClassPath",
    "spark.executorEnv.JAVA_HOME",
    "spark.executorEnv.PYSPARK_PYTHON",
    "spark.hadoop.fs.s3.awsSecretAccessKey",
    "spark.hadoop.fs.s3a.secret.key",
    "spark.hadoop.fs.s3n.awsSecretAccessKey",
    "spark.history.ui.port",
    "spark.ui.port",
    "spark.yarn.am.extraJavaOptions",
    "spark.yarn.appMasterEnv.JAVA_HOME",
    "spark.yarn.appMasterEnv.PYSPARK_PYTHON",
    "spark.yarn.historyServer.address",
    "spark.yarn.jars",
    "spark.yarn.report.interval",
}
"""What is not EMR's. A longer list needs a reason: a job shall see here what it sees there."""


@pytest.mark.parametrize(
    ("memory_mb", "vcores", "size"),
    [
        pytest.param(12288, 4, (9486, 4), id="m5.xlarge"),
        pytest.param(24576, 8, (9486, 4), id="m5.2xlarge"),
        pytest.param(24576, 4, (18971, 4), id="r5.xlarge"),
        pytest.param(6144, 2, (4743, 2), id="m5.large"),
        pytest.param(896, 1, (692, 1), id="one core"),
    ],
)
def test_an_executor_has_the_size_that_emr_gives_it(
    memory_mb: int, vcores: int, size: tuple[int, int]
) -> None:
    assert executor_size(memory_mb, vcores) == size


@pytest.mark.parametrize(("memory_mb", "vcores"), [(12288, 4), (24576, 8), (57344, 16)])
def test_the_executors_of_a_node_and_their_overhead_fit_it_beside_an_application_master(
    memory_mb: int, vcores: int
) -> None:
    memory, cores = executor_size(memory_mb, vcores)
    executors = vcores // cores
    assert executors * (memory + int(memory * 0.1875)) + 896 <= memory_mb


def test_the_defaults_are_those_of_emr_for_the_core_instance_type(spec: ClusterSpec) -> None:
    defaults = spark_defaults(spec)
    assert defaults["spark.master"] == "yarn"
    assert defaults["spark.dynamicAllocation.enabled"] == "true"
    assert (defaults["spark.executor.memory"], defaults["spark.executor.cores"]) == ("9486M", "4")
    assert defaults["spark.driver.memory"] == "2048M"
    assert defaults["spark.eventLog.dir"] == "hdfs:///var/log/spark/apps"
    assert "spark.sql.shuffle.partitions" not in defaults

    larger = dataclasses.replace(spec, node_memory_mb=24576, node_vcores=4)
    assert spark_defaults(larger)["spark.executor.memory"] == "18971M"


def test_what_is_ours_is_a_short_list_and_bounds_the_executors(spec: ClusterSpec) -> None:
    other = dataclasses.replace(
        spec,
        max_executors=7,
        distribution=dataclasses.replace(
            spec.distribution, java_home=Path("/j"), spark_home=Path("/s"), python=Path("/p")
        ),
        ports=dataclasses.replace(spec.ports, history_server_web=1),
    )
    ours, others = spark_defaults(spec), spark_defaults(other)
    assert {name for name in ours if ours[name] != others[name]} <= OURS
    assert ours.keys() >= OURS
    assert others["spark.dynamicAllocation.maxExecutors"] == "7"


def test_java_and_python_reach_application_master_and_executors(spec: ClusterSpec) -> None:
    defaults = spark_defaults(spec)
    for prefix in ("spark.yarn.appMasterEnv", "spark.executorEnv"):
        assert defaults[f"{prefix}.JAVA_HOME"] == "/opt/java"
        assert defaults[f"{prefix}.PYSPARK_PYTHON"] == str(spec.python)


def test_the_clusters_classification_wins_over_both(with_properties: Callable[..., ClusterSpec]) -> None:
    own = {"spark.executor.memory": "1g", "spark.ui.port": "4040", "spark.mine": "x"}
    assert own.items() <= spark_defaults(with_properties("spark-defaults", own)).items()


def test_maximize_resource_allocation_gives_an_executor_all_of_a_node(
    with_properties: Callable[..., ClusterSpec],
) -> None:
    spec = dataclasses.replace(
        with_properties("spark", {"maximizeResourceAllocation": "true"}),
        node_memory_mb=24576,
        node_vcores=8,
        workers=3,
        max_executors=2,
    )
    defaults = spark_defaults(spec)
    assert (defaults["spark.executor.memory"], defaults["spark.executor.cores"]) == ("18971M", "8")
    assert defaults["spark.driver.memory"] == "9486M", "the master is the smaller one"
    assert defaults["spark.default.parallelism"] == "48"
    assert defaults["spark.executor.instances"] == "2", "the laptop's budget"
    heap, overhead = 18971, int(18971 * 0.1875)
    assert heap + overhead + 896 <= 24576


def test_maximize_resource_allocation_leaves_the_number_to_dynamic_allocation_where_that_is_asked_for(
    spec: ClusterSpec,
) -> None:
    asked = {"spark.dynamicAllocation.enabled": "true"}
    tables = {"spark": {"maximizeResourceAllocation": "true"}, "spark-defaults": asked}
    defaults = spark_defaults(dataclasses.replace(spec, configurations=tables))
    assert "spark.executor.instances" not in defaults
    off = {"spark": {"maximizeResourceAllocation": "false"}}
    assert spark_defaults(dataclasses.replace(spec, configurations=off)) == spark_defaults(spec)
