"""Instance groups that get other configurations while their cluster is up."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.behaviours import behaviour
from tests.emr import Emr, step
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("attentive")


def yarn_site(**properties: str) -> list[dict[str, Any]]:
    return [{"Classification": "yarn-site", "Properties": properties}]


def group_of(emr: Emr, cluster: str, role: str) -> dict[str, Any]:
    listed = emr.client.list_instance_groups(ClusterId=cluster)["InstanceGroups"]
    return dict(next(group for group in listed if group["InstanceGroupType"] == role))


def reconfigure(emr: Emr, cluster: str, role: str, configurations: Any, **more: Any) -> None:
    group = group_of(emr, cluster, role)["Id"]
    config: Any = {"InstanceGroupId": group, "Configurations": configurations, **more}
    emr.client.modify_instance_groups(ClusterId=cluster, InstanceGroups=[config])


def applied(emr: Emr, cluster: str, role: str, version: int) -> dict[str, Any]:
    """The group, once it runs with that version."""

    def look() -> dict[str, Any]:
        group = group_of(emr, cluster, role)
        seen = group["Status"]["State"], group["LastSuccessfullyAppliedConfigurationsVersion"]
        assert seen == ("RUNNING", version), group
        return group

    return eventually(look)


@behaviour(
    "scaling", "Configurations of a running instance group reach each of its nodes, while steps run on."
)
def test_each_node_of_a_group_is_started_anew_with_its_new_configurations(emr: Emr) -> None:
    cluster = emr.run(step("sleep", "600"))
    emr.wait(cluster, "RUNNING", ["RUNNING"])
    wanted: Any = {"InstanceGroupTypes": ["CORE"]}
    core = emr.client.list_instances(ClusterId=cluster, **wanted)["Instances"]
    reconfigure(emr, cluster, "CORE", yarn_site(a="1"))
    group = applied(emr, cluster, "CORE", 1)
    assert group["Configurations"] == yarn_site(a="1")
    assert group["ConfigurationsVersion"] == 1
    assert sorted(emr.health.configured) == sorted(one["Ec2InstanceId"] for one in core)
    assert emr.steps(cluster) == ["RUNNING"]


def test_what_only_steps_read_restarts_no_daemon(emr: Emr) -> None:
    cluster = emr.run()
    emr.wait(cluster, "WAITING")
    spark = [{"Classification": "spark-defaults", "Properties": {"spark.a": "1"}}]
    reconfigure(emr, cluster, "MASTER", spark)
    applied(emr, cluster, "MASTER", 1)
    assert emr.health.configured == ["files"]


def test_the_masters_daemons_are_started_anew_and_the_cluster_lives_on(emr: Emr) -> None:
    cluster = emr.run()
    emr.wait(cluster, "WAITING")
    reconfigure(emr, cluster, "MASTER", yarn_site(a="1"))
    applied(emr, cluster, "MASTER", 1)
    assert emr.health.configured == ["master"]
    emr.client.add_job_flow_steps(JobFlowId=cluster, Steps=[step("true")])  # type: ignore[list-item]
    emr.wait(cluster, "WAITING", ["COMPLETED"])


@behaviour("scaling", "ReconfigurationType MERGE keeps what is not named; OVERWRITE, the default, does not.")
def test_merge_keeps_what_is_not_named_and_overwrite_does_not(emr: Emr) -> None:
    cluster = emr.run()
    emr.wait(cluster, "WAITING")
    reconfigure(emr, cluster, "CORE", yarn_site(a="1", b="1"))
    applied(emr, cluster, "CORE", 1)
    reconfigure(emr, cluster, "CORE", yarn_site(b="2"), ReconfigurationType="MERGE")
    assert applied(emr, cluster, "CORE", 2)["Configurations"] == yarn_site(a="1", b="2")
    reconfigure(emr, cluster, "CORE", yarn_site(c="3"))
    assert applied(emr, cluster, "CORE", 3)["Configurations"] == yarn_site(c="3")


@pytest.mark.parametrize("role", ["CORE", "MASTER"])
@behaviour("scaling", "Configurations with which daemons don't run are taken back.")
def test_configurations_with_which_daemons_do_not_run_are_taken_back(emr: Emr, role: str) -> None:
    cluster = emr.run()
    emr.wait(cluster, "WAITING")
    reconfigure(emr, cluster, role, yarn_site(fatal="1"))
    group = applied(emr, cluster, role, 2)
    assert group["Configurations"] == []
    assert group["RunningInstanceCount"] == group["RequestedInstanceCount"]
    assert "was taken back: the daemons of i-" in group["Status"]["StateChangeReason"]["Message"]
    assert emr.cluster(cluster)[0] == "WAITING"
    reconfigure(emr, cluster, role, yarn_site(a="1"))
    assert "Message" not in applied(emr, cluster, role, 3)["Status"].get("StateChangeReason", {})


@behaviour(
    "scaling",
    "A group that runs neither with its new configurations nor its old ones is SUSPENDED until modified.",
)
def test_a_group_that_can_not_be_reconfigured_nor_back_is_suspended_until_it_is_modified(emr: Emr) -> None:
    cluster = emr.run()
    emr.wait(cluster, "WAITING")
    emr.health.no_restart = True
    reconfigure(emr, cluster, "CORE", yarn_site(a="1"))

    def suspended() -> None:
        group = group_of(emr, cluster, "CORE")
        status = group["Status"]
        assert (status["State"], group["RunningInstanceCount"]) == ("SUSPENDED", 1), group
        assert "was taken back" in status["StateChangeReason"]["Message"]

    eventually(suspended)
    emr.health.no_restart = False
    core: Any = {"InstanceGroupId": group_of(emr, cluster, "CORE")["Id"], "InstanceCount": 2}
    emr.client.modify_instance_groups(ClusterId=cluster, InstanceGroups=[core])

    def whole() -> None:
        group = group_of(emr, cluster, "CORE")
        assert (group["Status"]["State"], group["RunningInstanceCount"]) == ("RUNNING", 2), group

    eventually(whole)
    assert emr.cluster(cluster)[0] == "WAITING"


def test_a_reconfiguration_goes_on_where_a_crash_left_it(emr: Emr) -> None:
    cluster = emr.run()
    emr.wait(cluster, "WAITING")
    reconfigure(emr, cluster, "CORE", yarn_site(a="1"))

    def begun() -> None:
        assert emr.health.configured

    eventually(begun)
    emr.crash()
    emr.start()
    applied(emr, cluster, "CORE", 1)


def test_an_unknown_classification_changes_nothing(emr: Emr) -> None:
    cluster = emr.run()
    emr.wait(cluster, "WAITING")
    before = group_of(emr, cluster, "CORE")
    with pytest.raises(ClientError, match="'nonsense'"):
        reconfigure(emr, cluster, "CORE", [{"Classification": "nonsense"}])
    assert group_of(emr, cluster, "CORE") == before
