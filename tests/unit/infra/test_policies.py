"""The roles may do what MWAA, EMR, the DAGs and the job do, and nothing else."""

import json
import os
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from tests.cloudformation import ACCOUNT, REGION, foundation
from tests.project import ROOT
from tests.unit.infra.statements import (
    Statement,
    details,
    expand,
    meet,
    needs_resource,
    role_statements,
    trust_statements,
)
from windtunnel.deploy.actions import EMR_IMPLIED, Need
from windtunnel.deploy.policies import roles_of

STATEMENTS = role_statements(foundation())
BUCKET = "arn:aws:s3:::bucket"
CLUSTERS = f"arn:aws:elasticmapreduce:{REGION}:{ACCOUNT}:cluster/*"
NO_RESOURCE = {
    "cloudwatch:PutMetricData": "metrics are no resources",
    "s3:GetAccountPublicAccessBlock": "it is the account's own",
    "logs:DescribeLogGroups": "it lists groups, whose names are not known before",
    "elasticmapreduce:RunJobFlow": "the cluster is not there yet; its tags stand in the condition",
}
"""Why an action is allowed on `*`."""
PATTERNS = {
    "s3:GetObject*": "MWAA's documentation: an object and its version, at a few keys",
    "s3:GetBucket*": "MWAA's documentation: whether the bucket is versioned and private, and more of its settings",
    "s3:List*": "MWAA's documentation: objects and versions of the one bucket",
    "kms:GenerateDataKey*": "MWAA's documentation: with and without the key's plain text",
}
"""Why actions are allowed by a pattern."""
IMPLIED = {member: f"elasticmapreduce:{EMR_IMPLIED[member]}" for member in ("Tags", "AutoTerminationPolicy")}
"""By member of RunJobFlow's request in the DAG, the permission that EMR asks for besides."""


def allowed(role: str, policy: str = "*") -> list[Statement]:
    return [one for one in STATEMENTS if one.role == role and one.allows and fnmatchcase(one.policy, policy)]


def may(role: str, action: str, resource: str) -> bool:
    """Conditions aside."""
    (one,) = (one for one in roles_of(foundation()).values() if one.name == role)
    return bool(one.allowing(Need(action, resource)))


@pytest.mark.parametrize("one", STATEMENTS, ids=lambda one: f"{one.role}-{one.content['Sid']}")
def test_every_statement_is_one_that_iam_knows(one: Statement) -> None:
    assert one.problems() == []


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"Action": "s3:GetObjects", "Resource": "*"}, "s3:GetObjects is no action"),
        ({"Action": "s3:GetObject", "Resource": BUCKET}, f"s3:GetObject takes no {BUCKET}"),
        ({"Action": "s3:ListBucket", "Resource": f"{BUCKET}/*"}, f"s3:ListBucket takes no {BUCKET}/*"),
        (
            {"Action": "elasticmapreduce:RunJobFlow", "Resource": CLUSTERS},
            "elasticmapreduce:RunJobFlow takes no resource at all",
        ),
        (
            {
                "Action": "iam:PassRole",
                "Resource": "arn:aws:iam::1:role/a",
                "Condition": {"StringEquals": {"iam:PassedTo": "ec2.amazonaws.com"}},
            },
            "iam:PassRole knows no iam:PassedTo",
        ),
        (
            {
                "Action": "elasticmapreduce:PutAutoTerminationPolicy",
                "Resource": CLUSTERS,
                "Condition": {"StringEquals": {"aws:RequestTag/pipeline": "a"}},
            },
            "elasticmapreduce:PutAutoTerminationPolicy knows no aws:RequestTag/pipeline",
        ),
    ],
)
def test_a_wrong_statement_would_be_found(content: dict[str, Any], problem: str) -> None:
    assert problem in Statement({"Effect": "Allow"} | content, ()).problems()


def test_patterns_meet_where_one_text_fits_both() -> None:
    assert meet("arn:aws:s3:::b/dags/*", "arn:~:s3:::~/*")
    assert not meet("arn:aws:s3:::b/dags/*", "arn:~:s3:::~")
    assert meet("a*", "*b") and not meet("a*c", "b*c")


