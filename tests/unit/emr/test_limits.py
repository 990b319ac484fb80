"""Limits, each at its edge: what is within is taken, what is beyond is refused with the service's error."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.behaviours import Area, Known, behaviour
from tests.emr import Emr, groups, step

Call = Callable[[Any, str], Any]
"""A request by a client, about a cluster."""
ACTION = {"Name": "a", "ScriptBootstrapAction": {"Path": "s3://b/a"}}
INSTANCES = {"MasterInstanceType": "m5.xlarge", "InstanceCount": 1, "KeepJobFlowAliveWhenNoSteps": True}
LONG = "x" * (10_240 - len("command-runner.jar"))


def run(**members: Any) -> Call:
    """RunJobFlow with these members."""
    plain = {"Name": "x", "ReleaseLabel": "emr-7.13.0", "Instances": INSTANCES}
    return lambda client, _: client.run_job_flow(**{**plain, **members})


def on(operation: str, **members: Any) -> Call:
    """An operation on the cluster, whatever its id is called there."""

    def call(client: Any, cluster: str) -> Any:
        model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation])
        of = {"ClusterId": cluster, "JobFlowId": cluster, "JobFlowIds": [cluster], "ResourceId": cluster}
        required = {name: of[name] for name in model.input_shape.required_members if name in of}
        return getattr(client, operation)(**{**required, **members})

    return call


def add_steps(*args: str, count: int = 1) -> Call:
    return on("add_job_flow_steps", Steps=[step(*args)] * count)


def tag(key: str, value: str = "") -> Call:
    return on("add_tags", Tags=[{"Key": key, "Value": value}])


def roles(*names: str) -> dict[str, Any]:
    made = [{"InstanceRole": name, "InstanceType": "m5.xlarge", "InstanceCount": 1} for name in names]
    return {"InstanceGroups": made}


def volumes(count: int, kind: str = "gp3") -> dict[str, Any]:
    device = {"VolumeSpecification": {"VolumeType": kind, "SizeInGB": 32}, "VolumesPerInstance": count}
    made = groups(EbsConfiguration={"EbsBlockDeviceConfigs": [device]})
    return {"InstanceGroups": made["InstanceGroups"]}


def managed(slave: str) -> dict[str, Any]:
    return {**INSTANCES, "EmrManagedMasterSecurityGroup": "sg-1", "EmrManagedSlaveSecurityGroup": slave}


def limit(
    area: Area, sentence: str, within: Call, beyond: Call, error: str, *, known: Known = "documented"
) -> Any:
    """A row: the behaviour, what is taken, what is not, and the error's words."""
    return pytest.param(within, beyond, error, marks=behaviour(area, sentence, known), id=sentence)


