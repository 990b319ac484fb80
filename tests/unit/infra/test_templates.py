"""The templates hold together: with themselves, with each other, with CloudFormation's own limits."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader

from tests.cloudformation import ENVIRONMENT, FOUNDATION, INFRA, environment, foundation
from windtunnel.deploy.template import load
from windtunnel.stack.project import read_project

TEMPLATES = sorted(INFRA.iterdir())
LARGEST = 51_200
"""Bytes that CloudFormation takes in a request; a larger template has to lie in a bucket first."""
REGIONS = ("us-east-1", "eu-central-1")
CHECKED_BY_AWS = ("AWS::EC2::Subnet::Id", "AWS::EC2::SecurityGroup::Id", "List<AWS::EC2::Subnet::Id>")
"""Types of parameters for which CloudFormation looks whether the thing is there."""
each_template = pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)


def lint(*paths: Path) -> subprocess.CompletedProcess[str]:
    """cfn-lint with its informational rules, among them that an action takes the kind of its resource."""
    program = Path(sys.executable).with_name("cfn-lint")
    command = [str(program), "--include-checks", "I", "--regions", *REGIONS, "--", *map(str, paths)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_infra_holds_these_two_templates_and_nothing_else() -> None:
    assert TEMPLATES == [ENVIRONMENT, FOUNDATION]


def test_cfn_lint_has_nothing_to_say_and_nothing_is_ignored() -> None:
    checked = lint(*TEMPLATES)

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert not list(INFRA.parent.glob(".cfnlintrc*"))
    assert all("cfn-lint" not in path.read_text() for path in TEMPLATES)


@pytest.mark.parametrize(
    ("right", "wrong", "rule"),
    [
        ("cloudwatch:PutMetricData", "cloudwatch:PutMetricDate", "W3037"),
        ('Resource: "*"', 'Resource: "arn:aws:s3:::one"', "I3510"),
        ("- Effect: Allow\n            Principal", "- Effect: Permit\n            Principal", "E3530"),
        ("!Ref Vpc\n", "!Ref Vcp\n", "E1020"),
    ],
)
def test_cfn_lint_would_say_what_is_wrong(right: str, wrong: str, rule: str, tmp_path: Path) -> None:
    text = FOUNDATION.read_text()
    assert right in text
    (tmp_path / "wrong.yaml").write_text(text.replace(right, wrong))

    checked = lint(tmp_path / "wrong.yaml")

    assert checked.returncode != 0
    assert rule in checked.stdout


@each_template
def test_cloudformation_takes_each_without_a_bucket_to_upload_it_to(path: Path) -> None:
    assert path.stat().st_size <= LARGEST
    assert "Transform" not in load(path), "a macro would need one more capability"


@each_template
def test_every_parameter_is_described_bounded_and_in_one_group_of_the_form(path: Path) -> None:
    template = load(path)
    parameters: dict[str, dict[str, Any]] = template["Parameters"]
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]

    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(parameters)
    for name, one in parameters.items():
        assert one["Description"], name
        if one["Type"] in CHECKED_BY_AWS:
            continue
        assert one["Type"] in ("String", "Number"), name
        assert one["ConstraintDescription"], name
        bounds = {"AllowedValues", "AllowedPattern", "MaxLength", "MaxValue"} & one.keys()
        assert bounds, f"{name} takes anything"


@each_template
def test_every_default_is_one_that_its_parameter_takes(path: Path) -> None:
    for name, one in load(path)["Parameters"].items():
        if "Default" not in one:
            continue
        default = one["Default"]
        assert default in one.get("AllowedValues", [default]), name
        assert re.fullmatch(one.get("AllowedPattern", ".*"), str(default)), name
        if one["Type"] == "Number":
            assert one["MinValue"] <= default <= one["MaxValue"], name


def test_every_parameter_of_the_second_that_has_no_default_is_an_output_of_the_first() -> None:
    parameters, outputs = load(ENVIRONMENT)["Parameters"], load(FOUNDATION)["Outputs"]

    assert {name for name, one in parameters.items() if "Default" not in one} <= outputs.keys()
    assert outputs.keys() <= parameters.keys(), "an output that nothing takes"
    for name in outputs:
        assert f"Output {name}" in parameters[name]["Description"]


def test_nothing_is_exported_so_that_the_first_stack_can_be_changed_under_the_second() -> None:
    assert all("Export" not in one for one in load(FOUNDATION)["Outputs"].values())


def test_both_have_the_same_rule_for_the_name_and_the_buckets_name_is_never_too_long() -> None:
    rules = [load(path)["Parameters"]["Name"] for path in TEMPLATES]
    assert rules[0]["AllowedPattern"] == rules[1]["AllowedPattern"]
    assert rules[0]["Default"] == rules[1]["Default"]
    assert not re.fullmatch(rules[0]["AllowedPattern"], "a" * 27)
    longest = "a" * 26
    assert re.fullmatch(rules[0]["AllowedPattern"], longest)

    regions = Loader().load_data("endpoints")["partitions"][0]["regions"]
    for region in regions:
        assert len(f"airflow-{longest}-123456789012-{region}") <= 63


def test_the_bucket_stays_when_its_stack_goes_and_the_environment_which_costs_does_not() -> None:
    first, second = load(FOUNDATION)["Resources"], load(ENVIRONMENT)["Resources"]
    # A creation that fails leaves no bucket behind, which would be in the way of the next one.
    kept = {name for name, one in first.items() if one.get("DeletionPolicy") == "RetainExceptOnCreate"}

    assert kept == {"Bucket", "BucketPolicy"}
    assert all(first[name]["UpdateReplacePolicy"] == "Retain" for name in kept)
    assert second["Environment"]["DeletionPolicy"] == "Delete"


def test_the_bucket_is_private_versioned_encrypted_and_owned_by_its_account() -> None:
    (bucket,) = foundation().of_type("AWS::S3::Bucket").values()

    assert bucket["BucketName"] == "airflow-salary-pipeline-123456789012-eu-central-1"
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert all(value is True for value in bucket["PublicAccessBlockConfiguration"].values())
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]


def test_logs_old_versions_and_unfinished_uploads_go_by_themselves_and_nothing_else_does() -> None:
    (bucket,) = foundation(LogDays=7, OldVersionDays=8).of_type("AWS::S3::Bucket").values()
    rules = {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}

    assert all(rule["Status"] == "Enabled" for rule in rules.values())
    assert {name: rule.get("ExpirationInDays") for name, rule in rules.items()} == {
        "logs": 7,
        "old-versions": None,
        "deletion-markers": None,
        "unfinished-uploads": None,
    }
    assert rules["logs"]["Prefix"] == "logs/"
    assert rules["old-versions"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 8}


def test_the_environments_version_is_that_of_windtunnel_toml() -> None:
    mine = environment().resources["Environment"]["Properties"]["AirflowVersion"]

    assert mine == read_project(INFRA.parent).mwaa.airflow_version
