"""A cluster that grows and shrinks: real NodeManagers and DataNodes come and go while steps run."""

from typing import Any

import psutil
import pytest

from tests.behaviours import behaviour
from tests.integration.emr.conftest import Stack
from tests.waiting import eventually
from windtunnel.hadoop.processes import with_variables
from windtunnel.hadoop.spec import NODE_VARIABLE

SCALING_SECONDS = 300
WANTS_THREE_EXECUTORS = """
import time
from pyspark.sql import SparkSession

spark = SparkSession.builder.appName("wide").getOrCreate()
store = spark.sparkContext._jsc.sc().getExecutorMemoryStatus
deadline = time.monotonic() + 240
while store().size() < 4:  # the driver is counted
    assert time.monotonic() < deadline, store().size()
    time.sleep(0.2)
print("EXECUTORS", store().size() - 1)
"""
ONE_CORE = {
    "InstanceGroups": [
        {"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1},
        {"InstanceRole": "CORE", "InstanceType": "m5.xlarge", "InstanceCount": 1},
        {"InstanceRole": "TASK", "InstanceType": "m5.xlarge", "InstanceCount": 0},
    ]
}


@pytest.fixture(scope="module")
def cluster(stack: Stack) -> Any:
    one = stack.run(Instances=ONE_CORE)
    stack.wait_for_cluster(one, "WAITING")
    yield one
    stack.emr.terminate_job_flows(JobFlowIds=[one])
    stack.wait_for_cluster(one, "TERMINATED")


def nodes(stack: Stack, cluster: str, role: Any) -> list[str]:
    """The running nodes of a role, newest first."""
    wanted: Any = {"InstanceGroupTypes": [role], "InstanceStates": ["RUNNING"]}
    listed = stack.emr.list_instances(ClusterId=cluster, **wanted)["Instances"]
    return [one["Ec2InstanceId"] for one in listed]


def wait_for_nodes(stack: Stack, cluster: str, role: str, count: int) -> list[str]:
    def look() -> list[str]:
        found = nodes(stack, cluster, role)
        assert len(found) == count
        return found

    return eventually(look, SCALING_SECONDS)


def resize(stack: Stack, cluster: str, role: str, **changes: Any) -> None:
    groups = stack.emr.list_instance_groups(ClusterId=cluster)["InstanceGroups"]
    group = next(one["Id"] for one in groups if one["InstanceGroupType"] == role)
    config: Any = {"InstanceGroupId": group, **changes}
    stack.emr.modify_instance_groups(ClusterId=cluster, InstanceGroups=[config])


def daemons(node: str) -> set[str]:
    """What runs on a node, by the names that Hadoop gives its processes."""
    lines = [_command_line(process) for process in with_variables({NODE_VARIABLE: node})]
    names = {"datanode", "nodemanager"}
    return {name for line in lines for name in names if f"-Dproc_{name}" in line}


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@behaviour("scaling", "HDFS keeps what lay on a core node that was taken away.")
def test_hdfs_keeps_what_lay_on_a_node_that_was_taken_away(stack: Stack, cluster: str) -> None:
    put = "echo words | hdfs dfs -put - /kept"
    stack.wait_for_step(cluster, stack.add(cluster, "bash", "-c", put), "COMPLETED")
    first = nodes(stack, cluster, "CORE")[0]
    resize(stack, cluster, "CORE", InstanceCount=2)
    second, _ = wait_for_nodes(stack, cluster, "CORE", 2)
    assert daemons(second) == {"datanode", "nodemanager"}
    resize(stack, cluster, "CORE", EC2InstanceIdsToTerminate=[first])
    assert wait_for_nodes(stack, cluster, "CORE", 1) == [second]
    assert with_variables({NODE_VARIABLE: first}) == []
    read = stack.add(cluster, "hdfs", "dfs", "-cat", "/kept")
    stack.wait_for_step(cluster, read, "COMPLETED")
    assert stack.output(cluster, read) == "words\n"


def test_managed_scaling_adds_nodes_for_a_backlog_and_takes_idle_ones_away(
    stack: Stack, cluster: str
) -> None:
    limits: Any = {
        "UnitType": "Instances",
        "MinimumCapacityUnits": 1,
        "MaximumCapacityUnits": 3,
        "MaximumCoreCapacityUnits": 1,
    }
    stack.emr.put_managed_scaling_policy(ClusterId=cluster, ManagedScalingPolicy={"ComputeLimits": limits})
    script = stack.put("jobs/wide.py", WANTS_THREE_EXECUTORS)
    wide = ("spark.dynamicAllocation.enabled=false", "spark.executor.instances=3")
    options = [word for setting in wide for word in ("--conf", setting)]
    step = stack.add(cluster, "spark-submit", *options, "--executor-memory", "9g", script)
    task = wait_for_nodes(stack, cluster, "TASK", 2)
    assert [daemons(node) for node in task] == [{"nodemanager"}] * 2
    stack.wait_for_step(cluster, step, "COMPLETED")
    assert "EXECUTORS 3" in stack.output(cluster, step)
    wait_for_nodes(stack, cluster, "TASK", 0)
    assert [with_variables({NODE_VARIABLE: node}) for node in task] == [[], []]
    assert len(nodes(stack, cluster, "CORE")) == 1
