"""Clusters: how they come up, what they show, how they end."""

from threading import Event
from typing import Any

import pytest
from botocore.exceptions import ClientError
from sqlalchemy import select

from tests.behaviours import behaviour
from tests.emr import Emr, groups, step
from tests.waiting import eventually
from windtunnel.emr.schema import Cluster, Instance
from windtunnel.emr.store import given_ports


def env(name: str) -> dict[str, Any]:
    return {
        "Classification": "spark-env",
        "Configurations": [{"Classification": "export", "Properties": {name: "1"}}],
    }


def volumes(count: int) -> dict[str, Any]:
    specification = {"VolumeType": "gp3", "SizeInGB": 32}
    return {"EbsBlockDeviceConfigs": [{"VolumeSpecification": specification, "VolumesPerInstance": count}]}


@behaviour("life", "A cluster that is kept alive and has no step is WAITING.")
def test_a_kept_alive_cluster_without_steps_waits(emr: Emr) -> None:
    cluster = emr.run()
    emr.wait(cluster, "WAITING")


@behaviour("life", "KeepJobFlowAliveWhenNoSteps defaults to false: the cluster ends when its steps have.")
@behaviour(
    "life",
    'Such a cluster ends as TERMINATED with ALL_STEPS_COMPLETED, "Steps completed".',
    "observed",
)
def test_a_cluster_without_steps_or_keep_alive_ends(emr: Emr) -> None:
    cluster = emr.run(Instances={"KeepJobFlowAliveWhenNoSteps": False})
    assert emr.wait(cluster, "TERMINATED") == "ALL_STEPS_COMPLETED Steps completed"


@behaviour("life", "SetKeepJobFlowAliveWhenNoSteps changes a running cluster; one that waits then ends.")
def test_keep_alive_can_be_taken_back(emr: Emr) -> None:
    cluster = emr.run()
    emr.wait(cluster, "WAITING")
    emr.client.set_keep_job_flow_alive_when_no_steps(JobFlowIds=[cluster], KeepJobFlowAliveWhenNoSteps=False)
    emr.wait(cluster, "TERMINATED")


@behaviour("life", "TerminateJobFlows cancels the steps that have not ended.")
@behaviour("life", 'The reason of such an end is USER_REQUEST, "Terminated by user request".', "observed")
def test_termination_by_the_user_cancels_what_has_not_ended(emr: Emr) -> None:
    cluster = emr.run(step("sleep", "1000"), step("true"))
    emr.wait_for_steps(cluster, "RUNNING", "PENDING")
    emr.client.terminate_job_flows(JobFlowIds=[cluster])
    reason = emr.wait(cluster, "TERMINATED", ["CANCELLED", "CANCELLED"])
    assert reason == "USER_REQUEST Terminated by user request"


@behaviour(
    "policies",
    'TerminateJobFlows on a protected cluster is a ValidationException: "Could not shut down one or '
    'more job flows since they are termination protected."',
    "observed",
)
@behaviour(
    "policies",
    "A protected cluster in TerminateJobFlows keeps the clusters beside it from ending too.",
    "believed",
)
@behaviour("policies", "A cluster whose termination protection was taken back can be terminated.")
def test_a_protected_cluster_is_not_terminated_nor_any_beside_it(emr: Emr) -> None:
    plain, protected = emr.run(), emr.run(Instances={"TerminationProtected": True})
    with pytest.raises(ClientError, match="termination protected"):
        emr.client.terminate_job_flows(JobFlowIds=[plain, protected])
    assert emr.wait(plain, "WAITING")
    emr.client.set_termination_protection(JobFlowIds=[protected], TerminationProtected=False)
    emr.client.terminate_job_flows(JobFlowIds=[plain, protected])
    emr.wait(protected, "TERMINATED")


@behaviour("policies", "A protected cluster without keep-alive still ends when its steps have completed.")
def test_a_protected_cluster_without_keep_alive_still_ends_with_its_steps(emr: Emr) -> None:
    instances = {"TerminationProtected": True, "KeepJobFlowAliveWhenNoSteps": False}
    cluster = emr.run(step("true"), Instances=instances)
    emr.wait(cluster, "TERMINATED", ["COMPLETED"])


@behaviour(
    "life",
    'The loss of the master ends the cluster: TERMINATED_WITH_ERRORS, INSTANCE_FAILURE, "The master '
    'node was terminated".',
    "observed",
)
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


@behaviour(
    "instances",
    "A core node that is lost is TERMINATED with INSTANCE_FAILURE, and another takes its place.",
)
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


@behaviour(
    "wire",
    "An operation that windtunnel does not execute here answers InvalidRequestException with its name.",
    "believed",
)
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


def test_a_protected_cluster_that_has_ended_stands_in_nobodys_way(emr: Emr) -> None:
    protected = emr.run(Instances={"TerminationProtected": True, "KeepJobFlowAliveWhenNoSteps": False})
    emr.wait(protected, "TERMINATED")
    other = emr.run()
    emr.client.terminate_job_flows(JobFlowIds=[protected, other])
    emr.wait(other, "TERMINATED")


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
