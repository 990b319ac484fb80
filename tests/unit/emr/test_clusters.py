"""Clusters: how they come up, what they show, how they end."""

from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import pytest
from botocore.exceptions import ClientError
from sqlalchemy import select

from tests.emr import Emr, step
from tests.waiting import eventually
from windtunnel.emr.schema import Cluster, Instance
from windtunnel.emr.store import given_ports


def groups(core: int = 2, **members: Any) -> dict[str, Any]:
    master = {"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1}
    workers = {"InstanceRole": "CORE", "InstanceType": "m5.2xlarge", "InstanceCount": core, **members}
    given = dict.fromkeys(("MasterInstanceType", "SlaveInstanceType", "InstanceCount"))
    return {**given, "InstanceGroups": [workers, master]}


def env(name: str) -> dict[str, Any]:
    return {
        "Classification": "spark-env",
        "Configurations": [{"Classification": "export", "Properties": {name: "1"}}],
    }


def volumes(count: int) -> dict[str, Any]:
    specification = {"VolumeType": "gp3", "SizeInGB": 32}
    return {"EbsBlockDeviceConfigs": [{"VolumeSpecification": specification, "VolumesPerInstance": count}]}


def test_a_kept_alive_cluster_without_steps_waits(emr: Emr) -> None:
    cluster = emr.run()
    emr.wait(cluster, "WAITING")


def test_a_cluster_without_steps_or_keep_alive_ends(emr: Emr) -> None:
    cluster = emr.run(Instances={"KeepJobFlowAliveWhenNoSteps": False})
    assert emr.wait(cluster, "TERMINATED") == "ALL_STEPS_COMPLETED Steps completed"


def test_keep_alive_can_be_taken_back(emr: Emr) -> None:
    cluster = emr.run()
    emr.wait(cluster, "WAITING")
    emr.client.set_keep_job_flow_alive_when_no_steps(JobFlowIds=[cluster], KeepJobFlowAliveWhenNoSteps=False)
    emr.wait(cluster, "TERMINATED")


def test_termination_by_the_user_cancels_what_has_not_ended(emr: Emr) -> None:
    cluster = emr.run(step("sleep", "1000"), step("true"))
    emr.wait_for_steps(cluster, "RUNNING", "PENDING")
    emr.client.terminate_job_flows(JobFlowIds=[cluster])
    reason = emr.wait(cluster, "TERMINATED", ["CANCELLED", "CANCELLED"])
    assert reason == "USER_REQUEST Terminated by user request"


def test_a_protected_cluster_is_not_terminated_nor_any_beside_it(emr: Emr) -> None:
    plain, protected = emr.run(), emr.run(Instances={"TerminationProtected": True})
    with pytest.raises(ClientError, match="termination protected"):
        emr.client.terminate_job_flows(JobFlowIds=[plain, protected])
    assert emr.wait(plain, "WAITING")
    emr.client.set_termination_protection(JobFlowIds=[protected], TerminationProtected=False)
    emr.client.terminate_job_flows(JobFlowIds=[plain, protected])
    emr.wait(protected, "TERMINATED")


def test_a_protected_cluster_without_keep_alive_still_ends_with_its_steps(emr: Emr) -> None:
    instances = {"TerminationProtected": True, "KeepJobFlowAliveWhenNoSteps": False}
    cluster = emr.run(step("true"), Instances=instances)
    emr.wait(cluster, "TERMINATED", ["COMPLETED"])


def test_the_death_of_the_master_ends_the_cluster(emr: Emr) -> None:
    cluster = emr.run(step("sleep", "1000"))
    emr.wait_for_steps(cluster, "RUNNING")
    emr.health.dead.add("master")
    reason = emr.wait(cluster, "TERMINATED_WITH_ERRORS", ["CANCELLED"])
    assert reason == "INSTANCE_FAILURE The master node was terminated"


def test_a_master_that_does_not_start_says_which_daemon_and_where_its_log_is(emr: Emr) -> None:
    emr.health.starting = True
    emr.health.dead.add("master")
    reason = emr.wait(emr.run(), "TERMINATED_WITH_ERRORS")
    assert reason.startswith(
        "INTERNAL_ERROR The master node did not start: NameNode and ResourceManager ended: the logs in "
    )
    assert reason.endswith("/applications say why")


def test_workers_that_do_not_start_end_the_cluster_with_what_their_logs_say(emr: Emr) -> None:
    emr.health.starting = True
    cluster = emr.run()
    emr.wait(cluster, "BOOTSTRAPPING")

    def ended() -> str:
        for node in emr.client.list_instances(ClusterId=cluster, InstanceGroupTypes=["CORE"])["Instances"]:
            log = emr.runtime.folder(cluster).node(node["Ec2InstanceId"]) / "applications/hadoop-hdfs/a.log"
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text("2026-01-01 ERROR DataNode (main): java.net.BindException: Port in use\n")
            emr.health.dead.add(node["Ec2InstanceId"])
        state, reason = emr.cluster(cluster)
        assert state == "TERMINATED_WITH_ERRORS"
        return reason

    reason = eventually(ended)
    assert "worker nodes did not start" in reason and "java.net.BindException: Port in use" in reason


def test_a_dead_worker_is_seen_and_replaced(emr: Emr) -> None:
    cluster = emr.run()
    emr.wait(cluster, "WAITING")
    core = emr.client.list_instances(ClusterId=cluster, InstanceGroupTypes=["CORE"])["Instances"]
    dead = core[0]["Ec2InstanceId"]
    emr.health.dead.add(dead)

    def replaced() -> None:
        listed = emr.client.list_instances(ClusterId=cluster, InstanceGroupTypes=["CORE"])["Instances"]
        states = {one["Ec2InstanceId"]: one["Status"]["State"] for one in listed}
        assert states.pop(dead) == "TERMINATED"
        assert list(states.values()) == ["RUNNING", "RUNNING"]

    eventually(replaced)
    [gone] = emr.client.list_instances(ClusterId=cluster, InstanceStates=["TERMINATED"])["Instances"]
    assert gone["Status"]["StateChangeReason"]["Code"] == "INSTANCE_FAILURE"


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
    subnet = {"Ec2SubnetId": "subnet-1", "EmrManagedMasterSecurityGroup": "sg-1"}
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


def test_instance_groups_show_what_was_asked_for_and_what_runs(emr: Emr) -> None:
    cluster = emr.run(Instances=groups(core=2, Market="SPOT", BidPrice="0.1"))
    emr.wait(cluster, "WAITING")
    master, core = emr.client.list_instance_groups(ClusterId=cluster)["InstanceGroups"]
    assert (master["InstanceGroupType"], core["InstanceGroupType"]) == ("MASTER", "CORE")
    assert (core["Market"], core["BidPrice"], core["InstanceType"]) == ("SPOT", "0.1", "m5.2xlarge")
    assert (core["RequestedInstanceCount"], core["RunningInstanceCount"]) == (2, 2)


def test_a_group_that_this_machine_cannot_fill_says_so(emr: Emr) -> None:
    cluster = emr.run(Instances=groups(core=20))
    emr.wait(cluster, "WAITING")
    _, core = emr.client.list_instance_groups(ClusterId=cluster)["InstanceGroups"]
    assert (core["RequestedInstanceCount"], core["RunningInstanceCount"]) == (20, 4)
    assert "4 of the 20 requested instances run" in core["Status"]["StateChangeReason"]["Message"]


def test_tags_are_added_changed_and_removed(emr: Emr) -> None:
    cluster = emr.run(Tags=[{"Key": "a", "Value": "1"}])
    emr.client.add_tags(ResourceId=cluster, Tags=[{"Key": "a", "Value": "2"}, {"Key": "b"}])
    emr.client.add_tags(ResourceId=cluster, Tags=[{"Key": "c", "Value": "3"}])
    emr.client.remove_tags(ResourceId=cluster, TagKeys=["c", "never"])
    shown = emr.client.describe_cluster(ClusterId=cluster)["Cluster"]["Tags"]
    assert shown == [{"Key": "a", "Value": "2"}, {"Key": "b", "Value": ""}]


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


def test_pages_of_clusters_have_no_gap_and_no_double(emr: Emr) -> None:
    emr.reconciler.halt()
    made = [emr.run() for _ in range(52)]
    pages = list(emr.client.get_paginator("list_clusters").paginate())
    assert [len(page["Clusters"]) for page in pages] == [50, 2]
    assert [cluster["Id"] for page in pages for cluster in page["Clusters"]] == made[::-1]


def test_a_release_that_cannot_be_installed_ends_the_cluster_with_the_reason(emr: Emr) -> None:
    emr.health.cannot_install = "repo.example answered 404"
    reason = emr.wait(emr.run(), "TERMINATED_WITH_ERRORS")
    assert reason == "INTERNAL_ERROR emr-7.13.0 could not be installed: repo.example answered 404"
    emr.health.cannot_install = ""
    emr.wait(emr.run(), "WAITING")


def test_a_cluster_whose_release_is_being_installed_tells_how_far_that_is(emr: Emr) -> None:
    emr.health.installing = Event()
    cluster = emr.run()

    def tells() -> None:
        assert emr.cluster(cluster) == ("STARTING", "Installing emr-7.13.0: Jars (12 of 88 MB)")

    eventually(tells)
    emr.health.installing.set()
    emr.wait(cluster, "WAITING")


def test_the_stop_of_the_stack_ends_clusters_and_cancels_their_steps(emr: Emr) -> None:
    cluster = emr.run(step("sleep", "1000"), step("true"))
    emr.wait_for_steps(cluster, "RUNNING", "PENDING")
    emr.stop()
    emr.start()
    assert emr.cluster(cluster) == ("TERMINATED", "USER_REQUEST The stack was stopped")
    assert emr.steps(cluster) == ["CANCELLED", "CANCELLED"]


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({"ReleaseLabel": "emr-9.9.9"}, "The supplied release label is invalid: emr-9.9.9."),
        ({"ReleaseLabel": "emr-5.36.0"}, "windtunnel can't provide the release emr-5.36.0 here"),
        ({"Applications": [{"Name": "Hive"}]}, "does not run the application 'Hive'"),
        (
            {"Configurations": [{"Classification": "presto-config"}]},
            "does not execute the classification 'presto-config'",
        ),
        ({"LogUri": "/var/logs"}, "LogUri '/var/logs' is invalid"),
        ({"StepConcurrencyLevel": 257}, "from 1 to 256"),
        ({"AutoTerminationPolicy": {"IdleTimeout": 59}}, "from 60 to 604800 seconds"),
        ({"SecurityConfiguration": "x"}, "does not execute SecurityConfiguration"),
        ({"Instances": {"MasterInstanceType": "m5.huge"}}, "Instance type 'm5.huge' is not supported."),
        ({"Applications": [{"Name": "Spark", "Version": "2.4.0"}]}, "does not execute Application.Version"),
        ({"Configurations": [env("A;reboot")]}, "'A;reboot' in 'spark-env' is no name of a variable"),
        ({"Instances": groups(Configurations=[env("A")])}, "'spark-env' of a CORE instance group"),
        ({"Instances": groups(EbsConfiguration=volumes(10**6))}, "VolumesPerInstance 1000000 is invalid"),
        ({"Instances": {"HadoopVersion": "3"}}, "does not execute Instances.HadoopVersion"),
        ({"Instances": {"InstanceCount": 0}}, "InstanceCount of at least 1"),
        ({"Instances": {**groups(), "InstanceCount": 2}}, "not both"),
        ({"Instances": groups(core=0)}, "must be at least 1"),
        ({"Instances": groups(CustomAmiId="ami-1")}, "does not execute Group.CustomAmiId"),
        ({"Tags": [{"Key": "aws:x", "Value": ""}]}, "tag key 'aws:x' is invalid"),
        (
            {"BootstrapActions": [{"Name": "a", "ScriptBootstrapAction": {"Path": "s3://b/a"}}] * 17},
            "at most 16 bootstrap actions",
        ),
        ({"Steps": [step()]}, "has no Args"),
        (
            {"Steps": [step(Jar="s3://us-east-1.elasticmapreduce/libs/script-runner/script-runner.jar")]},
            "no Args",
        ),
        ({"Steps": [step("true", MainClass="a.B")]}, "MainClass or Properties"),
    ],
)
def test_a_request_that_cannot_be_run_is_refused_with_a_sentence(
    emr: Emr, members: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ClientError, match="ValidationException") as refused:
        emr.run(**members)
    assert sentence in str(refused.value)
    assert emr.client.list_clusters()["Clusters"] == []


