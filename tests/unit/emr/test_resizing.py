"""Instance groups that are added, grown and shrunk while their cluster is up."""

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.behaviours import behaviour
from tests.emr import Emr, step
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("attentive")


def groups(emr: Emr, cluster: str) -> dict[str, Any]:
    """By role; of several, the newest."""
    listed = emr.client.list_instance_groups(ClusterId=cluster)["InstanceGroups"]
    return {group["InstanceGroupType"]: group for group in listed}


def live(emr: Emr, cluster: str, role: str) -> list[str]:
    """EC2 ids of the running instances, newest first."""
    wanted: Any = {"InstanceGroupTypes": [role], "InstanceStates": ["RUNNING"]}
    listed = emr.client.list_instances(ClusterId=cluster, **wanted)
    return [instance["Ec2InstanceId"] for instance in listed["Instances"]]


def settled(emr: Emr, cluster: str, role: str, count: int) -> dict[str, Any]:
    """The group, once it is RUNNING with that many instances."""

    def look() -> dict[str, Any]:
        group = groups(emr, cluster)[role]
        seen = (group["Status"]["State"], group["RunningInstanceCount"], len(live(emr, cluster, role)))
        assert seen == ("RUNNING", count, count), group
        return dict(group)

    return eventually(look)


def modify(emr: Emr, cluster: str, role: str, **changes: Any) -> None:
    group = groups(emr, cluster)[role]["Id"]
    config: Any = {"InstanceGroupId": group, **changes}
    emr.client.modify_instance_groups(ClusterId=cluster, InstanceGroups=[config])


@behaviour("scaling", "ModifyInstanceGroups grows a group while a step runs, and the step runs on.")
def test_a_group_grows_while_a_step_runs_and_the_step_runs_on(emr: Emr) -> None:
    cluster = emr.run(step("sleep", "600"))
    emr.wait(cluster, "RUNNING", ["RUNNING"])
    modify(emr, cluster, "CORE", InstanceCount=4)
    assert settled(emr, cluster, "CORE", 4)["RequestedInstanceCount"] == 4
    assert emr.steps(cluster) == ["RUNNING"]


@behaviour("scaling", "A group that shrinks is RESIZING until its nodes have been decommissioned.")
def test_a_group_that_shrinks_is_resizing_until_its_nodes_have_let_go(emr: Emr) -> None:
    cluster = emr.run()
    emr.wait(cluster, "WAITING")
    newest, oldest = live(emr, cluster, "CORE")
    emr.health.containers[newest] = 1
    modify(emr, cluster, "CORE", InstanceCount=1)

    def asked_to_let_go() -> None:
        assert emr.health.decommissioned == {newest}

    eventually(asked_to_let_go)
    group = groups(emr, cluster)["CORE"]
    assert (group["Status"]["State"], group["RequestedInstanceCount"]) == ("RESIZING", 1)
    assert live(emr, cluster, "CORE") == [newest, oldest], "its container has not ended"
    emr.health.containers.clear()
    settled(emr, cluster, "CORE", 1)
    assert live(emr, cluster, "CORE") == [oldest]
    ended: Any = emr.client.list_instances(ClusterId=cluster, InstanceStates=["TERMINATED"])["Instances"]
    assert [one["Ec2InstanceId"] for one in ended] == [newest]
    assert "decommissioned" in ended[0]["Status"]["StateChangeReason"]["Message"]


@behaviour("scaling", "A node that isn't rid of its containers in time is taken away.")
def test_a_node_that_does_not_let_go_is_taken_away_at_its_time_out(emr: Emr) -> None:
    cluster = emr.run()
    emr.wait(cluster, "WAITING")
    newest, oldest = live(emr, cluster, "CORE")
    emr.health.containers[newest] = 1
    modify(emr, cluster, "CORE", InstanceCount=1, ShrinkPolicy={"DecommissionTimeout": 0})
    settled(emr, cluster, "CORE", 1)
    assert live(emr, cluster, "CORE") == [oldest]


