"""The calls that Terraform's AWS provider makes for its resources of EMR, and what it needs in each answer.

Read from the provider's internal/service/emr: which operations a resource calls when it is created, read, changed
and deleted, with which empty members, and which codes and words of errors it takes for "not there any more".
"""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.behaviours import behaviour
from tests.emr import Emr, step
from tests.waiting import eventually

GIVEN: dict[str, Any] = {
    "name": "tf",
    "release_label": "emr-7.13.0",
    "service_role": "arn:aws:iam::000000000000:role/emr",
    "log_uri": "s3://logs/emr/",
    "applications": ["Hadoop", "Spark"],
    "tags": {"env": "test"},
    "instance_profile": "profile",
    "subnet_id": "subnet-1",
    "key_name": "",
    "master": {"name": "", "instance_type": "m5.xlarge", "instance_count": 1, "bid_price": ""},
    "core": {"name": "", "instance_type": "m5.xlarge", "instance_count": 2, "bid_price": "0.3"},
    "volumes": [{"SizeInGB": 64, "VolumeType": "gp3"}] * 2,
    "step_concurrency_level": 1,
    "termination_protection": False,
    "unhealthy_node_replacement": False,
    "visible_to_all_users": True,
    "configurations": [{"Classification": "spark-defaults", "Properties": {"spark.ui.enabled": "false"}}],
    "auto_termination_policy": {"IdleTimeout": 7200},
    "scale_down_behavior": "TERMINATE_AT_TASK_COMPLETION",
    "ebs_root_volume_size": 64,
}
"""What a plan wants; an empty name or key is what the provider sends for one that is left out."""


def create(emr: Emr, **changes: Any) -> str:
    """aws_emr_cluster: RunJobFlow with all members that the provider sends."""
    given = {**GIVEN, **changes}
    device = {"VolumeSpecification": GIVEN["volumes"][0], "VolumesPerInstance": 2}
    groups = [
        {
            "InstanceRole": role,
            "Name": of["name"],
            "InstanceType": of["instance_type"],
            "InstanceCount": of["instance_count"],
            "Market": "SPOT" if of["bid_price"] else "ON_DEMAND",
            **({"BidPrice": of["bid_price"]} if of["bid_price"] else {}),
            "EbsConfiguration": {"EbsBlockDeviceConfigs": [device]},
        }
        for role, of in (("MASTER", given["master"]), ("CORE", given["core"]))
    ]
    empty = dict.fromkeys(
        ("EmrManagedMasterSecurityGroup", "EmrManagedSlaveSecurityGroup", "ServiceAccessSecurityGroup"),
        "",
    )
    client: Any = emr.client
    job_flow_id: str = client.run_job_flow(
        Name=given["name"],
        ReleaseLabel=given["release_label"],
        ServiceRole=given["service_role"],
        JobFlowRole=given["instance_profile"],
        LogUri=given["log_uri"],
        Applications=[{"Name": name} for name in given["applications"]],
        Tags=[{"Key": key, "Value": value} for key, value in given["tags"].items()],
        VisibleToAllUsers=True,
        StepConcurrencyLevel=given["step_concurrency_level"],
        Configurations=given["configurations"],
        AutoTerminationPolicy=given["auto_termination_policy"],
        ScaleDownBehavior=given["scale_down_behavior"],
        EbsRootVolumeSize=given["ebs_root_volume_size"],
        Steps=given.get("steps", []),
        BootstrapActions=[],
        Instances={
            "InstanceGroups": groups,
            "KeepJobFlowAliveWhenNoSteps": True,
            "TerminationProtected": given["termination_protection"],
            "UnhealthyNodeReplacement": given["unhealthy_node_replacement"],
            "Ec2KeyName": given["key_name"],
            "Ec2SubnetId": given["subnet_id"],
            "Ec2SubnetIds": [],
            "AdditionalMasterSecurityGroups": [""],
            "AdditionalSlaveSecurityGroups": [""],
            **empty,
        },
    )["JobFlowId"]
    return job_flow_id


