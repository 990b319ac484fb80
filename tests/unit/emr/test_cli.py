"""The AWS CLI's `emr` commands against the service; the CLI runs in this process."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from awscli.clidriver import create_clidriver  # type: ignore[import-untyped]

from tests.behaviours import behaviour
from tests.emr import Emr
from tests.waiting import eventually

Aws = Callable[..., Any]
PLAIN = ("create-cluster", "--name", "cli", "--release-label", "emr-7.13.0", "--use-default-roles")
SMALL = ("--instance-type", "m5.xlarge", "--instance-count", "1")


@pytest.fixture
def aws(emr: Emr, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Aws:
    """Runs a command; its JSON, or with `fails` what it says on stderr."""
    for name, value in {
        "AWS_ENDPOINT_URL_EMR": emr.client.meta.endpoint_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_PAGER": "",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)

    driver = create_clidriver()

    def run(*arguments: str, fails: bool = False) -> Any:
        capsys.readouterr()
        code = driver.main(["emr", *arguments])
        said = capsys.readouterr()
        assert (code != 0) == fails, said.err
        if fails:
            return said.err
        return json.loads(said.out) if said.out.strip() else None

    return run


def create(aws: Aws, *options: str) -> str:
    cluster: str = aws(*PLAIN, *(options or SMALL))["ClusterId"]
    return cluster


@behaviour(
    "cli",
    "create-cluster takes instance groups, applications, EC2 attributes, tags, bootstrap actions and the "
    "auto-termination policy in shorthand.",
)
@behaviour("cli", "create-cluster --configurations reads file://.")
@behaviour("cli", "describe-cluster shows the cluster with its instance groups and bootstrap actions.")
@behaviour("cli", "--use-default-roles gives EMR_DefaultRole and EMR_EC2_DefaultRole.")
@behaviour("cli", "An instance group without a name in shorthand is named by its role.")
def test_create_cluster_takes_its_shorthand_forms(emr: Emr, aws: Aws, tmp_path: Path) -> None:
    emr.reconciler.halt()
    properties = {"spark.ui.enabled": "false"}
    configurations = [{"Classification": "spark-defaults", "Properties": properties}]
    (tmp_path / "configurations.json").write_text(json.dumps(configurations))
    cluster = create(
        aws,
        *("--applications", "Name=Hadoop", "Name=Spark", "--log-uri", "s3://logs/emr"),
        "--instance-groups",
        "InstanceGroupType=MASTER,InstanceType=m5.xlarge,InstanceCount=1",
        "InstanceGroupType=CORE,InstanceType=m5.2xlarge,InstanceCount=2,Name=workers,BidPrice=0.2,"
        "EbsConfiguration={EbsOptimized=true,EbsBlockDeviceConfigs=[{VolumeSpecification={VolumeType=gp3,"
        "SizeInGB=64},VolumesPerInstance=2}]}",
        "--ec2-attributes",
        "KeyName=key,SubnetId=subnet-1,EmrManagedMasterSecurityGroup=sg-1,EmrManagedSlaveSecurityGroup=sg-2,"
        "AdditionalMasterSecurityGroups=[sg-3,sg-4]",
        *("--configurations", f"file://{tmp_path}/configurations.json", "--tags", "team=pay", "plain"),
        *("--bootstrap-actions", "Path=s3://b/a.sh,Name=first,Args=[x,y]", "Path=s3://b/b.sh"),
        *("--auto-termination-policy", "IdleTimeout=1800", "--step-concurrency-level", "4"),
        *("--termination-protected", "--ebs-root-volume-size", "40", "--unhealthy-node-replacement"),
        *("--scale-down-behavior", "TERMINATE_AT_TASK_COMPLETION"),
    )
    shown = aws("describe-cluster", "--cluster-id", cluster)["Cluster"]
    assert [one["Name"] for one in shown["Applications"]] == ["Hadoop", "Spark"]
    assert (shown["ServiceRole"], shown["LogUri"]) == ("EMR_DefaultRole", "s3://logs/emr/")
    ec2 = shown["Ec2InstanceAttributes"]
    assert (ec2["IamInstanceProfile"], ec2["Ec2KeyName"]) == ("EMR_EC2_DefaultRole", "key")
    assert (ec2["Ec2SubnetId"], ec2["AdditionalMasterSecurityGroups"]) == ("subnet-1", ["sg-3", "sg-4"])
    assert shown["Configurations"] == configurations
    assert shown["Tags"] == [{"Key": "team", "Value": "pay"}, {"Key": "plain", "Value": ""}]
    assert (shown["StepConcurrencyLevel"], shown["TerminationProtected"]) == (4, True)
    assert (shown["EbsRootVolumeSize"], shown["ScaleDownBehavior"]) == (40, "TERMINATE_AT_TASK_COMPLETION")
    assert (shown["UnhealthyNodeReplacement"], shown["AutoTerminate"]) == (True, False)
    groups = {group["InstanceGroupType"]: group for group in shown["InstanceGroups"]}
    assert groups["MASTER"]["Name"] == "MASTER"
    core = groups["CORE"]
    assert (core["Name"], core["Market"], core["BidPrice"]) == ("workers", "SPOT", "0.2")
    assert len(core["EbsBlockDevices"]) == 2 and core["EbsOptimized"]
    assert shown["BootstrapActions"][0] == {"Name": "first", "ScriptPath": "s3://b/a.sh", "Args": ["x", "y"]}
    policy = aws("get-auto-termination-policy", "--cluster-id", cluster)["AutoTerminationPolicy"]
    assert policy == {"IdleTimeout": 1800}
    aws("modify-cluster-attributes", "--cluster-id", cluster, "--no-termination-protected")


@behaviour("cli", "create-cluster takes instance groups and steps as JSON and from file://.")
@behaviour("cli", "create-cluster --auto-terminate makes a cluster that ends with its steps.")
@behaviour("cli", "wait cluster-terminated returns once the cluster is TERMINATED.")
def test_create_cluster_takes_json(emr: Emr, aws: Aws, tmp_path: Path) -> None:
    groups = [{"InstanceGroupType": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1}]
    steps = [{"Type": "CUSTOM_JAR", "Name": "a", "Jar": "command-runner.jar", "Args": ["true"]}]
    (tmp_path / "steps.json").write_text(json.dumps(steps))
    given = ("--instance-groups", json.dumps(groups), "--steps", f"file://{tmp_path}/steps.json")
    cluster = create(aws, *given, "--auto-terminate")
    emr.wait(cluster, "TERMINATED", ["COMPLETED"])
    aws("wait", "cluster-terminated", "--cluster-id", cluster)


@behaviour("cli", "add-steps Type=Spark becomes spark-submit by command-runner.jar.")
@behaviour("cli", "add-steps Type=STREAMING becomes hadoop-streaming by command-runner.jar.")
@behaviour("cli", "add-steps leaves ActionOnFailure at CONTINUE.")
@behaviour("cli", "add-steps Type=CUSTOM_JAR takes Jar, MainClass, Properties and Args.")
def test_add_steps_takes_its_types(emr: Emr, aws: Aws) -> None:
    emr.reconciler.halt()
    cluster = create(aws)
    added = aws(
        *("add-steps", "--cluster-id", cluster, "--steps"),
        "Type=Spark,Name=spark,Args=[--deploy-mode,cluster,s3://b/x.py,--data_source,s3://b/d.csv]",
        "Type=STREAMING,Args=[-files,s3://b/m.py,-mapper,m.py,-reducer,aggregate,-input,s3://b/i,-output,s3://b/o]",
        "Type=CUSTOM_JAR,Name=jar,ActionOnFailure=CANCEL_AND_WAIT,Jar=s3://b/a.jar,MainClass=a.B,"
        'Properties="k=v",Args=[x]',
    )["StepIds"]
    listed = {one["Id"]: one for one in aws("list-steps", "--cluster-id", cluster)["Steps"]}
    spark, streaming, jar = (listed[one] for one in added)
    assert spark["Config"]["Jar"] == streaming["Config"]["Jar"] == "command-runner.jar"
    assert spark["Config"]["Args"][:4] == ["spark-submit", "--deploy-mode", "cluster", "s3://b/x.py"]
    assert streaming["Config"]["Args"][:2] == ["hadoop-streaming", "-files"]
    assert spark["ActionOnFailure"] == streaming["ActionOnFailure"] == "CONTINUE"
    assert (jar["Config"]["MainClass"], jar["Config"]["Properties"]) == ("a.B", {"k": "v"})
    assert (jar["Config"]["Args"], jar["ActionOnFailure"]) == (["x"], "CANCEL_AND_WAIT")


@behaviour("cli", "wait cluster-running and wait step-complete return once the state is reached.")
@behaviour("cli", "list-steps filters by --step-states and --step-ids, describe-step shows one.")
@behaviour("cli", "list-instances filters by --instance-group-types and --instance-states.")
@behaviour(
    "cli", "list-clusters takes --active, --terminated, --failed, --cluster-states and --created-after."
)
@behaviour("cli", "cancel-steps tells of each step what became of the request.")
@behaviour("cli", "terminate-clusters ends clusters.")
def test_a_cluster_is_followed_from_its_start_to_its_end(emr: Emr, aws: Aws) -> None:
    cluster = create(aws)
    emr.wait(cluster, "WAITING")
    aws("wait", "cluster-running", "--cluster-id", cluster)
    of = ("--cluster-id", cluster)
    jar = "Type=CUSTOM_JAR,Jar=command-runner.jar,Name={0},Args=[{0}]"
    [step] = aws("add-steps", *of, "--steps", jar.format("true"))["StepIds"]
    emr.wait(cluster, "WAITING", ["COMPLETED"])
    aws("wait", "step-complete", *of, "--step-id", step)
    assert aws("list-steps", *of, "--step-states", "COMPLETED", "FAILED")["Steps"][0]["Id"] == step
    assert aws("list-steps", *of, "--step-ids", step)["Steps"][0]["Id"] == step
    assert aws("list-steps", *of, "--step-states", "PENDING")["Steps"] == []
    assert aws("describe-step", *of, "--step-id", step)["Step"]["Status"]["State"] == "COMPLETED"
    cancelled = aws("cancel-steps", *of, "--step-ids", step)["CancelStepsInfoList"]
    assert [(one["StepId"], one["Status"]) for one in cancelled] == [(step, "FAILED")]
    master = aws("list-instances", *of, "--instance-group-types", "MASTER")["Instances"]
    assert [one["Status"]["State"] for one in master] == ["RUNNING"]
    assert aws("list-instances", *of, "--instance-states", "TERMINATED")["Instances"] == []
    assert [one["Id"] for one in aws("list-clusters", "--active")["Clusters"]] == [cluster]
    aws("terminate-clusters", "--cluster-ids", cluster)
    emr.wait(cluster, "TERMINATED")
    ended = ("list-clusters", "--terminated", "--created-after", "2020-01-01T00:00:00")
    assert [one["Id"] for one in aws(*ended)["Clusters"]] == [cluster]
    assert aws("list-clusters", "--failed")["Clusters"] == aws("list-clusters", "--active")["Clusters"] == []
    by_state = aws("list-clusters", "--cluster-states", "TERMINATED", "WAITING")["Clusters"]
    assert [one["Id"] for one in by_state] == [cluster]


@behaviour(
    "cli", "modify-cluster-attributes sets protection, visibility, node replacement and auto-terminate."
)
@behaviour("cli", "modify-cluster --step-concurrency-level answers the new level.")
@behaviour("cli", "put-, get- and remove-auto-termination-policy work on a running cluster.")
@behaviour("cli", "add-tags and remove-tags change a cluster's tags.")
@behaviour("cli", "terminate-clusters on a protected cluster fails with the service's sentence.")
def test_a_running_cluster_is_modified(emr: Emr, aws: Aws) -> None:
    cluster = create(aws)
    of, modify = ("--cluster-id", cluster), ("modify-cluster-attributes", "--cluster-id", cluster)
    for attribute in ("termination-protected", "no-visible-to-all-users", "unhealthy-node-replacement"):
        aws(*modify, f"--{attribute}")
    assert "termination protected" in aws("terminate-clusters", "--cluster-ids", cluster, fails=True)
    assert aws("modify-cluster", *of, "--step-concurrency-level", "9") == {"StepConcurrencyLevel": 9}
    aws("add-tags", "--resource-id", cluster, "--tags", "a=1", "b")
    aws("remove-tags", "--resource-id", cluster, "--tag-keys", "a")
    aws("put-auto-termination-policy", *of, "--auto-termination-policy", "IdleTimeout=60")
    assert aws("get-auto-termination-policy", *of) == {"AutoTerminationPolicy": {"IdleTimeout": 60}}
    aws("remove-auto-termination-policy", *of)
    assert not aws("get-auto-termination-policy", *of)
    shown = aws("describe-cluster", *of)["Cluster"]
    assert (shown["TerminationProtected"], shown["VisibleToAllUsers"]) == (True, False)
    assert (shown["UnhealthyNodeReplacement"], shown["Tags"]) == (True, [{"Key": "b", "Value": ""}])
    aws(*modify, "--auto-terminate")
    emr.wait(cluster, "TERMINATED")


@pytest.mark.usefixtures("attentive")
@behaviour("cli", "add-instance-groups and modify-instance-groups take their shorthand.")
@behaviour("cli", "put-, get- and remove-managed-scaling-policy take ComputeLimits in shorthand.")
@behaviour("cli", "put- and remove-auto-scaling-policy take a policy as JSON.")
def test_a_running_cluster_changes_its_size(emr: Emr, aws: Aws) -> None:
    cluster = create(aws, "--instance-type", "m5.xlarge", "--instance-count", "2")
    emr.wait(cluster, "WAITING")
    of = ("--cluster-id", cluster)
    one = "InstanceGroupType=task,InstanceType=m5.xlarge,InstanceCount=1"
    [group] = aws("add-instance-groups", *of, "--instance-groups", one)["InstanceGroupIds"]

    def running() -> dict[str, int]:
        shown = aws("describe-cluster", *of)["Cluster"]["InstanceGroups"]
        assert {one["Status"]["State"] for one in shown} == {"RUNNING"}
        return {one["InstanceGroupType"]: one["RunningInstanceCount"] for one in shown}

    assert eventually(running) == {"MASTER": 1, "CORE": 1, "TASK": 1}
    aws("modify-instance-groups", "--instance-groups", f"InstanceGroupId={group},InstanceCount=2")

    def grown() -> None:
        assert running()["TASK"] == 2

    eventually(grown)
    limits = "ComputeLimits={MinimumCapacityUnits=1,MaximumCapacityUnits=4,UnitType=Instances}"
    aws("put-managed-scaling-policy", *of, "--managed-scaling-policy", limits)
    kept = aws("get-managed-scaling-policy", *of)["ManagedScalingPolicy"]["ComputeLimits"]
    assert kept == {"MinimumCapacityUnits": 1, "MaximumCapacityUnits": 4, "UnitType": "Instances"}
    aws("remove-managed-scaling-policy", *of)
    alarm = {"ComparisonOperator": "LESS_THAN", "MetricName": "ContainerPending", "Period": 300}
    change = {"SimpleScalingPolicyConfiguration": {"ScalingAdjustment": 1}}
    trigger = {"CloudWatchAlarmDefinition": {**alarm, "Threshold": 0.0}}
    rules = [{"Name": "out", "Action": change, "Trigger": trigger}]
    policy = json.dumps({"Constraints": {"MinCapacity": 1, "MaxCapacity": 2}, "Rules": rules})
    in_group = (*of, "--instance-group-id", group)
    put = aws("put-auto-scaling-policy", *in_group, "--auto-scaling-policy", policy)
    assert put["InstanceGroupId"] == group
    aws("remove-auto-scaling-policy", *in_group)


@pytest.mark.usefixtures("attentive")
@behaviour(
    "cli",
    "create-cluster --instance-fleets, add-instance-fleet and modify-instance-fleet take their shorthand.",
)
@behaviour("cli", "describe-cluster shows a cluster's instance fleets.")
def test_a_cluster_of_fleets_is_created_and_changed(emr: Emr, aws: Aws) -> None:
    types = "InstanceTypeConfigs=[{InstanceType=m5.xlarge,WeightedCapacity=1}]"
    fleets = [f"InstanceFleetType={role},TargetOnDemandCapacity=1,{types}" for role in ("MASTER", "CORE")]
    cluster = create(
        aws,
        "--instance-fleets",
        *fleets,
        "--managed-scaling-policy",
        json.dumps(
            {
                "ComputeLimits": {
                    "MinimumCapacityUnits": 1,
                    "MaximumCapacityUnits": 3,
                    "UnitType": "InstanceFleetUnits",
                }
            }
        ),
    )
    emr.wait(cluster, "WAITING")
    of = ("--cluster-id", cluster)
    shown = aws("describe-cluster", *of)["Cluster"]
    assert [one["InstanceFleetType"] for one in shown["InstanceFleets"]] == ["MASTER", "CORE"]
    assert shown["InstanceCollectionType"] == "INSTANCE_FLEET"
    aws("remove-managed-scaling-policy", *of)
    task = f"InstanceFleetType=TASK,TargetSpotCapacity=1,{types}"
    added = aws("add-instance-fleet", *of, "--instance-fleet", task)["InstanceFleetId"]
    core = shown["InstanceFleets"][1]["Id"]
    change = f"InstanceFleetId={core},TargetOnDemandCapacity=2"

    def changed() -> None:  # a fleet is resized once its first instances are there
        listed = aws("list-instance-fleets", *of)["InstanceFleets"]
        assert {one["Status"]["State"] for one in listed} == {"RUNNING"}

    eventually(changed)
    aws("modify-instance-fleet", *of, "--instance-fleet", change)
    listed = {one["Id"]: one for one in aws("list-instance-fleets", *of)["InstanceFleets"]}
    assert listed[core]["TargetOnDemandCapacity"] == 2
    assert listed[added]["TargetSpotCapacity"] == 1


@behaviour("cli", "create-, describe-, list- and delete-security-configuration keep one by its name.")
@behaviour(
    "cli", "list-release-labels, describe-release-label and list-supported-instance-types tell the catalogue."
)
@behaviour("cli", "get- and put-block-public-access-configuration keep the account's.")
def test_what_an_account_has_is_kept_and_told(emr: Emr, aws: Aws) -> None:
    document = json.dumps({"EncryptionConfiguration": {"EnableInTransitEncryption": False}})
    aws("create-security-configuration", "--name", "mine", "--security-configuration", document)
    assert aws("describe-security-configuration", "--name", "mine")["SecurityConfiguration"] == document
    assert len(aws("list-security-configurations")["SecurityConfigurations"]) == 1
    aws("delete-security-configuration", "--name", "mine")
    assert "does not exist" in aws("describe-security-configuration", "--name", "mine", fails=True)
    labels = aws("list-release-labels", "--filters", "Prefix=emr-7.13", "--max-results", "5")
    assert labels["ReleaseLabels"] == ["emr-7.13.0"]
    applications = aws("describe-release-label", "--release-label", "emr-7.13.0")["Applications"]
    assert {"Name": "Spark", "Version": "3.5.6"} in applications
    types = aws("list-supported-instance-types", "--release-label", "emr-7.13.0")["SupportedInstanceTypes"]
    assert len(types) == 100
    aws(
        "put-block-public-access-configuration",
        "--block-public-access-configuration",
        json.dumps({"BlockPublicSecurityGroupRules": False}),
    )
    kept = aws("get-block-public-access-configuration")["BlockPublicAccessConfiguration"]
    assert kept == {"BlockPublicSecurityGroupRules": False}


@behaviour("cli", "describe-cluster of an unknown cluster fails with the service's sentence.")
def test_an_unknown_cluster_is_told_as_such(aws: Aws) -> None:
    assert "Cluster id 'j-NONE' is not valid." in aws(
        "describe-cluster", "--cluster-id", "j-NONE", fails=True
    )
