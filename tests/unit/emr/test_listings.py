"""What DescribeCluster and the List operations show."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.behaviours import behaviour
from tests.emr import Emr, groups, step
from windtunnel.emr.states import ClusterState
from windtunnel.emr.store import find_cluster


@behaviour(
    "clusters",
    "DescribeCluster shows applications with their versions, roles, subnet, security groups, tags, "
    "configurations and concurrency.",
)
@behaviour("clusters", "Application names of a request are read without regard to case.", "believed")
@behaviour("clusters", "A LogUri is shown with a slash at its end.", "observed")
@behaviour("clusters", "A cluster's ARN is arn:aws:elasticmapreduce:region:account:cluster/id.")
def test_a_cluster_shows_what_it_was_made_of(emr: Emr) -> None:
    request: dict[str, Any] = {
        "ServiceRole": "EMR_Service",
        "JobFlowRole": "EMR_EC2",
        "Applications": [{"Name": "Spark"}, {"Name": "hadoop"}],
        "Tags": [{"Key": "team", "Value": "pay"}],
        "LogUri": "s3://logs/emr",
        "StepConcurrencyLevel": 3,
        "Configurations": [{"Classification": "spark-defaults", "Properties": {"spark.ui.enabled": "false"}}],
    }
    subnet = {
        "Ec2SubnetId": "subnet-1",
        "EmrManagedMasterSecurityGroup": "sg-1",
        "EmrManagedSlaveSecurityGroup": "sg-2",
    }
    cluster = emr.run(**request, Instances={**groups(), **subnet})
    shown = emr.client.describe_cluster(ClusterId=cluster)["Cluster"]
    assert shown["ReleaseLabel"] == "emr-7.13.0"
    assert shown["Applications"] == [
        {"Name": "Spark", "Version": "3.5.6"},
        {"Name": "Hadoop", "Version": "3.4.2"},
    ]
    assert shown["Tags"] == request["Tags"]
    assert shown["LogUri"] == "s3://logs/emr/"
    assert shown["ServiceRole"] == "EMR_Service"
    assert shown["AutoTerminate"] is False
    assert shown["StepConcurrencyLevel"] == 3
    assert shown["Configurations"] == request["Configurations"]
    ec2 = shown["Ec2InstanceAttributes"]
    assert (ec2["Ec2SubnetId"], ec2["IamInstanceProfile"]) == ("subnet-1", "EMR_EC2")
    assert ec2["EmrManagedMasterSecurityGroup"] == "sg-1"
    assert shown["ClusterArn"] == f"arn:aws:elasticmapreduce:us-east-1:000000000000:cluster/{cluster}"


@behaviour(
    "instances",
    "ListInstanceGroups tells RequestedInstanceCount and RunningInstanceCount, market and bid price "
    "of each group.",
)
def test_instance_groups_show_what_was_asked_for_and_what_runs(emr: Emr) -> None:
    cluster = emr.run(Instances=groups(core=2, Market="SPOT", BidPrice="0.1"))
    emr.wait(cluster, "WAITING")
    master, core = emr.client.list_instance_groups(ClusterId=cluster)["InstanceGroups"]
    assert (master["InstanceGroupType"], core["InstanceGroupType"]) == ("MASTER", "CORE")
    assert (core["Market"], core["BidPrice"], core["InstanceType"]) == ("SPOT", "0.1", "m5.2xlarge")
    assert (core["RequestedInstanceCount"], core["RunningInstanceCount"]) == (2, 2)


@behaviour("instances", "A group that can't be filled shows fewer running than requested instances, and why.")
def test_a_group_that_this_machine_cannot_fill_says_so(emr: Emr) -> None:
    cluster = emr.run(Instances=groups(core=20))
    emr.wait(cluster, "WAITING")
    _, core = emr.client.list_instance_groups(ClusterId=cluster)["InstanceGroups"]
    assert (core["RequestedInstanceCount"], core["RunningInstanceCount"]) == (20, 4)
    assert "4 of the 20 requested instances run" in core["Status"]["StateChangeReason"]["Message"]


@behaviour("clusters", "ListClusters filters by ClusterStates, CreatedAfter and CreatedBefore.")
@behaviour("clusters", "ListClusters lists the newest cluster first.", "believed")
def test_clusters_are_listed_newest_first_by_state_and_time(emr: Emr) -> None:
    ended = emr.run(Instances={"KeepJobFlowAliveWhenNoSteps": False})
    emr.wait(ended, "TERMINATED")
    waiting = emr.run()
    emr.wait(waiting, "WAITING")

    def ids(**filters: Any) -> list[str]:
        return [cluster["Id"] for cluster in emr.client.list_clusters(**filters)["Clusters"]]

    assert ids() == [waiting, ended]
    assert ids(ClusterStates=["TERMINATED"]) == [ended]
    hour = timedelta(hours=1)
    now = datetime.now(UTC)
    assert ids(CreatedAfter=now + hour) == [] and ids(CreatedBefore=now - hour) == []
    assert ids(CreatedAfter=now - hour, CreatedBefore=now + hour) == [waiting, ended]


@behaviour("clusters", "ListClusters answers 50 clusters a call, and a Marker when there are more.")
def test_pages_of_clusters_have_no_gap_and_no_double(emr: Emr) -> None:
    emr.reconciler.halt()
    made = [emr.run() for _ in range(52)]
    pages = list(emr.client.get_paginator("list_clusters").paginate())
    assert [len(page["Clusters"]) for page in pages] == [50, 2]
    assert [cluster["Id"] for page in pages for cluster in page["Clusters"]] == made[::-1]


@behaviour("clusters", "Clusters belong to one account in one region; others don't see them.")
def test_another_region_or_account_has_clusters_of_its_own(emr: Emr) -> None:
    cluster = emr.run()
    for region, key in (("eu-west-1", "test"), ("us-east-1", "111122223333")):
        other = emr.client_of(region, key)
        assert other.list_clusters()["Clusters"] == []
        with pytest.raises(ClientError, match="is not valid"):
            other.describe_cluster(ClusterId=cluster)
        with pytest.raises(ClientError, match="does not exist"):
            other.terminate_job_flows(JobFlowIds=[cluster])


@pytest.mark.parametrize("marker", ["x", "YWZ0ZXI6" + "OTk5" * 10])
@behaviour("clusters", "A Marker that no answer gave is an InvalidRequestException.", "believed")
def test_a_marker_that_nobody_gave_is_an_invalid_request(emr: Emr, marker: str) -> None:
    with pytest.raises(ClientError, match=r"InvalidRequestException.* is not valid: give the Marker"):
        emr.client.list_clusters(Marker=marker)


@behaviour(
    "clusters",
    "An unknown cluster is an InvalidRequestException: \"Cluster id 'j-…' is not valid.\"",
    "observed",
)
def test_an_unknown_cluster_is_an_invalid_request(emr: Emr) -> None:
    with pytest.raises(
        emr.client.exceptions.InvalidRequestException, match="Cluster id 'j-NONE' is not valid"
    ):
        emr.client.describe_cluster(ClusterId="j-NONE")


FORMS = {
    "cluster": r"j-[A-Z0-9]{13}",
    "step": r"s-[A-Z0-9]{20}",
    "instance group": r"ig-[A-Z0-9]{13}",
    "instance": r"ci-[A-Z0-9]{12}",
    "EC2 instance": r"i-[0-9a-f]{17}",
}


@behaviour("clusters", "Ids are j- and 13, ig- and 13, ci- and 12, s- and 20 capitals or digits.", "observed")
@behaviour("instances", "An EC2 instance's id is i- and 17 hexadecimal digits.")
@behaviour("steps", "DescribeStep and ListSteps show the same of a step.", "believed")
@behaviour(
    "instances", "ListInstances tells the group, type, market, addresses, state and times of each instance."
)
@behaviour(
    "instances",
    "An instance is RUNNING when it has begun to be part of the cluster, and has its ReadyDateTime then.",
)
@behaviour("clusters", "MasterPublicDnsName is there once the cluster is up; here it is this machine.")
@behaviour("clusters", "A cluster's timeline tells when it was created, ready and ended.")
@behaviour("clusters", "AutoTerminate is true for a cluster that is not kept alive.")
@behaviour(
    "life", "A cluster that has ended has TERMINATED groups and instances, with the times of their ends."
)
def test_what_a_cluster_shows_of_its_parts(emr: Emr) -> None:
    cluster = emr.run(step("true"))
    emr.wait(cluster, "WAITING", ["COMPLETED"])
    client = emr.client
    shown = client.describe_cluster(ClusterId=cluster)["Cluster"]
    [listed] = client.list_steps(ClusterId=cluster)["Steps"]
    groups = client.list_instance_groups(ClusterId=cluster)["InstanceGroups"]
    nodes: Any = client.list_instances(ClusterId=cluster)["Instances"]
    given = {
        "cluster": [cluster],
        "step": [listed["Id"]],
        "instance group": [group["Id"] for group in groups],
        "instance": [node["Id"] for node in nodes],
        "EC2 instance": [node["Ec2InstanceId"] for node in nodes],
    }
    for kind, form in FORMS.items():
        assert all(re.fullmatch(form, one) for one in given[kind]), given[kind]
    step_shown: dict[str, Any] = dict(client.describe_step(ClusterId=cluster, StepId=listed["Id"])["Step"])
    assert step_shown == listed
    assert {node["InstanceGroupId"] for node in nodes} == {group["Id"] for group in groups}
    for node in nodes:
        assert (node["InstanceType"], node["Market"]) == ("m5.xlarge", "ON_DEMAND")
        assert node["PrivateIpAddress"] == node["PublicIpAddress"] == "127.0.0.1"
        assert node["Status"]["State"] == "RUNNING"
        timeline = node["Status"]["Timeline"]
        assert timeline["CreationDateTime"] <= timeline["ReadyDateTime"] and "EndDateTime" not in timeline
    assert (shown["MasterPublicDnsName"], shown["AutoTerminate"]) == ("localhost", False)
    assert "EndDateTime" not in shown["Status"]["Timeline"]
    client.set_keep_job_flow_alive_when_no_steps(JobFlowIds=[cluster], KeepJobFlowAliveWhenNoSteps=False)
    emr.wait(cluster, "TERMINATED")
    ended: Any = client.describe_cluster(ClusterId=cluster)["Cluster"]
    assert ended["AutoTerminate"] is True
    parts: Any = [*client.list_instance_groups(ClusterId=cluster)["InstanceGroups"]]
    parts += client.list_instances(ClusterId=cluster)["Instances"]
    assert {part["Status"]["State"] for part in parts} == {"TERMINATED"}
    for part in [ended, *parts]:
        timeline = part["Status"]["Timeline"]
        assert timeline["CreationDateTime"] <= timeline["ReadyDateTime"] <= timeline["EndDateTime"]


@behaviour(
    "clusters",
    "A new cluster is STARTING, without MasterPublicDnsName or ReadyDateTime; its steps are PENDING.",
)
@behaviour("clusters", "NormalizedInstanceHours are 0 before a cluster is ready.", "believed")
@behaviour("clusters", "RunJobFlow answers the cluster's id and its ARN.")
@behaviour("clusters", "An availability zone is told even if none was asked for.", "believed")
@behaviour("create", "VisibleToAllUsers is true where it is left out.")
@behaviour("create", "TerminationProtected is false where it is left out.")
@behaviour("create", "StepConcurrencyLevel is 1 where it is left out.")
def test_what_a_cluster_shows_at_its_start(quiet: Emr) -> None:
    instances: Any = {"MasterInstanceType": "m5.xlarge", "InstanceCount": 1}
    steps: Any = [step("true", action=None)]
    about: Any = {"Name": "x", "ReleaseLabel": "emr-7.13.0", "Instances": instances, "Steps": steps}
    answer = quiet.client.run_job_flow(**about)
    shown = quiet.client.describe_cluster(ClusterId=answer["JobFlowId"])["Cluster"]
    assert shown["ClusterArn"] == answer["ClusterArn"]
    assert (shown["Status"]["State"], shown["NormalizedInstanceHours"]) == ("STARTING", 0)
    assert "MasterPublicDnsName" not in shown and "ReadyDateTime" not in shown["Status"]["Timeline"]
    assert shown["Ec2InstanceAttributes"]["Ec2AvailabilityZone"] == "us-east-1a"
    assert (shown["VisibleToAllUsers"], shown["TerminationProtected"]) == (True, False)
    assert (shown["StepConcurrencyLevel"], shown["AutoTerminate"]) == (1, True)
    assert (shown["Applications"], shown["Tags"], shown["Configurations"]) == ([], [], [])
    assert "LogUri" not in shown
    assert quiet.steps(answer["JobFlowId"]) == ["PENDING"]


@behaviour("steps", "TERMINATE_JOB_FLOW is another name of TERMINATE_CLUSTER.")
@behaviour("steps", "A step shows its jar, main class, properties and arguments as they were given.")
@behaviour("steps", "ListSteps filters by StepStates and by StepIds.")
def test_steps_show_what_they_are_and_are_found(quiet: Emr) -> None:
    pair = [{"Key": "k", "Value": "v"}]
    jar = step("x", action="TERMINATE_JOB_FLOW", Jar="s3://b/a.jar", MainClass="a.B", Properties=pair)
    cluster = quiet.run(jar, step("true"))
    other, first = quiet.client.list_steps(ClusterId=cluster)["Steps"]
    assert first["Config"] == {
        "Jar": "s3://b/a.jar",
        "MainClass": "a.B",
        "Properties": {"k": "v"},
        "Args": ["x"],
    }
    assert (first["ActionOnFailure"], other["ActionOnFailure"]) == ("TERMINATE_CLUSTER", "CONTINUE")
    quiet.client.cancel_steps(ClusterId=cluster, StepIds=[other["Id"]])

    def found(**filters: Any) -> list[str]:
        return [one["Id"] for one in quiet.client.list_steps(ClusterId=cluster, **filters)["Steps"]]

    assert found(StepStates=["CANCELLED"]) == [other["Id"]]
    assert found(StepStates=["PENDING", "RUNNING"]) == [first["Id"]]
    assert found(StepIds=[first["Id"], "s-NONE"]) == [first["Id"]]
    assert found(StepIds=[first["Id"]], StepStates=["CANCELLED"]) == []


@behaviour("instances", "ListInstances filters by InstanceGroupId, InstanceGroupTypes and InstanceStates.")
def test_instances_are_found_by_group_and_state(emr: Emr) -> None:
    cluster = emr.run()
    emr.wait(cluster, "WAITING")
    master, core = emr.client.list_instance_groups(ClusterId=cluster)["InstanceGroups"]

    def found(**filters: Any) -> int:
        return len(emr.client.list_instances(ClusterId=cluster, **filters)["Instances"])

    assert found() == 3
    assert (found(InstanceGroupId=master["Id"]), found(InstanceGroupId=core["Id"])) == (1, 2)
    assert (found(InstanceGroupTypes=["CORE"]), found(InstanceGroupTypes=["MASTER", "CORE"])) == (2, 3)
    assert (found(InstanceStates=["RUNNING"]), found(InstanceStates=["PROVISIONING", "TERMINATED"])) == (3, 0)
    assert found(InstanceGroupTypes=["TASK"]) == 0


@behaviour("clusters", "ARNs of the partitions aws-cn and aws-us-gov have their own beginning.")
@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")],
)
def test_arns_are_of_their_regions_partition(quiet: Emr, region: str, partition: str) -> None:
    client: Any = quiet.client_of(region, "111122223333")
    instances = {"MasterInstanceType": "m5.xlarge", "InstanceCount": 1}
    made = client.run_job_flow(Name="x", ReleaseLabel="emr-7.13.0", Instances=instances)
    expected = f"arn:{partition}:elasticmapreduce:{region}:111122223333:cluster/{made['JobFlowId']}"
    assert made["ClusterArn"] == expected


@behaviour(
    "clusters",
    "NormalizedInstanceHours count each begun hour of a node by its size: an m5.xlarge is 8.",
    "believed",
)
@pytest.mark.parametrize(("hours", "expected"), [(0.5, 8 + 2 * 16), (1.5, 2 * (8 + 2 * 16))])
def test_normalized_instance_hours_are_those_begun_by_the_size_of_the_nodes(
    quiet: Emr, hours: float, expected: int
) -> None:
    cluster = quiet.run(Instances=groups(core=2))
    with quiet.store.transaction() as session:
        row = find_cluster(session, cluster)
        assert row
        row.ready_at, row.ended_at = 1_000_000, 1_000_000 + hours * 3600
        row.state = ClusterState.TERMINATED
    assert quiet.client.describe_cluster(ClusterId=cluster)["Cluster"]["NormalizedInstanceHours"] == expected
    [listed] = [one for one in quiet.client.list_clusters()["Clusters"] if one["Id"] == cluster]
    assert listed["NormalizedInstanceHours"] == expected
