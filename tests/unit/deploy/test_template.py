from pathlib import Path
from typing import Any

import pytest

from windtunnel.deploy.errors import DeployError
from windtunnel.deploy.template import Resolved, line_of, load

TEMPLATE = """
AWSTemplateFormatVersion: 2010-09-09
Parameters:
  Name: {Type: String, Default: one}
  Zones: {Type: CommaDelimitedList, Default: "a,b"}
  Big: {Type: String, Default: "false"}
Conditions:
  IsBig: !Equals [!Ref Big, "true"]
  IsSmall: !Not [!Condition IsBig]
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Condition: IsBig
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: !Sub ["${A}-${Name}-${!literal}", {A: !Select [1, !Ref Zones]}]
      Tags: !If [IsBig, [1], !Ref AWS::NoValue]
      Policy:
        Condition: {StringEquals: {a: b}}
Outputs:
  Arn: {Value: !GetAtt Bucket.Arn}
"""


def test_a_truth_value_is_the_text_that_cloudformation_takes_it_for(tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(
        "Parameters: {Big: {Type: String, Default: true}}\n"
        "Conditions: {IsBig: !Equals [!Ref Big, true]}\n"
        "Resources: {}\nOutputs: {Text: {Value: !Sub '${Big}'}}"
    )

    assert resolved(path, Big="true").condition("IsBig") and resolved(path).condition("IsBig")
    assert resolved(path).outputs == {"Text": "true"}


@pytest.fixture
def template(tmp_path: Path) -> Path:
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    return tmp_path / "template.yaml"


def resolved(path: Path, **parameters: Any) -> Resolved:
    return Resolved(load(path), parameters, "123456789012", "eu-west-1", {"Bucket.Arn": "arn:aws:s3:::b"})


def test_functions_come_to_what_cloudformation_makes_of_them(template: Path) -> None:
    stack = resolved(template)

    assert stack.resources == {
        "Bucket": {
            "Type": "AWS::S3::Bucket",
            "Properties": {
                "BucketName": "b-one-${literal}",
                "Policy": {"Condition": {"StringEquals": {"a": "b"}}},
            },
        }
    }
    assert stack.outputs == {"Arn": "arn:aws:s3:::b"}
    assert stack.condition("IsSmall")
    assert load(template)["AWSTemplateFormatVersion"] == "2010-09-09"


def test_a_parameter_decides_what_there_is(template: Path) -> None:
    stack = resolved(template, Big="true", Name="two")

    assert stack.resources.keys() == {"Topic", "Bucket"}
    assert stack.resources["Bucket"]["Properties"]["BucketName"] == "b-two-${literal}"
    assert stack.resources["Bucket"]["Properties"]["Tags"] == [1]


def test_what_is_no_template_or_cannot_be_worked_out_is_told(template: Path) -> None:
    template.write_text("Resources: [")
    with pytest.raises(DeployError, match=r"template\.yaml cannot be read .*: line 1: "):
        load(template)
    template.write_text("Resources:\n  A:\n    Type: !Reff T")
    with pytest.raises(DeployError, match=r"line 3: there is no function !Reff\.$"):
        load(template)
    template.write_text("one: 1")
    with pytest.raises(DeployError, match="has no Resources"):
        load(template)
    template.write_text("Resources: {A: {Type: T, Properties: {P: !Ref Nothing}}}")
    with pytest.raises(DeployError, match="refers to Nothing"):
        _ = resolved(template).resources
    template.write_text("Resources: {A: {Type: T, Properties: {P: !ImportValue x}}}")
    with pytest.raises(DeployError, match="Fn::ImportValue"):
        _ = resolved(template).resources


def test_lines_are_those_of_the_file(template: Path) -> None:
    lines = TEMPLATE.splitlines()

    def at(*keys: str | int) -> str:
        return lines[line_of(template, *keys) - 1].strip()

    assert at("Resources", "Bucket", "Properties", "BucketName").startswith("BucketName:")
    assert at("Resources", "Bucket", "Properties", "Nothing") == "Properties:"
    assert at("Nothing") == ""
