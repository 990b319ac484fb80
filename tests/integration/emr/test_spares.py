"""The cluster that is started when one has ended: real daemons, with a new owner."""

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.integration.emr.conftest import Stack
from tests.project import copy_project, own_settings
from tests.waiting import eventually
from windtunnel.emr.service import CLUSTERS_PATH
from windtunnel.emr.spares import NAME
from windtunnel.hadoop.processes import with_variables
from windtunnel.hadoop.spec import CLUSTER_VARIABLE

SAME_SECONDS = 0.01
"""By which the API's times and those of files may differ."""


@pytest.fixture
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Amazon EMR alone, which keeps spares; `down` sees to it that nothing of them is left."""
    project = copy_project(tmp_path_factory.mktemp("emr") / "project", rows=10)
    running = Stack(own_settings(project, spare_minutes=10))
    running.services = [one for one in running.services if one.name == "emr"]
    try:
        running.up()
        yield running
    finally:
        running.down()


def daemons(cluster: str) -> dict[int, float]:
    """The JVMs of a cluster: process id -> its start."""
    ours = with_variables({CLUSTER_VARIABLE: cluster})
    return {one.pid: one.create_time() for one in ours if one.name() == "java"}


def ready_spare(stack: Stack) -> str:
    """The id of the spare, as `windtunnel status` shows it, once it waits."""

    def look() -> str:
        page = httpx.get(f"{stack.settings.emr_url}{CLUSTERS_PATH}", trust_env=False).json()
        [spare] = page["clusters"]
        assert (spare["name"], spare["state"]) == (NAME, "WAITING"), spare
        return str(spare["id"])

    return eventually(look, 120)


def test_the_next_cluster_has_the_spares_daemons_and_nothing_of_the_cluster_before(warm: Stack) -> None:
    first = warm.run(LogUri="")
    warm.wait_for_cluster(first, "WAITING")
    put = warm.add(first, "hdfs", "dfs", "-touchz", "/user/hadoop/of-the-first")
    warm.wait_for_step(first, put, "COMPLETED")
    warm.emr.terminate_job_flows(JobFlowIds=[first])
    warm.wait_for_cluster(first, "TERMINATED")

    spare = ready_spare(warm)
    ready = daemons(spare)
    assert len(ready) == 3
    second = warm.run(LogUri="", Name="heir")
    assert second == spare
    created = warm.emr.describe_cluster(ClusterId=second)["Cluster"]["Status"]["Timeline"]["CreationDateTime"]
    look = warm.add(second, "bash", "-c", "hdfs dfs -ls -R /user/hadoop; cat /mnt/var/lib/info/job-flow.json")
    warm.wait_for_step(second, look, "COMPLETED")
    assert daemons(second) == ready
    *listed, told = warm.output(second, look).splitlines()
    assert "of-the-first" not in "".join(listed)
    told_of = json.loads(told)
    assert (told_of["jobFlowId"], told_of["instanceCount"]) == (second, 3)
    assert abs(told_of["jobFlowCreationInstant"] / 1000 - created.timestamp()) < SAME_SECONDS
