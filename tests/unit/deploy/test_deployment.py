"""Deployments to moto's account, by the same calls as to AWS's; with two stacks in tests/integration/deploy.

Moto forgets the outputs of a stack that a change set has made, and what a change of a parameter changes, so nothing
here is about the first, and of the second only what was asked for.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.cloudformation import SMALL_ENVIRONMENT as ENVIRONMENT
from tests.unit.deploy.conftest import BUCKET
from windtunnel.deploy.changes import Change, ChangeSet
from windtunnel.deploy.deployment import Deployment, Outcome, named
from windtunnel.deploy.errors import DeployError
from windtunnel.deploy.plan import Plan, StackPlan
from windtunnel.deploy.target import Target
from windtunnel.install.progress import SILENT
from windtunnel.stack.project import read_project


def deployment(home: Path, target: Target, parameters: Mapping[str, str] | None = None) -> Deployment:
    return Deployment(named(read_project(home), None, parameters or {}), target, SILENT)


def deploy(home: Path, target: Target, **parameters: str) -> tuple[Plan, Outcome | None]:
    one = deployment(home, target, parameters)
    with one.planned(home, data=False) as plan:
        return plan, None if plan.is_empty else one.carry_out(plan)


def value(target: Target) -> str:
    """What the second stack has made of its parameters."""
    ssm: Any = target.session.client("ssm", region_name=target.region)
    return str(ssm.get_parameter(Name="/team/environment")["Parameter"]["Value"])


def version(target: Target, key: str) -> str:
    return str(target.client("s3").head_object(Bucket=BUCKET, Key=key)["VersionId"])


def asked(target: Target) -> list[dict[str, str]]:
    """The parameters of every change set from now on, as it comes."""
    seen: list[dict[str, str]] = []

    def keep(params: dict[str, Any], **_: Any) -> None:
        seen.append({one["ParameterKey"]: one["ParameterValue"] for one in params["Parameters"]})

    event = "provide-client-params.cloudformation.CreateChangeSet"
    target.client("cloudformation").meta.events.register(event, keep)
    return seen


def change_sets(target: Target) -> list[str]:
    found = target.client("cloudformation").list_change_sets(StackName="team-environment")["Summaries"]
    return [one["ChangeSetName"] for one in found if one["ExecutionStatus"] == "AVAILABLE"]


def test_the_environment_gets_the_versions_of_files_that_are_there(team: Path, account: Target) -> None:
    plan, outcome = deploy(team, account)

    assert plan.environment.act == "make" and plan.foundation is None
    assert value(account) == f"{BUCKET} {version(account, 'requirements.txt')}  "
    assert outcome and outcome.bucket == BUCKET and not outcome.not_made


def test_a_second_one_has_nothing_to_do(team: Path, account: Target) -> None:
    deploy(team, account)
    before = value(account)
    plan, outcome = deploy(team, account)

    assert plan.is_empty and outcome is None
    assert list(plan.lines()).count("Stack team-environment: unchanged") == 1
    assert value(account) == before


def test_a_new_version_of_one_file_leaves_the_others_as_they_are(team: Path, account: Target) -> None:
    (team / "startup.sh").write_text("echo")
    deploy(team, account)
    kept = version(account, "startup.sh")
    (team / "requirements.txt").write_text("pandas")
    preview_and_real = asked(account)
    plan, _ = deploy(team, account)

    assert [one.key for one in plan.sync.changed] == ["requirements.txt"]
    assert plan.environment.act == "change"
    versions = [(one["RequirementsVersion"], one["StartupScriptVersion"]) for one in preview_and_real]
    assert versions == [("version-to-come", kept), (version(account, "requirements.txt"), kept)]
    assert not change_sets(account)


def test_a_file_that_is_gone_is_no_longer_the_environments(team: Path, account: Target) -> None:
    deploy(team, account)
    (team / "requirements.txt").unlink()
    preview_and_real = asked(account)
    plan, _ = deploy(team, account)

    assert plan.sync.deleted == ("requirements.txt",)
    assert [one["RequirementsVersion"] for one in preview_and_real] == ["", ""]


def test_a_changed_dag_is_no_change_of_the_environment(team: Path, account: Target) -> None:
    deploy(team, account)
    (team / "dags" / "daily.py").write_text("another")
    plan, _ = deploy(team, account)

    assert plan.environment.act == "leave" and len(plan.sync.changed) == 1


def test_a_plan_changes_nothing_and_leaves_nothing_behind(team: Path, account: Target) -> None:
    deploy(team, account)
    before = value(account)
    (team / "requirements.txt").write_text("pandas")
    with deployment(team, account).planned(team, data=False) as plan:
        assert plan.environment.act == "change"
        assert len(change_sets(account)) == 1

    assert not change_sets(account)
    assert value(account) == before


def test_a_plan_is_taken_back_when_what_follows_fails(team: Path, account: Target) -> None:
    deploy(team, account)
    (team / "requirements.txt").write_text("pandas")
    with pytest.raises(KeyboardInterrupt), deployment(team, account).planned(team, data=False):
        raise KeyboardInterrupt

    assert not change_sets(account)


def test_parameters_of_the_command_line_come_before_those_of_the_file(team: Path, account: Target) -> None:
    account.client("s3").create_bucket(Bucket="other")
    account.client("s3").put_bucket_versioning(Bucket="other", VersioningConfiguration={"Status": "Enabled"})
    plan, _ = deploy(team, account, Bucket="other")

    assert plan.bucket == "other"
    assert value(account).startswith("other ")


def test_a_default_that_is_a_truth_value_goes_as_cloudformation_reads_it(team: Path, account: Target) -> None:
    flag = "  Flag: { Type: String, Default: true, AllowedValues: [true, false] }\nResources:"
    (team / "infra" / "environment.yaml").write_text(ENVIRONMENT.replace("Resources:", flag))
    given = asked(account)
    deploy(team, account)
    deploy(team, account)

    assert [one["Flag"] for one in given] == ["true", "true"]


def test_a_parameter_that_no_template_has_gets_the_nearest(team: Path, account: Target) -> None:
    with pytest.raises(DeployError, match="has a parameter Buckett: did you mean Bucket"):
        deployment(team, account, {"Buckett": "x"})


@pytest.mark.parametrize(
    ("toml", "name", "parameters", "said"),
    [
        ("", None, {}, "Which name"),
        ("", "9lives", {}, "no name for a stack"),
        ("", "a b", {}, "no name for a stack"),
        ("", "team", {"Name": "other"}, "--name"),
    ],
)
def test_what_cannot_be_named_is_refused(
    tmp_path: Path, toml: str, name: str | None, parameters: dict[str, str], said: str
) -> None:
    (tmp_path / "windtunnel.toml").write_text(toml)

    with pytest.raises(DeployError, match=said):
        named(read_project(tmp_path), name, parameters)


def test_a_bucket_that_is_not_there_is_told(team: Path, account: Target) -> None:
    with pytest.raises(DeployError, match="There is no bucket nowhere"):
        deploy(team, account, Bucket="nowhere")


def test_files_go_to_the_bucket_that_the_environment_is_told(team: Path, account: Target) -> None:
    """The project says one, and the first stack puts out another."""
    first = "Resources:\n  A: {Type: AWS::SQS::Queue}\nOutputs:\n  Bucket: {Value: another}\n"
    (team / "infra" / "foundation.yaml").write_text(first)
    plan, outcome = deploy(team, account)

    assert plan.bucket == BUCKET and outcome and outcome.bucket == BUCKET
    assert value(account) == f"{BUCKET} {version(account, 'requirements.txt')}  "


def test_nothing_is_made_up_where_aws_takes_only_what_is_there(team: Path, account: Target) -> None:
    """A first stack that is to put out one more: AWS refuses a change set with a group that it does not know."""
    formation = account.client("cloudformation")
    bucket = f"Resources:\n  A: {{Type: AWS::SQS::Queue}}\nOutputs:\n  Bucket: {{Value: {BUCKET}}}\n"
    (team / "windtunnel.toml").write_text('[deploy]\nname = "team"\n')
    formation.create_stack(StackName="team-foundation", TemplateBody=bucket)
    given = [{"ParameterKey": "Bucket", "ParameterValue": BUCKET}]
    formation.create_stack(StackName="team-environment", TemplateBody=ENVIRONMENT, Parameters=given)
    (team / "infra" / "foundation.yaml").write_text(
        bucket.replace("Outputs:\n", "  Group: {Type: AWS::EC2::SecurityGroup}\nOutputs:\n")
        + "  Group: {Value: !Ref Group}\n  Text: {Value: !Ref Group}\n"
    )
    wanted = "Parameters:\n  Group: {Type: AWS::EC2::SecurityGroup::Id}\n  Text: {Type: String}\n"
    (team / "infra" / "environment.yaml").write_text(ENVIRONMENT.replace("Parameters:\n", wanted))
    previews = asked(account)
    with deployment(team, account).planned(team, data=False) as plan:
        assert plan.environment.act == "change" and not plan.is_empty
        assert "once the first stack tells Group;" in "\n".join(plan.lines())

    assert [one for one in previews if "Group" in one] == []


def test_what_the_plan_did_not_show_is_not_removed(
    team: Path, account: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(team, account)
    before = value(account)
    (team / "requirements.txt").write_text("pandas")
    one = deployment(team, account)
    said = r"not in the plan: Environment \(AWS::SSM::Parameter\): REMOVED"
    with pytest.raises(DeployError, match=said), one.planned(team, data=False) as plan:
        # Between plan and yes the template loses what it had.
        text = ENVIRONMENT.replace("  Environment:\n", "  Another:\n").replace("/environment", "/another")
        (team / "infra" / "environment.yaml").write_text(text)
        one.carry_out(plan)

    assert value(account) == before
    assert not change_sets(account)


def test_a_stack_that_was_only_reviewed_is_made(team: Path, account: Target) -> None:
    """As a deployment leaves it that died before its change set was executed."""
    account.client("cloudformation").create_change_set(
        StackName="team-environment",
        ChangeSetName="windtunnel-dead",
        ChangeSetType="CREATE",
        TemplateBody=ENVIRONMENT,
        Parameters=[{"ParameterKey": "Bucket", "ParameterValue": "x"}],
    )
    plan, _ = deploy(team, account)

    assert plan.environment.act == "make"
    assert value(account).startswith(BUCKET)


def test_what_goes_stands_first_in_a_long_list_of_changes() -> None:
    changes = (*(Change(f"A{n:02}", "T", "Modify") for n in range(20)), Change("Z", "T", "Remove"))
    change_set = ChangeSet("arn", "team-foundation", "id", changes)
    lines = list(StackPlan("team-foundation", "change", change_set=change_set).lines())

    assert lines[:3] == [
        "Stack team-foundation: 21 resources to change",
        "  Z (T): REMOVED",
        "  A00 (T): changed",
    ]
    assert lines[-1] == "  and 9 more"


def test_a_creation_is_told_by_types_and_one_that_failed_before_says_so() -> None:
    lines = list(
        StackPlan("s", "make anew", ["AWS::EC2::VPC", "AWS::EC2::Subnet", "AWS::EC2::Subnet"]).lines()
    )

    assert "earlier creation failed" in lines[0]
    assert lines[1:] == ["Stack s: 3 resources to make", "    2 AWS::EC2::Subnet", "    1 AWS::EC2::VPC"]


def test_the_plan_names_files_with_their_sizes_and_counts_the_rest(team: Path, account: Target) -> None:
    for number in range(20):
        (team / "dags" / f"d{number:02}.py").write_text("x" * 2000)
    plan, _ = deploy(team, account)
    lines = [line.strip() for line in plan.lines()]

    assert "23 new files, 40.0 kB" in lines
    assert "requirements.txt (5 bytes)" in lines
    assert "and 11 more" in lines
    assert any("docs/infra.md" in line for line in lines)
    assert "account 123456789012" in lines[0] and "us-east-1" in lines[0]
