"""Change sets, as AWS answers: see test_stacks.py."""

from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from tests.unit.deploy.test_stacks import ID, NAME, made, stubber, told
from windtunnel.deploy import changes
from windtunnel.deploy.changes import Change
from windtunnel.deploy.errors import DeployError
from windtunnel.deploy.stacks import Stacks

__all__ = ["made", "stubber", "told"]


def creates(stubber: Stubber, status: str = "CREATE_COMPLETE", reason: str = "", **change: Any) -> None:
    """AWS's answers to a change set that is made."""
    stubber.add_response("list_change_sets", {"Summaries": []})
    stubber.add_response(
        "create_change_set",
        {"Id": "arn:aws:cloudformation:x:1:changeSet/c/1", "StackId": ID},
        {
            **dict.fromkeys(("ChangeSetName", "ClientToken", "TemplateBody", "ChangeSetType"), ANY),
            "StackName": NAME,
            "Capabilities": ["CAPABILITY_NAMED_IAM"],
            "Parameters": [{"ParameterKey": "Name", "ParameterValue": "team"}],
            "Tags": [{"Key": "pipeline", "Value": "team"}],
        },
    )
    stubber.add_response("describe_change_set", {"Status": "CREATE_IN_PROGRESS"})
    found = [{"Type": "Resource", "ResourceChange": change}] if change else []
    stubber.add_response("describe_change_set", {"Status": status, "StatusReason": reason, "Changes": found})


def create(made: Stacks, **more: Any) -> changes.ChangeSet:
    return made.change_sets.create(NAME, "{}", {"Name": "team"}, {"pipeline": "team"}, **more)


def test_a_change_set_tells_what_goes(made: Stacks, stubber: Stubber) -> None:
    vpc = {
        "LogicalResourceId": "Vpc",
        "ResourceType": "AWS::EC2::VPC",
        "Action": "Modify",
        "Replacement": "True",
    }
    creates(stubber, **vpc)

    (change,) = create(made).changes
    assert change == Change("Vpc", "AWS::EC2::VPC", "Modify", "True")
    assert change.destroys and "REPLACED" in str(change)


@pytest.mark.parametrize(
    ("action", "replacement", "destroys"),
    [
        ("Add", "False", False),
        ("Modify", "False", False),
        ("Modify", "Conditional", True),
        ("Modify", "True", True),
        ("Remove", "False", True),
        ("Dynamic", "False", True),
    ],
)
def test_what_may_go_counts_as_going(action: str, replacement: str, destroys: bool) -> None:
    assert Change("A", "B", action, replacement).destroys is destroys


@pytest.mark.parametrize(
    "reason",
    ["The submitted information didn't contain changes. Submit …", "No updates are to be performed."],
)
def test_one_without_a_change_is_empty_and_taken_back(made: Stacks, stubber: Stubber, reason: str) -> None:
    creates(stubber, "FAILED", reason)
    stubber.add_response("delete_change_set", {})

    assert create(made).is_empty
    stubber.assert_no_pending_responses()


def test_one_of_outputs_only_is_not_empty(made: Stacks, stubber: Stubber) -> None:
    creates(stubber)

    assert not create(made).is_empty


def test_a_template_that_is_refused_says_why_and_leaves_no_change_set(made: Stacks, stubber: Stubber) -> None:
    creates(stubber, "FAILED", "Parameter Name failed to satisfy constraint")
    stubber.add_response("delete_change_set", {})

    with pytest.raises(DeployError, match=r"failed to satisfy constraint"):
        create(made)
    stubber.assert_no_pending_responses()


def test_what_aws_finds_invalid_is_told_before_its_events_go(made: Stacks, stubber: Stubber) -> None:
    creates(stubber, "FAILED", "The following validation failed: [AWS::EarlyValidation::PropertyValidation].")
    wrong = {"LogicalResourceId": "Vpc", "ValidationStatusReason": "Unsupported property [Cidr]"}
    stubber.add_response("describe_events", {"OperationEvents": [wrong, {"EventType": "STACK_EVENT"}]})
    stubber.add_response("delete_change_set", {})

    with pytest.raises(DeployError, match=r"refuses the template.*: Vpc: Unsupported property \[Cidr\]"):
        create(made)


def test_without_leave_to_read_the_events_what_aws_said_first_is_told(made: Stacks, stubber: Stubber) -> None:
    creates(stubber, "FAILED", "The following validation failed: [AWS::EarlyValidation::PropertyValidation].")
    stubber.add_client_error("describe_events", "AccessDenied", "not you")
    stubber.add_response("delete_change_set", {})

    with pytest.raises(DeployError, match=r"EarlyValidation::PropertyValidation"):
        create(made)


def test_a_template_that_is_too_large_is_not_sent(made: Stacks) -> None:
    with pytest.raises(DeployError, match=r"more than the 51200 bytes"):
        made.change_sets.create(NAME, "x" * 51_201, {}, {})


def test_what_a_dead_deployment_left_is_taken_back_and_nobody_elses(made: Stacks, stubber: Stubber) -> None:
    left = [
        {"ChangeSetName": name, "ChangeSetId": f"arn-{name}", "StackId": ID}
        for name in ("windtunnel-1", "mine")
    ]
    stubber.add_response("list_change_sets", {"Summaries": left})
    stubber.add_response("delete_change_set", {}, {"ChangeSetName": "arn-windtunnel-1"})
    made.change_sets.forget_old(NAME)

    stubber.assert_no_pending_responses()
