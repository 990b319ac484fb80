"""Real clusters, one after another: what they leave of processes, handles, threads and folders."""

from typing import Any

import psutil
import pytest

from tests.integration.emr.conftest import Stack
from tests.waiting import eventually
from windtunnel.emr.folders import LOG_FOLDERS
from windtunnel.hadoop.processes import with_variables
from windtunnel.hadoop.spec import CLUSTER_VARIABLE

CLUSTERS = 10


def holdings(stack: Stack) -> dict[str, int]:
    """What the service has of the machine's."""
    service = psutil.Process(stack.supervisor.state("emr").pid)
    return {
        "handles": service.num_fds(),
        "threads": service.num_threads(),
        "children": len(service.children()),
    }


def one_cluster(stack: Stack) -> str:
    """A master and a worker, a step with Spark's own launcher, and the end."""
    groups = [
        {"InstanceRole": role, "InstanceType": "m5.xlarge", "InstanceCount": 1} for role in ("MASTER", "CORE")
    ]
    step = {
        "Name": "version",
        "ActionOnFailure": "CONTINUE",
        "HadoopJarStep": {"Jar": "command-runner.jar", "Args": ["hadoop", "fs", "-ls", "/"]},
    }
    instances = {"InstanceGroups": groups, "KeepJobFlowAliveWhenNoSteps": False}
    cluster = stack.run(Instances=instances, Steps=[step])
    stack.wait_for_cluster(cluster, "TERMINATED")
    [ended] = stack.emr.list_steps(ClusterId=cluster)["Steps"]
    assert ended["Status"]["State"] == "COMPLETED"
    return cluster


@pytest.mark.soak
def test_ten_real_clusters_leave_nothing_but_their_logs(stack: Stack) -> None:
    for _ in range(2):  # threads, connections and caches that are made once
        one_cluster(stack)
    before = holdings(stack)
    for _ in range(CLUSTERS):
        cluster = one_cluster(stack)
        assert with_variables({CLUSTER_VARIABLE: cluster}) == []
        folder = stack.folder(cluster)
        kept = {one.name for one in folder.iterdir()} - LOG_FOLDERS - {"node"}
        kept |= {one.name for node in folder.glob("node/*") for one in node.iterdir()} - LOG_FOLDERS
        assert kept == set()

    def as_before() -> None:
        after: dict[str, Any] = holdings(stack)
        assert after["handles"] <= before["handles"] + 4, (before, after)  # connections that are kept open
        assert after["threads"] <= before["threads"] + 2, (before, after)
        assert after["children"] == before["children"], (before, after)

    eventually(as_before)