def read(emr: Emr, cluster: str) -> dict[str, Any]:
    """aws_emr_cluster: its attributes as the provider reads them for a plan."""
    shown: Any = emr.client.describe_cluster(ClusterId=cluster)["Cluster"]
    groups: Any = {
        group["InstanceGroupType"]: group
        for page in emr.client.get_paginator("list_instance_groups").paginate(ClusterId=cluster)
        for group in page["InstanceGroups"]
    }
    with pytest.raises(ClientError):  # the provider asks for both and takes which answers
        emr.client.list_instance_fleets(ClusterId=cluster)
    policy = emr.client.get_auto_termination_policy(ClusterId=cluster)
    ec2 = shown["Ec2InstanceAttributes"]
    return {
        "name": shown["Name"],
        "release_label": shown["ReleaseLabel"],
        "service_role": shown["ServiceRole"],
        "log_uri": shown["LogUri"].replace("s3n://", "s3://"),
        "applications": [one["Name"] for one in shown["Applications"]],
        "tags": {tag["Key"]: tag["Value"] for tag in shown["Tags"]},
        "instance_profile": ec2["IamInstanceProfile"],
        "subnet_id": ec2["Ec2SubnetId"],
        "key_name": ec2.get("Ec2KeyName", ""),
        "master": _group(groups["MASTER"]),
        "core": _group(groups["CORE"]),
        "volumes": [device["VolumeSpecification"] for device in groups["CORE"]["EbsBlockDevices"]],
        "step_concurrency_level": shown["StepConcurrencyLevel"],
        "termination_protection": shown["TerminationProtected"],
        "unhealthy_node_replacement": shown["UnhealthyNodeReplacement"],
        "visible_to_all_users": shown["VisibleToAllUsers"],
        "configurations": shown["Configurations"],
        "auto_termination_policy": policy.get("AutoTerminationPolicy"),
        "scale_down_behavior": shown["ScaleDownBehavior"],
        "ebs_root_volume_size": shown["EbsRootVolumeSize"],
    }


def _group(shown: dict[str, Any]) -> dict[str, Any]:
    assert shown["Id"] and shown["Status"]["State"]
    return {
        "name": shown.get("Name", ""),
        "instance_type": shown["InstanceType"],
        "instance_count": shown["RequestedInstanceCount"],
        "bid_price": shown.get("BidPrice", ""),
    }


@behaviour(
    "terraform",
    "aws_emr_cluster: what was created is read as it was planned, so that the next plan is empty.",
)
@behaviour("terraform", "aws_emr_cluster: members that the provider sends empty count as left out.")
@behaviour("terraform", "An instance group without a name is shown without one.", "believed")
def test_a_cluster_is_read_as_it_was_planned(emr: Emr) -> None:
    cluster = create(emr)
    emr.wait(cluster, "WAITING")
    assert read(emr, cluster) == GIVEN
    shown: Any = emr.client.describe_cluster(ClusterId=cluster)["Cluster"]
    assert shown["MasterPublicDnsName"] and shown["ClusterArn"].endswith(cluster)
    assert "ServiceAccessSecurityGroup" not in shown["Ec2InstanceAttributes"]
    pages = emr.client.get_paginator("list_bootstrap_actions").paginate(ClusterId=cluster)
    assert [one for page in pages for one in page["BootstrapActions"]] == []


@behaviour("terraform", "aws_emr_cluster: the steps of ListSteps, turned around, are those of the plan.")
def test_steps_are_read_in_the_plans_order(emr: Emr) -> None:
    steps = [step("true", name=name, action="CONTINUE") for name in ("first", "second", "third")]
    cluster = create(emr, steps=steps)
    pages = emr.client.get_paginator("list_steps").paginate(ClusterId=cluster)
    listed: Any = [one for page in pages for one in page["Steps"]][::-1]
    read_back = [
        {
            "Name": one["Name"],
            "ActionOnFailure": one["ActionOnFailure"],
            "HadoopJarStep": {"Jar": one["Config"]["Jar"], "Args": one["Config"]["Args"]},
        }
        for one in listed
    ]
    assert read_back == steps
    states = emr.client.list_steps(ClusterId=cluster, StepStates=["CANCELLED", "FAILED"])["Steps"]
    assert states == []


@behaviour(
    "terraform",
    "aws_emr_cluster: visibility, protection, node replacement, concurrency, policy and tags change in place.",
)
def test_a_cluster_is_updated_in_place(emr: Emr) -> None:
    cluster = create(emr)
    emr.wait(cluster, "WAITING")
    client, ids = emr.client, [cluster]
    client.set_visible_to_all_users(JobFlowIds=ids, VisibleToAllUsers=False)
    client.put_auto_termination_policy(ClusterId=cluster, AutoTerminationPolicy={"IdleTimeout": 60})
    client.set_termination_protection(JobFlowIds=ids, TerminationProtected=True)
    client.set_unhealthy_node_replacement(JobFlowIds=ids, UnhealthyNodeReplacement=True)
    client.modify_cluster(ClusterId=cluster, StepConcurrencyLevel=5)
    client.add_tags(
        ResourceId=cluster, Tags=[{"Key": "env", "Value": "prod"}, {"Key": "team", "Value": "pay"}]
    )
    changed = {
        "visible_to_all_users": False,
        "auto_termination_policy": {"IdleTimeout": 60},
        "termination_protection": True,
        "unhealthy_node_replacement": True,
        "step_concurrency_level": 5,
        "tags": {"env": "prod", "team": "pay"},
    }
    assert read(emr, cluster) == GIVEN | changed
    client.remove_auto_termination_policy(ClusterId=cluster)
    client.remove_tags(ResourceId=cluster, TagKeys=["team"])
    client.set_termination_protection(JobFlowIds=ids, TerminationProtected=False)
    removed = {"auto_termination_policy": None, "tags": {"env": "prod"}, "termination_protection": False}
    assert read(emr, cluster) == GIVEN | changed | removed