def test_an_operation_that_is_not_there_is_refused_by_name(emr: Emr) -> None:
    with pytest.raises(
        emr.client.exceptions.InvalidRequestException, match="CreateStudio is not implemented"
    ):
        emr.client.create_studio(
            Name="x",
            AuthMode="IAM",
            VpcId="v",
            SubnetIds=["s"],
            ServiceRole="r",
            WorkspaceSecurityGroupId="w",
            EngineSecurityGroupId="e",
            DefaultS3Location="s3://b",
        )


def test_another_region_or_account_has_clusters_of_its_own(emr: Emr) -> None:
    cluster = emr.run()
    for region, key in (("eu-west-1", "test"), ("us-east-1", "111122223333")):
        other = emr.client_of(region, key)
        assert other.list_clusters()["Clusters"] == []
        with pytest.raises(ClientError, match="is not valid"):
            other.describe_cluster(ClusterId=cluster)
        with pytest.raises(ClientError, match="does not exist"):
            other.terminate_job_flows(JobFlowIds=[cluster])


def test_a_protected_cluster_that_has_ended_stands_in_nobodys_way(emr: Emr) -> None:
    protected = emr.run(Instances={"TerminationProtected": True, "KeepJobFlowAliveWhenNoSteps": False})
    emr.wait(protected, "TERMINATED")
    other = emr.run()
    emr.client.terminate_job_flows(JobFlowIds=[protected, other])
    emr.wait(other, "TERMINATED")


