"""This project's own roles against calls as its pipeline makes them, and what is said when one is missing."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.project import ROOT
from windtunnel.deploy.checks.permissions import Seen, permissions
from windtunnel.deploy.findings import Finding
from windtunnel.deploy.infra import Infra, infra_of
from windtunnel.stack.calls import Call
from windtunnel.stack.project import read_project

HERE = "airflow-salary-pipeline-local"
REQUEST = {
    "ServiceRole": "EmrRole",
    "JobFlowRole": "EmrInstanceRole",
    "Tags": [
        {"Key": "for-use-with-amazon-emr-managed-policies", "Value": "true"},
        {"Key": "pipeline", "Value": "salary-pipeline"},
    ],
}
OUTPUT = "output/average_salary/jobType/part-0.csv"
Edit = Callable[[str, str], Infra]


def s3(principal: str, operation: str, key: str = "", *members: str) -> Call:
    return Call(principal, "s3", operation, {"Bucket": HERE} | ({"Key": key} if key else {}), members, 1)


def emr(operation: str, *members: str) -> Call:
    return Call("airflow", "emr", operation, {} if members else {"ClusterId": "j-1"}, members, 1)


CALLS = [
    emr("RunJobFlow", "AutoTerminationPolicy", "Tags", "ServiceRole", "JobFlowRole"),
    *map(emr, ("DescribeCluster", "AddJobFlowSteps", "DescribeStep", "TerminateJobFlows")),
    s3("emr-steps", "HeadObject", "spark/average_salary.py"),
    s3("emr-steps", "GetObject", "data/train_features.csv"),
    s3("emr-steps", "ListObjectsV2"),
    s3("emr-steps", "PutObject", OUTPUT),
    s3("emr-steps", "CopyObject", OUTPUT),
    s3("emr-steps", "DeleteObjects", OUTPUT),
    s3("emr", "PutObject", "logs/emr/j-1/steps/s-1/stderr.gz"),
    s3("test", "CreateBucket"),
]
CALLS[9] = Call(
    "emr-steps", "s3", "CopyObject", {"Bucket": HERE, "Key": OUTPUT, "CopySource": f"{HERE}/{OUTPUT}"}, (), 1
)


@pytest.fixture
def edited(tmp_path: Path) -> Edit:
    """The project with one text of its first template replaced by another."""

    def edit(old: str, new: str) -> Infra:
        shutil.copytree(ROOT / "infra", tmp_path / "infra", dirs_exist_ok=True)
        shutil.copy(ROOT / "windtunnel.toml", tmp_path)
        path = tmp_path / "infra" / "foundation.yaml"
        text = path.read_text()
        assert text.count(old) == 1, "the test's own text has to be there once"
        path.write_text(text.replace(old, new))
        return infra_of(read_project(tmp_path), "eu-west-1")

    return edit


def found(infra: Infra, calls: list[Call] = CALLS) -> list[Finding]:
    return [one for one in permissions(infra, [Seen("salary", calls, [REQUEST])]) if one.level != "note"]


def line(infra: Infra, finding: Finding) -> str:
    return (infra.project.folder / finding.file).read_text().splitlines()[finding.line - 1].strip()


def test_this_projects_roles_allow_what_its_pipeline_calls_and_nothing_besides() -> None:
    infra = infra_of(read_project(ROOT), "eu-west-1")

    assert found(infra) == []
    notes = permissions(infra, [Seen("salary", CALLS, [REQUEST])])
    assert {one.why.split(",")[0] for one in notes} == {
        "ExecutionRole may iam:CreateServiceLinkedRole",
        "EmrInstanceRole may s3:AbortMultipartUpload",
        "EmrInstanceRole may s3:GetBucketLocation",
        "EmrInstanceRole may s3:ListBucketMultipartUploads",
        "EmrInstanceRole may s3:ListMultipartUploadParts",
    }


@pytest.mark.parametrize(
    ("old", "new", "role", "said"),
    [
        (
            '- "s3:DeleteObject" # Spark overwrites a folder by deleting what is in it\n',
            "\n",
            "EmrInstanceRole",
            "does not allow it at all: s3:DeleteObject on arn:aws:s3:::airflow-salary-pipeline-123456789012-eu-west-1/"
            "output/average_salary/jobType/part-0.csv. a step called s3:DeleteObjects when salary ran here",
        ),
        (
            '- "elasticmapreduce:DescribeStep"\n',
            "\n",
            "ExecutionRole",
            "does not allow it at all: elasticmapreduce:DescribeStep",
        ),
        (
            "Resource: !GetAtt EmrRole.Arn\n",
            "Resource: !GetAtt ExecutionRole.Arn\n",
            "ExecutionRole",
            "allows it only on arn:aws:iam::123456789012:role/ExecutionRole, "
            "arn:aws:iam::123456789012:role/EmrInstanceRole: iam:PassRole on arn:aws:iam::123456789012:role/EmrRole",
        ),
        (
            '"aws:RequestTag/pipeline": !Ref Name\n                    "aws',
            '"aws:RequestTag/pipeline": other\n                    "aws',
            "ExecutionRole",
            "allows it only on a condition: aws:RequestTag/pipeline has to be other, not salary-pipeline: "
            "elasticmapreduce:RunJobFlow",
        ),
        (
            '"aws:ResourceTag/pipeline": !Ref Name',
            '"aws:ResourceTag/team": data',
            "ExecutionRole",
            "aws:ResourceTag/team has to be data, and the request has none",
        ),
        (
            '"s3:PutObject", "s3:AbortMultipartUpload"]\n                Resource: !Sub ${Bucket.Arn}/logs/emr/*',
            '"s3:PutObject", "s3:AbortMultipartUpload"]\n                Resource: !Sub ${Bucket.Arn}/logs/other/*',
            "EmrInstanceRole",
            "/logs/emr/j-1/steps/s-1/stderr.gz. EMR called s3:PutObject",
        ),
        (
            '- "logs:PutLogEvents"\n',
            "\n",
            "ExecutionRole",
            "logs:PutLogEvents on arn:aws:logs:eu-west-1:123456789012:log-group:airflow-salary-pipeline-Task"
            ":log-stream:1. MWAA's documentation asks for it.",
        ),
    ],
)
def test_what_a_role_lacks_is_named_with_who_called_it_and_where_to_allow_it(
    edited: Edit, old: str, new: str, role: str, said: str
) -> None:
    infra = edited(old, new)

    errors = [one for one in found(infra) if one.level == "error"]

    assert errors and {line(infra, one) for one in errors} == {"Policies:"}
    assert any(one.why.startswith(role) and said in one.why for one in errors), errors


def test_a_statement_that_denies_is_stronger_than_one_that_allows(edited: Edit) -> None:
    denied = (
        '- { Sid: Never, Effect: Deny, Action: "s3:Put*", Resource: "*" }\n              - Sid: WriteLogs\n'
    )
    errors = found(edited("- Sid: WriteLogs\n", denied))

    assert [one.why.split(":")[0] for one in errors if one.level == "error"] == [
        "EmrInstanceRole denies it (Never)"
    ]


@pytest.mark.parametrize(
    ("old", "new", "said", "at"),
    [
        (
            '- "elasticmapreduce:DescribeStep"\n',
            '- "elasticmapreduce:DescribeStep"\n                  - "elasticmapreduce:ModifyCluster"\n',
            "ExecutionRole may elasticmapreduce:ModifyCluster, which no recorded run",
            "- Sid: UseThem",
        ),
        (
            '!Sub "${Bucket.Arn}/data/*"]',
            '!Sub "${Bucket.Arn}/data/*", "arn:aws:s3:::other/*"]',
            "EmrInstanceRole may s3:GetObject on arn:aws:s3:::other/*, which",
            "- Sid: ReadCodeAndData",
        ),
    ],
)
def test_what_a_role_has_without_need_is_a_warning_at_its_statement(
    edited: Edit, old: str, new: str, said: str, at: str
) -> None:
    infra = edited(old, new)

    (warning,) = found(infra)

    assert (warning.level, line(infra, warning)) == ("warning", at)
    assert warning.why.startswith(said)


def test_a_call_that_the_dag_no_longer_makes_leaves_a_needless_permission() -> None:
    infra = infra_of(read_project(ROOT), "eu-west-1")
    calls = [one for one in CALLS if one.operation != "DescribeCluster"]

    (warning,) = found(infra, calls)

    assert "elasticmapreduce:DescribeCluster" in warning.why


def test_another_bucket_is_told_by_its_own_name() -> None:
    infra = infra_of(read_project(ROOT), "eu-west-1")
    calls = [*CALLS, Call("airflow", "s3", "GetObject", {"Bucket": "lake", "Key": "x"}, (), 1)]

    (error,) = found(infra, calls)

    assert "ExecutionRole allows it only on" in error.why
    assert (
        "s3:GetObject on arn:aws:s3:::lake/x. Airflow called s3:GetObject when salary ran here" in error.why
    )


def test_a_role_with_managed_policies_is_only_warned_of(edited: Edit) -> None:
    with_managed = (
        "Description: !Sub The nodes of the EMR clusters of ${Name}, and the jobs that run there\n"
        "      ManagedPolicyArns: [arn:aws:iam::aws:policy/AmazonS3FullAccess]\n"
    )
    infra = edited(
        "Description: !Sub The nodes of the EMR clusters of ${Name}, and the jobs that run there\n",
        with_managed,
    )

    found_all = found(infra, [*CALLS, s3("emr-steps", "GetObject", "secret/x")])

    assert [(one.level, "secret/x" in one.why) for one in found_all] == [("warning", True)]


def test_without_a_recorded_run_only_mwaas_own_needs_are_judged() -> None:
    infra = infra_of(read_project(ROOT), "eu-west-1")

    (warning,) = found(infra, [])

    assert (warning.level, warning.mend) == ("warning", "Run `make run` first.")


def test_roles_of_ones_own_are_said_to_be_unknown(edited: Edit) -> None:
    infra = edited("Sid: WriteLogs", "Sid: WriteLogs")
    alone = Infra(infra.project, None, infra.environment)

    (note,) = permissions(alone, [Seen("salary", CALLS, [REQUEST])])

    assert (note.level, "not known" in note.why) == ("note", True)
