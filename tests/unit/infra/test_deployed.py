"""The first stack as moto makes it, looked at with boto3; what moto cannot make is listed here, not hidden.

Of the bucket moto makes the name and the encryption only, and it does not show which subnet has which routes. Rules,
quotas and whatever only AWS knows are not tried.
"""

import json
from ast import literal_eval
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.cloudformation.parsing import get_model_map

from tests.cloudformation import ENVIRONMENT, FOUNDATION, foundation
from windtunnel.deploy.template import load, networks

REGION = "us-east-1"
"""Moto takes every region's zones from this one."""
NOT_MADE = {"AWS::EC2::SecurityGroupEgress", "AWS::S3::BucketPolicy"}
"""Types of the first template that moto passes over."""


def client(service: Any) -> Any:
    return boto3.client(service, region_name=REGION)  # moto has set keys


def without_cidr(node: Any) -> Any:
    """Moto knows no Fn::Cidr: what it stands for stands there."""
    if isinstance(node, list):
        return [without_cidr(one) for one in node]
    if not isinstance(node, dict):
        return node
    if "Fn::Cidr" in node:
        return networks("10.192.0.0/16", *node["Fn::Cidr"][1:])
    return {name: without_cidr(one) for name, one in node.items()}


@pytest.fixture(scope="module")
def outputs() -> Iterator[dict[str, str]]:
    """Those of the stack, as long as it is there."""
    with (
        mock_aws(),
        pytest.MonkeyPatch.context() as patch,
        pytest.warns(UserWarning, match="not supported by moto"),
    ):
        for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_EMR", "AWS_PROFILE"):
            patch.delenv(name, raising=False)
        formation = client("cloudformation")
        formation.create_stack(
            StackName="foundation",
            TemplateBody=json.dumps(without_cidr(load(FOUNDATION))),
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        (stack,) = formation.describe_stacks(StackName="foundation")["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        yield {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}


def test_all_of_the_first_stack_is_made_but_what_moto_does_not_know(outputs: dict[str, str]) -> None:
    summaries = client("cloudformation").list_stack_resources(StackName="foundation")[
        "StackResourceSummaries"
    ]
    made = {one["LogicalResourceId"]: one["ResourceType"] for one in summaries if one["LogicalResourceId"]}
    wished = {name: one["Type"] for name, one in foundation().resources.items()}

    assert wished.items() - made.items() == {item for item in wished.items() if item[1] in NOT_MADE}
    assert made.keys() <= wished.keys()


def test_the_second_stack_is_resolved_only_since_moto_knows_no_environment_of_mwaa() -> None:
    """Once this fails, moto can be asked to make it."""
    types = {one["Type"] for one in load(ENVIRONMENT)["Resources"].values()}

    assert types - get_model_map().keys() == {"AWS::MWAA::Environment"}
    assert not NOT_MADE & get_model_map().keys()


def test_every_output_names_a_thing_that_is_there(outputs: dict[str, str]) -> None:
    ec2, iam = client("ec2"), client("iam")
    subnets = outputs["PrivateSubnetIds"].split(",")
    groups = [value for name, value in outputs.items() if name.endswith("SecurityGroupId")]

    assert outputs["EmrSubnetId"] in subnets
    found = ec2.describe_subnets(SubnetIds=subnets)["Subnets"]
    assert {one["AvailabilityZone"] for one in found} == {f"{REGION}a", f"{REGION}b"}
    assert len(groups) == len(ec2.describe_security_groups(GroupIds=groups)["SecurityGroups"]) == 4
    execution_role = iam.get_role(RoleName=outputs["ExecutionRoleArn"].rpartition("/")[2])["Role"]
    assert execution_role["Arn"] == outputs["ExecutionRoleArn"]
    assert iam.get_role(RoleName=outputs["EmrServiceRole"])
    assert client("s3").head_bucket(Bucket=outputs["Bucket"])


def test_the_instance_profile_and_its_role_have_one_name(outputs: dict[str, str]) -> None:
    iam = client("iam")

    profile = iam.get_instance_profile(InstanceProfileName=outputs["EmrJobFlowRole"])["InstanceProfile"]
    assert [role["RoleName"] for role in profile["Roles"]] == [outputs["EmrJobFlowRole"]]


def test_both_zones_have_a_nat_gateway_outside_the_private_subnets_and_a_route_to_it(
    outputs: dict[str, str],
) -> None:
    ec2 = client("ec2")
    zones = {one["SubnetId"]: one["AvailabilityZone"] for one in ec2.describe_subnets()["Subnets"]}
    gateways = {one["NatGatewayId"]: one["SubnetId"] for one in ec2.describe_nat_gateways()["NatGateways"]}
    routed = [
        route["NatGatewayId"]
        for table in ec2.describe_route_tables()["RouteTables"]
        for route in table["Routes"]
        if "NatGatewayId" in route
    ]

    assert sorted(routed) == sorted(gateways)
    assert {zones[subnet] for subnet in gateways.values()} == {f"{REGION}a", f"{REGION}b"}
    assert not set(gateways.values()) & set(outputs["PrivateSubnetIds"].split(","))


def test_nodes_reach_each_other_and_emr_reaches_them(outputs: dict[str, str]) -> None:
    ec2 = client("ec2")
    names = {outputs[f"Emr{one}SecurityGroupId"]: one for one in ("Master", "Core", "ServiceAccess")}
    groups = ec2.describe_security_groups(GroupIds=list(names))["SecurityGroups"]
    allowed = {
        (names[group["GroupId"]], names[pair["GroupId"]], rule["IpProtocol"], rule.get("ToPort"))
        for group in groups
        for rule in group["IpPermissions"]
        for pair in rule["UserIdGroupPairs"]
    }

    between = {
        (one, other, protocol, port)
        for one in ("Master", "Core")
        for other in ("Master", "Core")
        for protocol, port in (("icmp", -1), ("tcp", 65535), ("udp", 65535))
    }
    assert allowed == between | {
        ("Master", "ServiceAccess", "tcp", 8443),
        ("Core", "ServiceAccess", "tcp", 8443),
        ("ServiceAccess", "Master", "tcp", 9443),
    }


def test_the_roles_policies_name_the_bucket_and_the_roles_that_were_made(outputs: dict[str, str]) -> None:
    iam = client("iam")
    role = outputs["ExecutionRoleArn"].rpartition("/")[2]
    documents = [
        # Moto keeps it as Python writes it.
        literal_eval(iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    ]
    statements = {one["Sid"]: one for document in documents for one in document["Statement"]}

    assert statements["LookAtBucket"]["Resource"] == f"arn:aws:s3:::{outputs['Bucket']}"
    assert statements["ReadProject"]["Resource"][0] == f"arn:aws:s3:::{outputs['Bucket']}/dags/*"
    for sid, name in (("PassEmrRole", "EmrServiceRole"), ("PassInstanceRole", "EmrJobFlowRole")):
        assert statements[sid]["Resource"] == iam.get_role(RoleName=outputs[name])["Role"]["Arn"]