@pytest.mark.parametrize("marker", ["x", "YWZ0ZXI6" + "OTk5" * 10])
def test_a_marker_that_nobody_gave_is_an_invalid_request(emr: Emr, marker: str) -> None:
    with pytest.raises(ClientError, match=r"InvalidRequestException.* is not valid: give the Marker"):
        emr.client.list_clusters(Marker=marker)


def test_an_unknown_cluster_is_an_invalid_request(emr: Emr) -> None:
    with pytest.raises(
        emr.client.exceptions.InvalidRequestException, match="Cluster id 'j-NONE' is not valid"
    ):
        emr.client.describe_cluster(ClusterId="j-NONE")


def test_no_port_is_given_to_two_daemons(emr: Emr) -> None:
    emr.health.starting = True
    made = [emr.run() for _ in range(4)]
    for cluster in made:
        emr.wait(cluster, "BOOTSTRAPPING")
    with emr.store.reading() as session:
        ports = [list(cluster.ports.values()) for cluster in session.scalars(select(Cluster))]
        ports += [list(instance.ports.values()) for instance in session.scalars(select(Instance))]
        flat = [port for some in ports for port in some]
        assert len(flat) == len(set(flat)) == 4 * (8 + 2 * 4 + 4)
        assert set(flat) == given_ports(session)
