"""CloudFormation's states, each as AWS tells it: canned answers, since no stack can be held in most of them."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from windtunnel.deploy import changes, stacks
from windtunnel.deploy.errors import DeployError
from windtunnel.deploy.stacks import Stack, Stacks, first_failure

NAME = "team-foundation"
ID = f"arn:aws:cloudformation:eu-west-1:123456789012:stack/{NAME}/1"
BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
NUMBERS = itertools.count()


class Told:
    """A progress that keeps what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)

    def task(self, *_: Any, **__: Any) -> Any:
        import contextlib

        return contextlib.nullcontext(self)

    def advance(self, n: int) -> None: ...


@pytest.fixture
def stubber() -> Iterator[Stubber]:
    client = boto3.client(
        "cloudformation", region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    with Stubber(client) as stub:
        yield stub


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def made(stubber: Stubber, told: Told) -> Stacks:
    target: Any = SimpleNamespace(client=lambda _: stubber.client, poll_seconds=0)
    return Stacks(target, told)


def is_now(stubber: Stubber, status: str, **outputs: str) -> None:
    told = [{"OutputKey": name, "OutputValue": value} for name, value in outputs.items()]
    stack = {"StackName": NAME, "StackId": ID, "StackStatus": status, "CreationTime": BEGAN, "Outputs": told}
    stubber.add_response("describe_stacks", {"Stacks": [stack]})


def is_gone(stubber: Stubber, operation: str = "describe_stacks") -> None:
    message = f"Stack with id {NAME} does not exist"
    stubber.add_client_error(operation, "ValidationError", message)


def event(status: str, resource: str = NAME, reason: str = "", kind: str = "AWS::EC2::VPC") -> dict[str, Any]:
    number = next(NUMBERS)
    of_stack = resource == NAME
    return {
        "StackId": ID,
        "StackName": NAME,
        "EventId": str(number),
        "LogicalResourceId": resource,
        "PhysicalResourceId": ID if of_stack else "x",
        "ResourceType": "AWS::CloudFormation::Stack" if of_stack else kind,
        "ResourceStatus": status,
        "Timestamp": BEGAN + timedelta(seconds=number),
        **({"ResourceStatusReason": reason} if reason else {}),
    }


def tells(stubber: Stubber, *events: dict[str, Any]) -> None:
    """Of these events, in their order; AWS has the last first."""
    stubber.add_response("describe_stack_events", {"StackEvents": list(events[::-1])})


def test_a_stack_that_moves_is_waited_for_and_shown_from_its_beginning(
    made: Stacks, stubber: Stubber, told: Told
) -> None:
    old = [event("CREATE_IN_PROGRESS"), event("CREATE_COMPLETE")]
    pretended = "AWS::EC2::VPC is not supported but was deployed as a fallback"  # told in the end instead
    began, passing = event("UPDATE_IN_PROGRESS"), event("UPDATE_IN_PROGRESS", "Vpc")  # over at the next look
    vpc = event("UPDATE_COMPLETE", "Vpc", pretended)
    is_now(stubber, "UPDATE_IN_PROGRESS")
    tells(stubber, *old, began)
    is_now(stubber, "UPDATE_IN_PROGRESS")
    tells(stubber, *old, began)
    is_now(stubber, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    tells(stubber, *old, began, passing, vpc)
    is_now(stubber, "UPDATE_COMPLETE")
    tells(stubber, *old, began, passing, vpc, event("UPDATE_COMPLETE"))
    stack = made.settled(NAME)

    assert stack and stack.status == "UPDATE_COMPLETE"
    assert "begun before" in told.lines[0]
    assert [line.split()[1:3] for line in told.lines[1:]] == [
        ["UPDATE_IN_PROGRESS", NAME],
        ["UPDATE_COMPLETE", "Vpc"],
        ["UPDATE_COMPLETE", NAME],
    ]
    assert told.lines[2].endswith("Vpc (AWS::EC2::VPC)")
    stubber.assert_no_pending_responses()


def test_one_that_is_being_deleted_is_gone_in_the_end(made: Stacks, stubber: Stubber) -> None:
    is_now(stubber, "DELETE_IN_PROGRESS")
    tells(stubber, event("CREATE_COMPLETE"), event("DELETE_IN_PROGRESS"))
    is_gone(stubber)
    is_gone(stubber, "describe_stack_events")

    assert made.settled(NAME) is None


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"])
def test_one_that_stands_can_be_changed(made: Stacks, stubber: Stubber, status: str) -> None:
    is_now(stubber, status)
    stack = made.changeable(NAME)

    assert stack and not stack.is_nothing and not stack.is_moving


@pytest.mark.parametrize("status", ["REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE"])
def test_nothing_was_ever_made_of_one_that_was_only_reviewed_or_rolled_back(
    made: Stacks, stubber: Stubber, status: str
) -> None:
    is_now(stubber, status)
    stack = made.changeable(NAME)

    assert stack and stack.is_nothing and not stack.is_moving


def test_one_that_is_deleted_is_not_there(made: Stacks, stubber: Stubber) -> None:
    is_now(stubber, "DELETE_COMPLETE")

    assert made.changeable(NAME) is None


@pytest.mark.parametrize(
    ("status", "way_on"),
    [
        ("UPDATE_ROLLBACK_FAILED", f"continue-update-rollback --stack-name {NAME}"),
        ("DELETE_FAILED", "run `windtunnel destroy` again"),
        ("ROLLBACK_FAILED", "remove it with `windtunnel destroy`"),
        ("CREATE_FAILED", "remove it with `windtunnel destroy`"),
        ("UPDATE_FAILED", "remove it with `windtunnel destroy`"),
    ],
)
def test_one_that_needs_a_hand_says_what_failed_and_the_way_on(
    made: Stacks, stubber: Stubber, status: str, way_on: str
) -> None:
    is_now(stubber, status)
    tells(stubber, event("UPDATE_FAILED", "Vpc", "no addresses left."), event(status))

    with pytest.raises(
        DeployError, match=rf"is {status}: Vpc \(AWS::EC2::VPC\): no addresses left\. .*{way_on}"
    ):
        made.changeable(NAME)


def test_what_failed_long_ago_is_not_why_a_stack_needs_a_hand(made: Stacks, stubber: Stubber) -> None:
    is_now(stubber, "UPDATE_ROLLBACK_FAILED")
    began, old = event("UPDATE_IN_PROGRESS"), event("UPDATE_FAILED", "Nat", "long ago")
    again, new = event("UPDATE_IN_PROGRESS"), event("UPDATE_FAILED", "Vpc", "just now")
    tells(stubber, began, old, event("UPDATE_ROLLBACK_COMPLETE"), again, new)

    with pytest.raises(DeployError, match=r"UPDATE_ROLLBACK_FAILED: Vpc \(AWS::EC2::VPC\): just now\."):
        made.changeable(NAME)


def test_another_error_of_aws_is_not_taken_for_a_stack_that_is_not_there(
    made: Stacks, stubber: Stubber
) -> None:
    stubber.add_client_error("describe_stacks", "AccessDenied", "not you")

    with pytest.raises(Exception, match=r"not you"):
        made.find(NAME)


def test_the_first_failure_is_the_one_that_the_others_were_given_up_for() -> None:
    events = [
        event("CREATE_FAILED", "Vpc", "Resource creation cancelled"),
        event("CREATE_FAILED", "Nat", "The maximum number of addresses has been reached."),
        event("CREATE_FAILED", "Role", "too late"),
        event("ROLLBACK_IN_PROGRESS", reason="The following resource(s) failed to create: [Nat]"),
    ]

    assert first_failure(events[::-1]) == (
        "Nat (AWS::EC2::VPC): The maximum number of addresses has been reached"
    )
    assert first_failure([event("CREATE_COMPLETE", "Vpc")]) is None


CHANGE_SET = changes.ChangeSet("arn:aws:cloudformation:x:1:changeSet/c/1", NAME, ID)


@pytest.mark.parametrize("code", ["InvalidChangeSetStatus", "ChangeSetNotFound"])
def test_one_whose_stack_was_changed_meanwhile_asks_for_a_new_plan(
    made: Stacks, stubber: Stubber, code: str
) -> None:
    tells(stubber, event("CREATE_COMPLETE"))
    stubber.add_client_error("execute_change_set", code, "stale")

    with pytest.raises(DeployError, match=r"has changed since the plan was made"):
        made.execute(CHANGE_SET)


def test_the_state_from_before_is_not_taken_for_the_end(made: Stacks, stubber: Stubber) -> None:
    before = event("CREATE_COMPLETE")
    tells(stubber, before)
    with_token = {"ChangeSetName": CHANGE_SET.arn, "ClientRequestToken": ANY}  # botocore may repeat the call
    stubber.add_response("execute_change_set", {}, with_token)
    is_now(stubber, "CREATE_COMPLETE")
    tells(stubber, before)
    is_now(stubber, "UPDATE_COMPLETE")
    tells(stubber, before, event("UPDATE_IN_PROGRESS"), event("UPDATE_COMPLETE"))

    assert made.execute(CHANGE_SET).status == "UPDATE_COMPLETE"


def test_outputs_that_come_after_the_end_are_waited_for(made: Stacks, stubber: Stubber) -> None:
    is_now(stubber, "CREATE_COMPLETE")
    is_now(stubber, "CREATE_COMPLETE", Other="x")
    is_now(stubber, "CREATE_COMPLETE", Other="x", Bucket="b")

    found = made.with_outputs(Stack(NAME, ID, "CREATE_COMPLETE"), {"Bucket"})

    assert found.outputs == {"Other": "x", "Bucket": "b"}


@pytest.mark.parametrize(
    ("status", "stands"),
    [
        ("ROLLBACK_COMPLETE", "Nothing of it stands"),
        ("UPDATE_ROLLBACK_COMPLETE", "as it was before"),
        ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback"),
    ],
)
def test_a_failure_says_what_failed_first_what_stands_and_the_way_on(
    made: Stacks, stubber: Stubber, status: str, stands: str
) -> None:
    old, failed = (
        event("UPDATE_FAILED", "Old", "long ago"),
        event("CREATE_FAILED", "Nat", "no addresses left"),
    )
    events = [old, event("CREATE_IN_PROGRESS"), failed, event(status)]
    tells(stubber, old)
    stubber.add_response("execute_change_set", {})
    is_now(stubber, status)
    tells(stubber, *events)
    tells(stubber, *events)

    with pytest.raises(DeployError) as failure:
        made.execute(CHANGE_SET)
    said = str(failure.value)
    assert f"is {status}. First to fail was Nat (AWS::EC2::VPC): no addresses left." in said
    assert stands in said and "run this again: it goes on from here" in said


def test_a_deletion_that_fails_says_what_is_in_the_way(made: Stacks, stubber: Stubber) -> None:
    is_now(stubber, "CREATE_COMPLETE")
    stack = made.find(NAME)
    assert stack
    before = event("CREATE_COMPLETE")
    events = [before, event("DELETE_FAILED", "Vpc", "has dependencies"), event("DELETE_FAILED")]
    tells(stubber, before)
    stubber.add_response("delete_stack", {})
    is_now(stubber, "DELETE_FAILED")
    tells(stubber, *events)
    tells(stubber, *events)

    with pytest.raises(DeployError, match=r"Vpc \(AWS::EC2::VPC\): has dependencies\..*destroy` again"):
        made.delete(stack)


def test_ctrl_c_says_that_aws_goes_on_and_how_to_look(
    made: Stacks, stubber: Stubber, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    tells(stubber)
    stubber.add_response("execute_change_set", {})

    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(made, "find", interrupted)
    with pytest.raises(KeyboardInterrupt):
        made.execute(CHANGE_SET)
    assert "AWS goes on" in told.lines[-1] and f"--stack-name {NAME}" in told.lines[-1]


def test_no_wait_is_without_an_end(made: Stacks, stubber: Stubber, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stacks, "LONGEST", 0)
    tells(stubber)
    stubber.add_response("execute_change_set", {})
    is_now(stubber, "CREATE_IN_PROGRESS")
    tells(stubber, event("CREATE_IN_PROGRESS"))

    with pytest.raises(DeployError, match=r"not done with team-foundation.*goes on"):
        made.execute(CHANGE_SET)
