"""IAM's rules of evaluation, one by one."""

from typing import Any

import pytest

from windtunnel.deploy.actions import Need
from windtunnel.deploy.policies import Role, Statement, roles_of
from windtunnel.deploy.template import Resolved

KEY = "arn:aws:s3:::bucket/key"
GET = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": KEY}


def may(
    statement: dict[str, Any], action: str = "s3:GetObject", resource: str | None = KEY, **context: str
) -> bool:
    named = {name.replace("__", "/").replace("_", ":", 1): value for name, value in context.items()}
    return bool(Role("R", "arn", [Statement(statement, ())], []).allowing(Need(action, resource, named)))


@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        ({}, True),
        ({"Action": "S3:getobject"}, True),
        ({"Action": ["s3:Put*", "s3:Get?bject"]}, True),
        ({"Action": "s3:PutObject"}, False),
        ({"Resource": "*"}, True),
        ({"Resource": ["arn:aws:s3:::other/*", "arn:aws:s3:::bucket/*"]}, True),
        ({"Resource": "arn:aws:s3:::bucket"}, False),
        ({"Resource": "arn:aws:s3:::bucket/[k]ey"}, False),
        ({"Effect": "Deny"}, False),
    ],
)
def test_a_statement_is_on_what_its_patterns_fit(change: dict[str, Any], allowed: bool) -> None:
    assert may(GET | change) == allowed


def test_not_action_and_not_resource_are_on_all_else() -> None:
    but_put = {"Effect": "Allow", "NotAction": "s3:Put*", "Resource": KEY}
    but_bucket = {"Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:::bucket/*"}

    assert may(but_put) and not may(but_put, "s3:PutObject")
    assert not may(but_bucket) and may(but_bucket, resource="arn:aws:s3:::other/key")


def test_what_a_call_is_on_may_be_unknown() -> None:
    assert may(GET, resource=None)
    assert not may(GET, "s3:PutObject", None)


@pytest.mark.parametrize(
    ("condition", "context", "allowed"),
    [
        ({"StringEquals": {"aws:RequestTag/a": "1"}}, {"aws_RequestTag__a": "1"}, True),
        ({"StringEquals": {"aws:RequestTag/a": ["2", "1"]}}, {"aws_RequestTag__a": "1"}, True),
        ({"StringEquals": {"aws:RequestTag/a": "2"}}, {"aws_RequestTag__a": "1"}, False),
        ({"StringEquals": {"aws:RequestTag/b": "1"}}, {"aws_RequestTag__a": "1"}, False),
        ({"StringEqualsIfExists": {"aws:RequestTag/b": "1"}}, {"aws_RequestTag__a": "1"}, True),
        ({"StringNotEquals": {"aws:RequestTag/a": "1"}}, {"aws_RequestTag__a": "1"}, False),
        ({"StringNotEquals": {"aws:RequestTag/a": "2"}}, {"aws_RequestTag__a": "1"}, True),
        ({"StringLike": {"aws:RequestTag/a": "on*"}}, {"aws_RequestTag__a": "one"}, True),
        ({"Bool": {"aws:SecureTransport": "False"}}, {"aws_SecureTransport": "true"}, False),
        ({"Bool": {"aws:SecureTransport": True}}, {"aws_SecureTransport": "true"}, True),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, {}, True),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}, {"aws_SecureTransport": "true"}, True),
    ],
)
def test_a_condition_holds_as_far_as_anybody_knows(
    condition: dict[str, Any], context: dict[str, str], allowed: bool
) -> None:
    assert may(GET | {"Condition": condition}, **context) == allowed


def test_policies_of_their_own_are_their_roles() -> None:
    template = {
        "Resources": {
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {"ManagedPolicyArns": ["arn:aws:iam::aws:policy/P"]},
            },
            "Policy": {
                "Type": "AWS::IAM::Policy",
                "Properties": {"Roles": [{"Ref": "Role"}], "PolicyDocument": {"Statement": GET}},
            },
        }
    }

    (role,) = roles_of(Resolved(template, {}, "123456789012", "eu-west-1")).values()

    assert role.allowing(Need("s3:GetObject", KEY))
    assert role.managed == ["arn:aws:iam::aws:policy/P"]
    assert role.statements[0].keys == ("Resources", "Policy", "Properties", "PolicyDocument", "Statement", 0)