@behaviour("scaling", "A ShrinkPolicy names instances to terminate and to protect.")
def test_a_shrink_policy_names_who_goes_and_who_stays(emr: Emr) -> None:
    cluster = emr.run(Instances={"InstanceCount": 5})
    emr.wait(cluster, "WAITING")
    fourth, third, second, first = live(emr, cluster, "CORE")
    policy = {"InstancesToTerminate": [first], "InstancesToProtect": [fourth]}
    modify(emr, cluster, "CORE", InstanceCount=2, ShrinkPolicy={"InstanceResizePolicy": policy})
    shown = settled(emr, cluster, "CORE", 2)["ShrinkPolicy"]
    assert shown == {"InstanceResizePolicy": policy}
    assert live(emr, cluster, "CORE") == [fourth, second], third


@behaviour("scaling", "EC2InstanceIdsToTerminate takes these instances away, and none comes in their place.")
def test_named_instances_are_taken_away_and_none_comes_in_their_place(emr: Emr) -> None:
    cluster = emr.run()
    emr.wait(cluster, "WAITING")
    newest, oldest = live(emr, cluster, "CORE")
    modify(emr, cluster, "CORE", EC2InstanceIdsToTerminate=[oldest])
    assert settled(emr, cluster, "CORE", 1)["RequestedInstanceCount"] == 1
    assert live(emr, cluster, "CORE") == [newest]


def test_a_resize_goes_on_where_a_crash_left_it(emr: Emr) -> None:
    cluster = emr.run()
    emr.wait(cluster, "WAITING")
    newest, oldest = live(emr, cluster, "CORE")
    emr.health.containers[newest] = 1
    modify(emr, cluster, "CORE", InstanceCount=1)
    emr.crash()
    emr.health.containers.clear()
    emr.start()
    settled(emr, cluster, "CORE", 1)
    assert live(emr, cluster, "CORE") == [oldest]


@behaviour("scaling", "AddInstanceGroups adds TASK groups to a cluster that is up.")
def test_task_groups_are_added_to_a_cluster_that_is_up(emr: Emr) -> None:
    cluster = emr.run()
    emr.wait(cluster, "WAITING")
    added = emr.client.add_instance_groups(
        JobFlowId=cluster,
        InstanceGroups=[
            {"InstanceRole": "TASK", "InstanceType": "m5.xlarge", "InstanceCount": 1, "Name": "more"},
            {"InstanceRole": "TASK", "InstanceType": "c5.xlarge", "InstanceCount": 1, "Market": "SPOT"},
        ],
    )
    assert added["JobFlowId"] == cluster
    assert added["ClusterArn"].endswith(f":cluster/{cluster}")
    assert all(group.startswith("ig-") for group in added["InstanceGroupIds"])

    def look() -> None:
        listed = emr.client.list_instance_groups(ClusterId=cluster)["InstanceGroups"][2:]
        assert [group["Id"] for group in listed] == added["InstanceGroupIds"]
        assert [(group["Status"]["State"], group["RunningInstanceCount"]) for group in listed] == [
            ("RUNNING", 1)
        ] * 2

    eventually(look)
    task: Any = emr.client.list_instances(ClusterId=cluster, InstanceGroupTypes=["TASK"])["Instances"]
    assert {(one["InstanceType"], one["Market"]) for one in task} == {
        ("m5.xlarge", "ON_DEMAND"),
        ("c5.xlarge", "SPOT"),
    }


def test_a_group_that_asks_for_more_than_the_machine_gives_says_so_and_is_not_resizing_for_ever(
    emr: Emr,
) -> None:
    cluster = emr.run()
    emr.wait(cluster, "WAITING")
    modify(emr, cluster, "CORE", InstanceCount=20)
    group = settled(emr, cluster, "CORE", 4)
    assert group["RequestedInstanceCount"] == 20
    assert "4 of the 20" in group["Status"]["StateChangeReason"]["Message"]
    modify(emr, cluster, "CORE", InstanceCount=2)
    assert "Message" not in settled(emr, cluster, "CORE", 2)["Status"]["StateChangeReason"]


