"""This project's own roles against calls as its pipeline makes them, and what is said when one is missing."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.checking import subject_of
from tests.project import ROOT
from windtunnel.deploy.checks import permissions as rule
from windtunnel.deploy.checks.permissions import Seen, permissions
from windtunnel.deploy.checks.subject import Subject
from windtunnel.deploy.findings import Finding
from windtunnel.deploy.infra import Infra, infra_of
from windtunnel.stack.calls import Call, Recording, code_digest, save
from windtunnel.stack.project import read_project
from windtunnel.stack.settings import load_settings

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
    s3("emr-steps", "HeadObject", "output"),
    s3("emr-steps", "ListObjectsV2"),
    s3("emr-steps", "PutObject", OUTPUT),
    Call(
        "emr-steps",
        "s3",
        "CopyObject",
        {"Bucket": HERE, "Key": OUTPUT, "CopySource": f"{HERE}/{OUTPUT}"},
        (),
        1,
    ),
    s3("emr-steps", "DeleteObjects", OUTPUT),
    s3("emr", "PutObject", "logs/emr/j-1/steps/s-1/stderr.gz"),
    s3("test", "CreateBucket"),
]


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
    return list(permissions(infra, [Seen("salary", calls, [REQUEST])]))


def line(infra: Infra, finding: Finding) -> str:
    return (infra.project.folder / finding.file).read_text().splitlines()[finding.line - 1].strip()


def test_this_projects_roles_allow_what_its_pipeline_calls_and_nothing_besides() -> None:
    infra = infra_of(read_project(ROOT), "eu-west-1")

    assert found(infra) == []


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
            "- !Sub ${Bucket.Arn}/data/*\n",
            "- !Sub ${Bucket.Arn}/data/*\n                  - arn:aws:s3:::other/*\n",
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


def test_what_only_a_run_renders_or_a_connection_has_is_not_judged() -> None:
    infra = infra_of(read_project(ROOT), "eu-west-1")
    rendered = {"ServiceRole": "EmrRole", "Tags": "{{ var.json.tags }}"}

    found_all = list(permissions(infra, [Seen("salary", CALLS, [rendered])]))

    assert [one.why for one in found_all if one.level != "note"] == []
    assert "The nodes of the clusters of salary have a role that is none of infra/foundation.yaml." in {
        one.why for one in found_all if one.level == "note"
    }


def test_without_a_recorded_run_only_mwaas_own_needs_are_judged() -> None:
    infra = infra_of(read_project(ROOT), "eu-west-1")

    (warning,) = found(infra, [])

    assert (warning.level, warning.mend) == ("warning", "Run the pipeline here first: `make run`.")


def test_roles_of_ones_own_are_said_to_be_unknown(edited: Edit) -> None:
    infra = edited("Sid: WriteLogs", "Sid: WriteLogs")
    alone = Infra(infra.project, None, infra.environment)

    (note,) = permissions(alone, [Seen("salary", CALLS, [REQUEST])])

    assert (note.level, "not known" in note.why) == ("note", True)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    for part in ("infra", "dags", "spark"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "windtunnel.toml", tmp_path)
    return tmp_path


def record(project: Path, dag_id: str = "salary_pipeline", **changed: Any) -> None:
    """Keep a run of the DAG with the calls above."""
    one = Recording(
        dag_id, datetime(2026, 1, 2, 3, 4, tzinfo=UTC), True, code_digest(project), True, tuple(CALLS)
    )
    save(load_settings(project), replace(one, **changed))


def test_the_calls_are_those_that_runs_have_kept_and_the_requests_those_of_the_dags(
    copied: Path, cache: Path, airflow_python: Path
) -> None:
    record(copied)
    record(copied, "gone", calls=(Call("airflow", "s3", "GetObject", {"Bucket": "b", "Key": "k"}, (), 1),))
    subject = subject_of(copied, cache)
    assert list(rule.findings(subject)) == []

    record(copied, calls=(*CALLS, s3("airflow", "PutObject", "data/x")))
    [refused] = rule.findings(subject)
    assert (refused.level, "when salary_pipeline ran here" in refused.why) == ("error", True)

    record(copied, code="other", s3=False)
    stale, elsewhere = rule.findings(subject)
    assert "recorded on 02 January 03:04, before the project's code was changed" in stale.why
    assert "an S3 that is not LocalStack's" in elsewhere.why

    record(copied, succeeded=False)
    [failed] = rule.findings(subject)
    assert (failed.level, "The recorded run of salary_pipeline failed" in failed.why) == ("warning", True)


def test_without_the_dags_no_recorded_run_is_judged(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record(copied, calls=(*CALLS, s3("airflow", "PutObject", "data/x")))
    monkeypatch.setattr(Subject, "_dags", lambda _: None)

    assert list(rule.findings(subject_of(copied))) == []
