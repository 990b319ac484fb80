"""The project's CloudFormation templates, resolved for a test."""

from typing import Any

from tests.project import ROOT
from windtunnel.deploy.template import Resolved, load

INFRA = ROOT / "infra"
FOUNDATION = INFRA / "foundation.yaml"
ENVIRONMENT = INFRA / "environment.yaml"
REGION = "eu-central-1"
ACCOUNT = "123456789012"
SMALL_ENVIRONMENT = """
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  Name: { Type: String, Default: none }
  Bucket: { Type: String }
  RequirementsVersion: { Type: String, Default: "" }
  PluginsVersion: { Type: String, Default: "" }
  StartupScriptVersion: { Type: String, Default: "" }
Resources:
  Environment:
    Type: AWS::SSM::Parameter
    Properties:
      Name: !Sub "/${Name}/environment"
      Type: String
      Value: !Sub "${Bucket} ${RequirementsVersion} ${PluginsVersion} ${StartupScriptVersion}"
Outputs:
  WebserverUrl: { Value: !Sub "https://${Name}.example.org" }
  EnvironmentName: { Value: !Ref Name }
"""
"""A second stack that moto and LocalStack can make, with the parameters and outputs of the real one."""


def foundation(**parameters: Any) -> Resolved:
    attributes = {"Bucket.Arn": "arn:aws:s3:::bucket"}
    for role in ("ExecutionRole", "EmrRole", "EmrInstanceRole"):
        attributes[f"{role}.Arn"] = f"arn:aws:iam::{ACCOUNT}:role/{role}"
    return Resolved(load(FOUNDATION), parameters, ACCOUNT, REGION, attributes)


def environment(**parameters: Any) -> Resolved:
    """The second stack over the first, as its outputs are handed on."""
    template = load(ENVIRONMENT)
    outputs = {name: one for name, one in foundation().outputs.items() if name in template["Parameters"]}
    return Resolved(template, outputs | parameters, ACCOUNT, REGION)