@behaviour("scaling", "A group whose instances fail again and again is SUSPENDED until it is modified.")
def test_a_group_whose_nodes_fail_again_and_again_is_suspended_until_it_is_modified(emr: Emr) -> None:
    cluster = emr.run()
    emr.wait(cluster, "WAITING")

    emr.health.workers_die = True

    def suspended() -> None:
        group = groups(emr, cluster)["CORE"]
        assert group["Status"]["State"] == "SUSPENDED", group

    eventually(suspended)
    emr.health.workers_die = False
    modify(emr, cluster, "CORE", InstanceCount=1)
    settled(emr, cluster, "CORE", 1)


@behaviour(
    "scaling",
    "A bootstrap action that fails on a node that was added ends the node, not the cluster.",
    "believed",
)
def test_a_bootstrap_action_that_fails_on_a_new_node_ends_the_node_not_the_cluster(
    emr: Emr, tmp_path: Path
) -> None:
    marker = tmp_path / "fail"
    script = tmp_path / "action.sh"
    script.write_text(f"test ! -e {marker}\n")
    action: Any = {"Name": "test", "ScriptBootstrapAction": {"Path": str(script)}}
    cluster = emr.run(BootstrapActions=[action])
    emr.wait(cluster, "WAITING")
    marker.touch()
    modify(emr, cluster, "CORE", InstanceCount=3)

    def failed() -> None:
        listed: Any = emr.client.list_instances(ClusterId=cluster, InstanceStates=["TERMINATED"])
        assert listed["Instances"]
        reason = listed["Instances"][0]["Status"]["StateChangeReason"]
        assert reason["Code"] == "BOOTSTRAP_FAILURE", listed
        assert "bootstrap action 1" in reason["Message"]

    eventually(failed)
    marker.unlink()
    settled(emr, cluster, "CORE", 3)


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("MASTER", {"InstanceCount": 2}, "can't be resized"),
    ("CORE", {"InstanceCount": 0}, "must be at least 1"),
    ("CORE", {"InstanceCount": -1}, "must be at least 1"),
    ("CORE", {}, "Give what is to change"),
    ("CORE", {"EC2InstanceIdsToTerminate": ["i-1"]}, "has no instance 'i-1'"),
    ("CORE", {"ShrinkPolicy": {"DecommissionTimeout": -1}}, "must not be negative"),
    ("CORE", {"InstanceCount": 1, "Configurations": [{"Classification": "x"}]}, "classification 'x'"),
]


@pytest.mark.parametrize(("role", "changes", "message"), REFUSED)
def test_what_can_not_be_done_is_refused_and_changes_nothing(
    emr: Emr, role: str, changes: dict[str, Any], message: str
) -> None:
    cluster = emr.run()
    emr.wait(cluster, "WAITING")
    before = groups(emr, cluster)
    with pytest.raises(ClientError, match=message):
        modify(emr, cluster, role, **changes)
    assert groups(emr, cluster) == before


@behaviour(
    "scaling",
    "An instance group may only be modified when the cluster is running or waiting.",
    "observed",
)
def test_a_cluster_that_starts_is_not_resized(emr: Emr) -> None:
    emr.health.starting = True
    cluster = emr.run()
    with pytest.raises(ClientError, match="running or waiting"):
        modify(emr, cluster, "CORE", InstanceCount=1)


@pytest.mark.parametrize(
    ("role", "message"), [("MASTER", "exactly one MASTER"), ("CORE", "at most one CORE")]
)
def test_a_second_master_or_core_group_is_not_added(emr: Emr, role: Any, message: str) -> None:
    cluster = emr.run()
    group: Any = {"InstanceRole": role, "InstanceType": "m5.xlarge", "InstanceCount": 1}
    with pytest.raises(ClientError, match=message):
        emr.client.add_instance_groups(JobFlowId=cluster, InstanceGroups=[group])
    assert len(groups(emr, cluster)) == 2


@behaviour("scaling", "ModifyInstanceGroups finds the cluster by the group's id where ClusterId is left out.")
def test_a_group_may_be_modified_without_its_clusters_id(emr: Emr) -> None:
    cluster = emr.run()
    emr.wait(cluster, "WAITING")
    group = groups(emr, cluster)["CORE"]["Id"]
    emr.client.modify_instance_groups(InstanceGroups=[{"InstanceGroupId": group, "InstanceCount": 1}])
    settled(emr, cluster, "CORE", 1)