@behaviour("terraform", "aws_emr_cluster: what was destroyed is read as TERMINATED.")
@behaviour(
    "terraform",
    'aws_emr_cluster: a cluster that is gone is told by an InvalidRequestException with "is not valid".',
    "observed",
)
def test_a_destroyed_cluster_is_gone(emr: Emr) -> None:
    cluster = create(emr)
    emr.client.terminate_job_flows(JobFlowIds=[cluster])
    emr.wait(cluster, "TERMINATED")
    emr.client.terminate_job_flows(JobFlowIds=[cluster])
    asks: Any = (
        emr.client.describe_cluster,
        emr.client.list_instance_groups,
        emr.client.list_bootstrap_actions,
        emr.client.list_steps,
        emr.client.get_auto_termination_policy,
    )
    for ask in asks:
        ask(ClusterId=cluster)
        with pytest.raises(emr.client.exceptions.InvalidRequestException, match="is not valid"):
            ask(ClusterId="j-GONE")


def groups_of(emr: Emr, cluster: str) -> dict[str, dict[str, Any]]:
    """By their ids."""
    pages = emr.client.get_paginator("list_instance_groups").paginate(ClusterId=cluster)
    return {group["Id"]: dict(group) for page in pages for group in page["InstanceGroups"]}


def wait_for_group(emr: Emr, cluster: str, group: str, count: int) -> dict[str, Any]:
    """Until it is RUNNING, as the provider waits, with no other state on the way than it knows."""

    def look() -> dict[str, Any]:
        shown = groups_of(emr, cluster)[group]
        state = shown["Status"]["State"]
        if state not in ("BOOTSTRAPPING", "PROVISIONING", "RECONFIGURING", "RESIZING"):
            assert state == "RUNNING"
        assert (state, shown["RunningInstanceCount"]) == ("RUNNING", count)
        return shown

    return eventually(look)


@pytest.mark.usefixtures("attentive")
@behaviour(
    "terraform",
    "aws_emr_instance_group: a TASK group is added, read as planned, resized, and emptied when destroyed.",
)
@behaviour(
    "terraform", "aws_emr_instance_group: its automatic scaling policy is put and read back, and removed."
)
def test_an_instance_group_is_added_changed_and_emptied(emr: Emr) -> None:
    cluster = create(emr)
    emr.wait(cluster, "WAITING")
    client: Any = emr.client
    device = {"VolumeSpecification": GIVEN["volumes"][0], "VolumesPerInstance": 1}
    given = {"InstanceRole": "TASK", "InstanceType": "m5.xlarge", "Name": "", "InstanceCount": 1}
    ebs = {"EbsConfiguration": {"EbsBlockDeviceConfigs": [device]}, "Market": "ON_DEMAND"}
    [group] = client.add_instance_groups(JobFlowId=cluster, InstanceGroups=[given | ebs])["InstanceGroupIds"]
    shown = wait_for_group(emr, cluster, group, 1)
    assert (shown.get("Name", ""), shown["InstanceType"], shown["RequestedInstanceCount"]) == (
        "",
        "m5.xlarge",
        1,
    )
    assert [one["VolumeSpecification"] for one in shown["EbsBlockDevices"]] == GIVEN["volumes"][:1]
    alarm = {"ComparisonOperator": "LESS_THAN", "MetricName": "YARNMemoryAvailablePercentage", "Period": 300}
    change = {"AdjustmentType": "CHANGE_IN_CAPACITY", "ScalingAdjustment": 1, "CoolDown": 300}
    trigger = {"CloudWatchAlarmDefinition": {**alarm, "EvaluationPeriods": 1, "Threshold": 15.0}}
    action = {"SimpleScalingPolicyConfiguration": change}
    rules = [{"Name": "out", "Description": "", "Action": action, "Trigger": trigger}]
    policy = {"Constraints": {"MinCapacity": 1, "MaxCapacity": 2}, "Rules": rules}
    of = {"ClusterId": cluster, "InstanceGroupId": group}
    client.put_auto_scaling_policy(**of, AutoScalingPolicy=policy)
    kept = groups_of(emr, cluster)[group]["AutoScalingPolicy"]
    assert kept["Constraints"] == policy["Constraints"]
    assert [rule["Name"] for rule in kept["Rules"]] == ["out"]
    client.remove_auto_scaling_policy(**of)
    assert "AutoScalingPolicy" not in groups_of(emr, cluster)[group]
    for count in (2, 0):
        client.modify_instance_groups(InstanceGroups=[{"InstanceGroupId": group, "InstanceCount": count}])
        wait_for_group(emr, cluster, group, count)


