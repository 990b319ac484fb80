"""What DescribeCluster and the List operations show."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.behaviours import behaviour
from tests.emr import Emr, groups


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
@behaviour("clusters", "ListClusters lists the newest cluster first.", "observed")
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