def test_nothing_is_allowed_on_everything_without_a_reason_and_nothing_else_could_be_said() -> None:
    stars = [action for one in STATEMENTS if one.allows and "*" in one.resources for action in one.actions]

    assert sorted(stars) == sorted(NO_RESOURCE)
    assert not [action for action in stars if needs_resource(action)]


def test_no_action_is_a_pattern_without_a_reason() -> None:
    patterns = {action for one in STATEMENTS if one.allows for action in one.actions if "*" in action}

    assert patterns == PATTERNS.keys()
    for pattern in patterns - {"kms:GenerateDataKey*"}:
        levels = {details(action)["accessLevel"] for action in expand(pattern)}
        assert levels <= {"Read", "List"}, f"{pattern} writes"


def test_a_role_is_passed_by_its_name_and_to_one_service() -> None:
    passed = {
        (
            one.role,
            *one.resources,
            json.dumps(one.content["Condition"]["StringEquals"]["iam:PassedToService"]),
        )
        for one in STATEMENTS
        if any("PassRole" in action for action in one.actions)
    }
    role = f"arn:aws:iam::{ACCOUNT}:role/"

    assert passed == {
        ("ExecutionRole", f"{role}EmrRole", '"elasticmapreduce.amazonaws.com"'),
        ("ExecutionRole", f"{role}EmrInstanceRole", '"ec2.amazonaws.com"'),
        ("EmrRole", f"{role}EmrInstanceRole", '"ec2.amazonaws.com"'),
    }
    assert not [one for one in STATEMENTS if {"*", "iam:*", "NotAction"} & {*one.actions, *one.content}]