@behaviour(
    "terraform", "aws_emr_managed_scaling_policy: put, read as planned, removed, and then read as none."
)
@behaviour(
    "terraform",
    'aws_emr_managed_scaling_policy: a cluster that is gone is told by a ValidationException with "is not valid", '
    'one that has ended by "A job flow that is shutting down, terminated, or finished may not be modified".',
    "observed",
)
def test_a_managed_scaling_policy_is_put_read_and_removed(emr: Emr) -> None:
    cluster, client = create(emr), emr.client
    limits: Any = {
        "UnitType": "Instances",
        "MinimumCapacityUnits": 2,
        "MaximumCapacityUnits": 4,
        "MaximumCoreCapacityUnits": 3,
        "MaximumOnDemandCapacityUnits": 2,
    }
    client.put_managed_scaling_policy(ClusterId=cluster, ManagedScalingPolicy={"ComputeLimits": limits})
    kept = client.get_managed_scaling_policy(ClusterId=cluster)["ManagedScalingPolicy"]
    assert kept["ComputeLimits"] == limits
    client.remove_managed_scaling_policy(ClusterId=cluster)
    assert "ManagedScalingPolicy" not in client.get_managed_scaling_policy(ClusterId=cluster)
    client.terminate_job_flows(JobFlowIds=[cluster])
    with pytest.raises(ClientError, match=r"ValidationException.*finished may not be modified"):
        client.remove_managed_scaling_policy(ClusterId=cluster)
    asks: Any = (client.get_managed_scaling_policy, client.remove_managed_scaling_policy)
    for ask in asks:
        with pytest.raises(ClientError, match=r"ValidationException.*is not valid"):
            ask(ClusterId="j-GONE")


@behaviour(
    "terraform",
    'aws_emr_security_configuration: created, read by its name, deleted, and then told by "does not exist".',
    "observed",
)
def test_a_security_configuration_is_created_read_and_destroyed(quiet: Emr) -> None:
    client, document = quiet.client, '{"EncryptionConfiguration": {"EnableAtRestEncryption": false}}'
    name = client.create_security_configuration(Name="tf", SecurityConfiguration=document)["Name"]
    shown = client.describe_security_configuration(Name=name)
    assert (shown["SecurityConfiguration"], bool(shown["CreationDateTime"])) == (document, True)
    client.delete_security_configuration(Name=name)
    asks: Any = (client.describe_security_configuration, client.delete_security_configuration)
    for ask in asks:
        with pytest.raises(client.exceptions.InvalidRequestException, match="does not exist"):
            ask(Name=name)


@behaviour(
    "terraform",
    "aws_emr_block_public_access_configuration: set, read as planned, and put back to the default when destroyed.",
)
def test_block_public_access_is_set_read_and_put_back(quiet: Emr) -> None:
    client = quiet.client
    default = client.get_block_public_access_configuration()["BlockPublicAccessConfiguration"]
    planned: Any = {
        "BlockPublicSecurityGroupRules": True,
        "PermittedPublicSecurityGroupRuleRanges": [
            {"MinRange": 22, "MaxRange": 22},
            {"MinRange": 100, "MaxRange": 101},
        ],
    }
    for configuration in (planned, default):
        client.put_block_public_access_configuration(BlockPublicAccessConfiguration=configuration)
        read_back = client.get_block_public_access_configuration()["BlockPublicAccessConfiguration"]
        assert read_back == configuration


@behaviour("terraform", "The data sources of release labels and instance types read the catalogue.")
def test_data_sources_read_the_catalogue(quiet: Emr) -> None:
    filters: Any = {"Application": "spark@3.5.6", "Prefix": "emr-7"}
    assert "emr-7.13.0" in quiet.client.list_release_labels(Filters=filters)["ReleaseLabels"]
    types = quiet.client.list_supported_instance_types(ReleaseLabel="emr-7.13.0")["SupportedInstanceTypes"]
    assert {"Type", "MemoryGB", "VCPU", "Architecture"} <= types[0].keys()