LIMITS = [
    limit(
        "create",
        "A cluster takes at most 16 bootstrap actions.",
        run(BootstrapActions=[ACTION] * 16),
        run(BootstrapActions=[ACTION] * 17),
        "ValidationException.*at most 16 bootstrap actions",
    ),
    limit(
        "create",
        "A cluster takes at most 256 steps when it is created.",
        run(Steps=[step("true")] * 256),
        run(Steps=[step("true")] * 257),
        "ValidationException.*Maximum number of active steps",
    ),
    limit(
        "create",
        "StepConcurrencyLevel is from 1 to 256.",
        run(StepConcurrencyLevel=256),
        run(StepConcurrencyLevel=0),
        "ValidationException.*from 1 to 256",
    ),
    limit(
        "create",
        "IdleTimeout is from 60 seconds to seven days.",
        run(AutoTerminationPolicy={"IdleTimeout": 604_800}),
        run(AutoTerminationPolicy={"IdleTimeout": 604_801}),
        "ValidationException.*from 60 to 604800",
    ),
    limit(
        "create",
        "A cluster's name has at most 256 characters.",
        run(Name="n" * 256),
        run(Name="n" * 257),
        "ValidationException.*length less than or equal to 256",
    ),
    limit(
        "create",
        "EmrManagedMasterSecurityGroup and EmrManagedSlaveSecurityGroup are given both or not at all.",
        run(Instances=managed("sg-2")),
        run(Instances=managed("")),
        "ValidationException.*or neither",
    ),
    limit(
        "create",
        "A cluster takes at most 48 TASK instance groups.",
        run(Instances=roles("MASTER", "CORE", *["TASK"] * 48)),
        run(Instances=roles("MASTER", "CORE", *["TASK"] * 49)),
        "ValidationException.*48 TASK",
    ),
    limit(
        "create",
        "A cluster takes one CORE instance group at most.",
        run(Instances=roles("MASTER", "CORE")),
        run(Instances=roles("MASTER", "CORE", "CORE")),
        "ValidationException.*at most one CORE",
    ),
    limit(
        "create",
        "A cluster needs a MASTER instance group.",
        run(Instances=roles("MASTER")),
        run(Instances=roles("CORE")),
        "ValidationException.*exactly one MASTER",
    ),
    limit(
        "create",
        "A TASK instance group needs a CORE instance group.",
        run(Instances=roles("MASTER", "CORE", "TASK")),
        run(Instances=roles("MASTER", "TASK")),
        "ValidationException.*needs a CORE",
        known="believed",
    ),
    limit(
        "create",
        "InstanceGroups and MasterInstanceType exclude each other.",
        run(Instances=roles("MASTER")),
        run(Instances={**INSTANCES, **roles("MASTER")}),
        "ValidationException.*not both",
        known="believed",
    ),
    limit(
        "create",
        "An unknown instance type is a ValidationException: \"Instance type '…' is not supported.\"",
        run(Instances={**INSTANCES, "MasterInstanceType": "m5.2xlarge"}),
        run(Instances={**INSTANCES, "MasterInstanceType": "m5.huge"}),
        r"ValidationException.*Instance type 'm5\.huge' is not supported\.",
        known="observed",
    ),
    limit(
        "create",
        'An unknown release label is a ValidationException: "The supplied release label is invalid: …"',
        run(ReleaseLabel="emr-7.12.0"),
        run(ReleaseLabel="emr-99.0.0"),
        r"ValidationException.*The supplied release label is invalid: emr-99\.0\.0\.",
        known="observed",
    ),
    limit(
        "create",
        "An instance takes at most 25 EBS volumes of one kind.",
        run(Instances=volumes(25)),
        run(Instances=volumes(26)),
        "ValidationException.*from 1 to 25",
        known="believed",
    ),
    limit(
        "create",
        "EBS volumes are of the types gp3, gp2, io1, st1, sc1 and standard.",
        run(Instances=volumes(1, "st1")),
        run(Instances=volumes(1, "gp4")),
        "ValidationException.*VolumeType 'gp4' is invalid",
    ),
    limit(
        "create",
        "A LogUri is an address in S3.",
        run(LogUri="s3n://b/logs/"),
        run(LogUri="hdfs:///logs"),
        "ValidationException.*LogUri.*is invalid",
    ),
    limit(
        "steps",
        "The strings of a HadoopJarStep have at most 10240 characters together.",
        add_steps(LONG),
        add_steps(LONG + "x"),
        "ValidationException.*10240",
    ),
    limit(
        "steps",
        "A step's name has at most 256 characters.",
        on("add_job_flow_steps", Steps=[step("true", name="n" * 256)]),
        on("add_job_flow_steps", Steps=[step("true", name="n" * 257)]),
        "ValidationException.*length less than or equal to 256",
    ),
    limit(
        "steps",
        "ListSteps takes at most 10 StepIds.",
        on("list_steps", StepIds=["s-1"] * 10),
        on("list_steps", StepIds=["s-1"] * 11),
        "InvalidRequestException.*at most 10 StepIds",
    ),
    limit(
        "steps",
        "CancelSteps takes at most 256 StepIds.",
        on("cancel_steps", StepIds=["s-1"] * 256),
        on("cancel_steps", StepIds=["s-1"] * 257),
        "InvalidRequestException.*at most 256 StepIds",
    ),
    limit(
        "steps",
        "A step that isn't there is an InvalidRequestException: \"Step id 's-…' is not valid.\"",
        on("list_steps"),
        on("describe_step", StepId="s-NONE"),
        r"InvalidRequestException.*Step id 's-NONE' is not valid\.",
        known="believed",
    ),
    limit(
        "steps",
        "AddJobFlowSteps to an unknown cluster is a ValidationException: "
        '"Specified job flow ID … does not exist."',
        add_steps("true"),
        on("add_job_flow_steps", JobFlowId="j-NONE", Steps=[step("true")]),
        r"ValidationException.*Specified job flow ID j-NONE does not exist\.",
        known="believed",
    ),
    limit(
        "life",
        "TerminateJobFlows takes at most 10 clusters.",
        on("set_keep_job_flow_alive_when_no_steps", KeepJobFlowAliveWhenNoSteps=True),
        on("terminate_job_flows", JobFlowIds=["j-NONE"] * 11),
        "ValidationException.*1 to 10 job flow ids",
    ),
    limit(
        "policies",
        "ModifyCluster takes a StepConcurrencyLevel from 1 to 256.",
        on("modify_cluster", StepConcurrencyLevel=256),
        on("modify_cluster", StepConcurrencyLevel=257),
        "ValidationException.*from 1 to 256",
    ),
    limit(
        "tags",
        "A tag's key has at most 128 characters.",
        tag("k" * 128),
        tag("k" * 129),
        "ValidationException.*1 to 128 characters",
    ),
    limit(
        "tags",
        "A tag's value has at most 256 characters.",
        tag("k", "v" * 256),
        tag("k", "v" * 257),
        "ValidationException.*up to 256 characters",
    ),
    limit(
        "tags", "A tag's key is not empty.", tag("é"), tag(""), "ValidationException.*tag key '' is invalid"
    ),
    limit(
        "tags",
        "A tag's key does not begin with aws:, in any case of letters.",
        tag("my-aws:x"),
        tag("AWS:x"),
        "ValidationException.*not beginning with aws:",
    ),
    limit(
        "tags",
        "A tag's value does not begin with aws:.",
        tag("x", "my-aws:"),
        tag("x", "aws:x"),
        "ValidationException.*not beginning with aws:",
    ),
    limit(
        "releases",
        "MaxResults of ListReleaseLabels is from 1 to 100.",
        lambda client, _: client.list_release_labels(MaxResults=100),
        lambda client, _: client.list_release_labels(MaxResults=101),
        "ValidationException.*less than or equal to 100",
    ),
    limit(
        "instances",
        "ListInstances of an instance group that the cluster doesn't have is an InvalidRequestException.",
        on("list_instances", InstanceGroupTypes=["TASK"]),
        on("list_instances", InstanceGroupId="ig-NONE"),
        r"InvalidRequestException.*Instance group id 'ig-NONE' is not valid\.",
        known="believed",
    ),
    limit(
        "wire",
        "A state that isn't one of the enum's is a ValidationException that names those there are.",
        lambda client, _: client.list_clusters(ClusterStates=["WAITING"]),
        lambda client, _: client.list_clusters(ClusterStates=["BUSY"]),
        "ValidationException.*enum value set: .*WAITING",
        known="observed",
    ),
]