def test_each_role_is_taken_by_its_services_for_this_account_only() -> None:
    trust = trust_statements(foundation())
    services = {name: one["Principal"]["Service"] for name, one in trust.items()}
    sources = {
        name: one.get("Condition", {}).get("ArnLike", {}).get("aws:SourceArn") for name, one in trust.items()
    }

    assert services == {
        "EmrRole": "elasticmapreduce.amazonaws.com",
        "EmrInstanceRole": "ec2.amazonaws.com",
        "ExecutionRole": ["airflow.amazonaws.com", "airflow-env.amazonaws.com"],
    }
    assert sources == {
        "EmrRole": f"arn:aws:elasticmapreduce:{REGION}:{ACCOUNT}:*",
        "EmrInstanceRole": None,  # an instance says no source; only who may pass the role can give it to one
        "ExecutionRole": f"arn:aws:airflow:{REGION}:{ACCOUNT}:environment/salary-pipeline",
    }
    for name in ("EmrRole", "ExecutionRole"):
        assert trust[name]["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}


def test_emr_has_the_managed_policy_that_goes_by_tags_and_the_others_have_none() -> None:
    roles = foundation().of_type("AWS::IAM::Role")

    assert {name: one.get("ManagedPolicyArns", []) for name, one in roles.items()} == {
        "EmrRole": ["arn:aws:iam::aws:policy/service-role/AmazonEMRServicePolicy_v2"],
        "EmrInstanceRole": [],
        "ExecutionRole": [],
    }


def test_the_instance_profile_has_its_roles_name_as_emr_demands() -> None:
    (profile,) = foundation().of_type("AWS::IAM::InstanceProfile").values()

    assert profile["Roles"] == [profile["InstanceProfileName"]] == ["EmrInstanceRole"]


def test_the_execution_role_may_make_the_calls_that_the_dags_tasks_make_and_no_others_to_emr(
    airflow_python: Path, tmp_path: Path
) -> None:
    """What the operators, sensors, triggers and links of the pinned provider really call."""
    variables = {
        "PATH": os.defpath,
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__SALARY_PIPELINE__BUCKET": "bucket",
        "AIRFLOW__SALARY_PIPELINE__POLL_INTERVAL": "1",
        "AIRFLOW_CONN_AWS_DEFAULT": "aws://",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",  # nobody is there, should a call be sent
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [airflow_python, Path(__file__).with_name("calls.py"), ROOT / "dags"]
    ran = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    calls: dict[str, list[str]] = json.loads(ran.stdout.splitlines()[-1])

    assert len(calls) == 2 and all(calls.values())
    made = {call for one in calls.values() for call in one}
    allows = {action for one in allowed("ExecutionRole", "emr") for action in one.actions}
    assert {one for one in allows if one.startswith("elasticmapreduce:")} == made | set(IMPLIED.values())


def test_clusters_are_made_with_tags_only_and_touched_by_them() -> None:
    conditions = {
        action: one.content.get("Condition", {}).get("StringEquals", {})
        for one in allowed("ExecutionRole", "emr")
        for action in one.actions
    }
    emr_tag = {"aws:RequestTag/for-use-with-amazon-emr-managed-policies": "true"}
    made, touched = (
        {"aws:RequestTag/pipeline": "salary-pipeline"},
        {"aws:ResourceTag/pipeline": "salary-pipeline"},
    )

    assert conditions["elasticmapreduce:RunJobFlow"] == made | emr_tag
    assert conditions["elasticmapreduce:AddTags"] == made
    for action in ("AddJobFlowSteps", "DescribeCluster", "DescribeStep", "TerminateJobFlows"):
        assert conditions[f"elasticmapreduce:{action}"] == touched


@pytest.mark.parametrize(
    ("action", "key", "allowed_to"),
    [
        ("s3:GetObject", "dags/salary_pipeline.py", {"ExecutionRole"}),
        ("s3:GetObjectVersion", "requirements.txt", {"ExecutionRole"}),
        ("s3:GetObjectVersion", "plugins.zip", {"ExecutionRole"}),
        ("s3:GetObjectVersion", "startup.sh", {"ExecutionRole"}),
        ("s3:PutObject", "dags/salary_pipeline.py", set()),
        ("s3:GetObject", "spark/average_salary.py", {"EmrInstanceRole"}),
        ("s3:PutObject", "spark/average_salary.py", set()),
        ("s3:GetObject", "data/train_features.csv", {"EmrInstanceRole"}),
        ("s3:DeleteObject", "data/train_features.csv", set()),
        ("s3:GetObject", "output", {"EmrInstanceRole"}),
        ("s3:PutObject", "output", set()),
        ("s3:PutObject", "output/average_salary/jobType/part-00000.csv", {"EmrInstanceRole"}),
        ("s3:PutObject", "output/average_salary_deferrable/degree/_SUCCESS", {"EmrInstanceRole"}),
        ("s3:DeleteObject", "output/average_salary/jobType/part-00000.csv", {"EmrInstanceRole"}),
        ("s3:DeleteObjectVersion", "output/average_salary/jobType/part-00000.csv", set()),
        ("s3:PutObject", "logs/emr/j-1/steps/s-1/stderr.gz", {"EmrInstanceRole"}),
        ("s3:GetObject", "logs/emr/j-1/steps/s-1/stderr.gz", set()),
    ],
)
def test_objects_are_open_to_who_needs_them(action: str, key: str, allowed_to: set[str]) -> None:
    roles = foundation().of_type("AWS::IAM::Role")

    assert {role for role in roles if may(role, action, f"{BUCKET}/{key}")} == allowed_to


def test_whoever_reads_or_writes_objects_may_list_the_bucket_since_a_missing_one_is_forbidden_else() -> None:
    for role in ("ExecutionRole", "EmrInstanceRole"):
        (listing,) = (
            one for one in allowed(role) if BUCKET in one.resources and may(role, "s3:ListBucket", BUCKET)
        )
        assert "Condition" not in listing.content


def test_connections_without_tls_are_denied_to_everybody_for_the_bucket_and_its_objects() -> None:
    (policy,) = foundation().of_type("AWS::S3::BucketPolicy").values()

    assert policy["PolicyDocument"]["Statement"] == [
        {
            "Sid": "OnlyEncryptedConnections",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [BUCKET, f"{BUCKET}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ]
