"""DescribeJobFlows, which old tools still ask."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.behaviours import behaviour
from tests.emr import Emr, groups, step
from windtunnel.emr.schema import Cluster
from windtunnel.emr.states import ClusterState
from windtunnel.emr.store import find_cluster

HOUR = timedelta(hours=1)


def ids(emr: Emr, **filters: Any) -> list[str]:
    return [one["JobFlowId"] for one in emr.client.describe_job_flows(**filters)["JobFlows"]]


def change(emr: Emr, cluster: str, **columns: Any) -> None:
    """What time would do to the cluster."""
    with emr.store.transaction() as session:
        row = find_cluster(session, cluster)
        assert isinstance(row, Cluster)
        for name, value in columns.items():
            setattr(row, name, value)


@behaviour(
    "job flows",
    "A job flow is told with its status, instances, instance groups, steps and bootstrap actions.",
)
@behaviour("job flows", "Properties of a step are a list of Key and Value, as they were given.")
def test_a_job_flow_is_told_whole(emr: Emr) -> None:
    given = step("true", MainClass="a.B", Jar="s3://b/a.jar", Properties=[{"Key": "k", "Value": "v"}])
    action: Any = {"Name": "an action", "ScriptBootstrapAction": {"Path": "s3://b/a.sh", "Args": ["x"]}}
    emr.reconciler.halt()
    instances = {**groups(core=2, Name="workers"), "Ec2KeyName": "key"}
    cluster = emr.run(
        given, BootstrapActions=[action], ServiceRole="role", LogUri="s3://b/l", Instances=instances
    )
    [told] = emr.client.describe_job_flows(JobFlowIds=[cluster])["JobFlows"]
    assert (told["JobFlowId"], told["Name"], told["LogUri"]) == (cluster, "test", "s3://b/l/")
    assert (told["ServiceRole"], told["VisibleToAllUsers"]) == ("role", True)
    assert told["ExecutionStatusDetail"]["State"] == "STARTING"
    hardware = told["Instances"]
    assert (hardware["MasterInstanceType"], hardware["SlaveInstanceType"]) == ("m5.xlarge", "m5.2xlarge")
    assert (hardware["InstanceCount"], hardware["KeepJobFlowAliveWhenNoSteps"]) == (3, True)
    assert (hardware["Ec2KeyName"], hardware["HadoopVersion"]) == ("key", "3.4.2")
    master, core = hardware["InstanceGroups"]
    assert (master["InstanceRole"], core["InstanceRole"], core["Name"]) == ("MASTER", "CORE", "workers")
    assert (core["InstanceRequestCount"], core["InstanceRunningCount"], core["State"]) == (
        2,
        0,
        "PROVISIONING",
    )
    assert told["BootstrapActions"] == [{"BootstrapActionConfig": action}]
    [shown] = told["Steps"]
    assert shown["StepConfig"] == given
    assert shown["ExecutionStatusDetail"]["State"] == "PENDING"


@behaviour(
    "job flows",
    "A job flow that ended with its steps is COMPLETED, its times are told in their order.",
    "believed",
)
def test_a_completed_job_flow_has_its_times(emr: Emr) -> None:
    cluster = emr.run(step("true"), Instances={"KeepJobFlowAliveWhenNoSteps": False})
    emr.wait(cluster, "TERMINATED")
    [told] = emr.client.describe_job_flows()["JobFlows"]
    status, node = told["ExecutionStatusDetail"], told["Instances"]
    assert (status["State"], status["LastStateChangeReason"]) == ("COMPLETED", "Steps completed")
    assert status["CreationDateTime"] <= status["ReadyDateTime"] <= status["EndDateTime"]
    assert (node["MasterPublicDnsName"], node["MasterInstanceId"][:2]) == ("localhost", "i-")
    assert told["Steps"][0]["ExecutionStatusDetail"]["State"] == "COMPLETED"


@behaviour("job flows", "TERMINATING is SHUTTING_DOWN, TERMINATED_WITH_ERRORS is FAILED there.", "believed")
@behaviour("job flows", "Job flows are found by JobFlowIds, JobFlowStates, CreatedAfter and CreatedBefore.")
def test_job_flows_are_found_by_id_state_and_time(quiet: Emr) -> None:
    made = {state: quiet.run() for state in ClusterState}
    for state, cluster in made.items():
        change(quiet, cluster, state=state, reason_code="USER_REQUEST")
    older = {ClusterState.TERMINATING: "SHUTTING_DOWN", ClusterState.TERMINATED_WITH_ERRORS: "FAILED"}
    for state, cluster in made.items():
        name: Any = older.get(state, state.value)
        assert ids(quiet, JobFlowStates=[name]) == [cluster]
    assert ids(quiet) == list(made.values())[::-1]
    assert ids(quiet, JobFlowIds=[made[ClusterState.WAITING], "j-NONE"]) == [made[ClusterState.WAITING]]
    now = datetime.now(UTC)
    assert ids(quiet, CreatedAfter=now + HOUR) == ids(quiet, CreatedBefore=now - HOUR) == []
    assert len(ids(quiet, CreatedAfter=now - HOUR, CreatedBefore=now + HOUR)) == len(made)


@behaviour("job flows", "Only job flows of the last two months are told, whatever is asked for.")
@behaviour(
    "job flows", "Without a filter, what has ended is told for two weeks, what is live for two months."
)
@pytest.mark.parametrize(
    ("days", "state", "told", "asked"),
    [
        (20, ClusterState.WAITING, True, True),
        (20, ClusterState.TERMINATED, False, True),
        (70, ClusterState.WAITING, False, False),
    ],
)
def test_old_job_flows_are_left_out(
    emr: Emr, days: int, state: ClusterState, told: bool, asked: bool
) -> None:
    emr.reconciler.halt()
    cluster = emr.run()
    created = datetime.now(UTC) - timedelta(days=days)
    change(emr, cluster, state=state, created_at=created.timestamp())
    assert ids(emr) == [cluster] * told
    assert ids(emr, JobFlowIds=[cluster]) == [cluster] * asked
    change(emr, cluster, state=ClusterState.TERMINATED)