@pytest.mark.parametrize(("within", "beyond", "error"), LIMITS)
def test_a_limit_is_held_at_its_edge(quiet: Emr, within: Call, beyond: Call, error: str) -> None:
    client: Any = quiet.client_of(parameter_validation=False)
    cluster = quiet.run()
    within(client, cluster)
    with pytest.raises(ClientError, match=error):
        beyond(client, cluster)


@behaviour("tags", "A cluster takes at most 50 tags.")
def test_the_50th_tag_is_the_last(quiet: Emr) -> None:
    made: Any = [{"Key": f"k{n}", "Value": ""} for n in range(50)]
    cluster = quiet.run(Tags=made)
    with pytest.raises(ClientError, match="at most 50 tags"):
        quiet.client.add_tags(ResourceId=cluster, Tags=[{"Key": "one more"}])
    quiet.client.add_tags(ResourceId=cluster, Tags=[{"Key": "k1", "Value": "changed"}])


@behaviour("policies", "An AutoTerminationPolicy without an IdleTimeout means an hour.")
def test_an_idle_timeout_that_is_left_out_is_an_hour(quiet: Emr) -> None:
    cluster = quiet.run(AutoTerminationPolicy={})
    shown = quiet.client.get_auto_termination_policy(ClusterId=cluster)["AutoTerminationPolicy"]
    assert shown == {"IdleTimeout": 3600}


ENDED = [
    ("life", "SetTerminationProtection", on("set_termination_protection", TerminationProtected=True)),
    ("life", "SetVisibleToAllUsers", on("set_visible_to_all_users", VisibleToAllUsers=True)),
    ("life", "ModifyCluster", on("modify_cluster", StepConcurrencyLevel=2)),
    ("policies", "PutAutoTerminationPolicy", on("put_auto_termination_policy", AutoTerminationPolicy={})),
    ("tags", "AddTags", tag("k")),
    ("tags", "RemoveTags", on("remove_tags", TagKeys=["k"])),
]  # fmt: skip


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(
            call,
            id=name,
            marks=behaviour(
                area,  # type: ignore[arg-type]
                f'{name} on a cluster that is ending or has ended is refused: "… may not be modified."',
                "documented" if area == "tags" else "believed",
            ),
        )
        for area, name, call in ENDED
    ],
)
def test_a_cluster_that_is_ending_is_not_changed(quiet: Emr, call: Call) -> None:
    cluster = quiet.run()
    quiet.client.terminate_job_flows(JobFlowIds=[cluster])
    with pytest.raises(ClientError, match=r"ValidationException.*finished may not be modified"):
        call(quiet.client, cluster)


@behaviour("life", "TerminateJobFlows on a cluster that has ended, or is ending, is no error.", "believed")
def test_a_cluster_may_be_terminated_twice(quiet: Emr) -> None:
    cluster = quiet.run()
    for _ in range(2):
        quiet.client.terminate_job_flows(JobFlowIds=[cluster])
    assert quiet.cluster(cluster) == ("TERMINATING", "USER_REQUEST Terminated by user request")
