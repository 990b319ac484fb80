"""CloudFormation's stacks: found, changed by change sets, deleted, and followed until AWS is done with them."""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, TypeVar

from botocore.exceptions import ClientError
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from windtunnel.deploy.changes import ChangeSet, ChangeSets
from windtunnel.deploy.errors import DeployError
from windtunnel.deploy.localstack import NOT_MADE
from windtunnel.deploy.target import Target
from windtunnel.install.progress import Progress

T = TypeVar("T")

LONGEST = 3 * 3600
"""Seconds that AWS may take for one stack; an MWAA environment takes it 20 to 60 minutes."""
OUTPUTS_SECONDS = 60
REVIEW, ROLLED_BACK = "REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE"
_GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
_STACK = "AWS::CloudFormation::Stack"
_WAYS_ON = {
    "deleted": "Somebody else removed it.",
    ROLLED_BACK: "Nothing of it stands; the next deployment removes what is left and makes it anew.",
    "UPDATE_ROLLBACK_COMPLETE": "It is as it was before.",
    "UPDATE_ROLLBACK_FAILED": (
        "AWS could not undo an update. Mend what its events name, then "
        "`aws cloudformation continue-update-rollback --stack-name {name}`, then deploy again."
    ),
    "DELETE_FAILED": "AWS could not delete it. Remove what its events name, then run `windtunnel destroy` again.",
}
_OTHER_WAY_ON = (
    "AWS left it half made. Look at its events, then remove it with `windtunnel destroy` and deploy again."
)


@dataclass(frozen=True)
class Stack:
    """One that is there."""

    name: str
    id: str
    status: str
    outputs: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    protected: bool = False
    """From being deleted."""

    @property
    def is_moving(self) -> bool:
        return self.status.endswith("_IN_PROGRESS") and self.status != REVIEW

    @property
    def is_nothing(self) -> bool:
        """Whether nothing of it was ever made."""
        return self.status in (REVIEW, ROLLED_BACK)


class Stacks:
    """The stacks of an account. Everything raises DeployError, or what botocore raises."""

    def __init__(self, target: Target, progress: Progress) -> None:
        self._client = target.client("cloudformation")
        self._poll_seconds = target.poll_seconds
        self._progress = progress
        self.change_sets = ChangeSets(self._client, self._until)

    def find(self, name: str) -> Stack | None:
        """The stack of a name or id, None where there is none any more."""
        try:
            (found,) = self._client.describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        if found["StackStatus"] == "DELETE_COMPLETE":
            return None
        return Stack(
            found["StackName"],
            found["StackId"],
            found["StackStatus"],
            {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])},
            {one["ParameterKey"]: one["ParameterValue"] for one in found.get("Parameters", [])},
            bool(found.get("EnableTerminationProtection")),
        )

    def settled(self, name: str) -> Stack | None:
        """The stack, once AWS is done with what it does to it now."""
        stack = self.find(name)
        if not stack or not stack.is_moving:
            return stack
        self._progress.say(f"{name} is {stack.status}, begun before: waiting for its end.")
        return self._follow(stack, self._mark(stack.id, begun=True))

    def changeable(self, name: str) -> Stack | None:
        """The settled stack. Raises DeployError with the way on when it has to be mended by hand first."""
        stack = self.settled(name)
        if stack and stack.status.endswith("_FAILED"):
            events = self.events(stack.id)
            first = first_failure(events[: _beginning(events, len(events)) + 1])
            way_on = _WAYS_ON.get(stack.status, _OTHER_WAY_ON).format(name=name)
            raise DeployError(f"{name} is {stack.status}{f': {first}' if first else ''}. {way_on}")
        return stack

    def make(self, name: str, template: str, parameters: Mapping[str, str], tags: Mapping[str, str]) -> Stack:
        """Create the stack, over nothing or over one of which nothing was made."""
        change_set = self.change_sets.create(name, template, parameters, tags, new=True)
        return self.execute(change_set)

    def execute(self, change_set: ChangeSet) -> Stack:
        """Do what a change set says; the stack as it is then. Raises DeployError that names what failed first."""
        mark = self._mark(change_set.stack_id)
        self.change_sets.execute(change_set)
        stack = self._follow(Stack(change_set.stack, change_set.stack_id, REVIEW), mark)
        if stack and stack.status in _GOOD:
            return stack
        raise DeployError(self._failure(change_set.stack, stack, mark))

    def with_outputs(self, stack: Stack, wanted: Set[str]) -> Stack:
        """The stack once it tells these outputs. LocalStack says that one is complete an instant before it has them."""

        def look() -> Stack | None:
            found = self.find(stack.id)
            return found if found and wanted <= found.outputs.keys() else None

        return self._until(look, OUTPUTS_SECONDS, stack.name)

    def delete(self, stack: Stack) -> None:
        """Delete the stack and wait until it is gone. Raises DeployError that names what failed first."""
        mark = self._mark(stack.id)
        self._client.delete_stack(StackName=stack.id)
        if left := self._follow(stack, mark):
            raise DeployError(self._failure(stack.name, left, mark))

    def buckets_of(self, stack: Stack) -> list[str]:
        """The buckets among its resources."""
        pages = self._client.get_paginator("list_stack_resources").paginate(StackName=stack.id)
        resources = (one for page in pages for one in page["StackResourceSummaries"])
        names = [
            one.get("PhysicalResourceId", "") for one in resources if one["ResourceType"] == "AWS::S3::Bucket"
        ]
        return [name for name in names if name]

    def events(self, stack: str) -> list[dict[str, Any]]:
        """All that is told of a stack, the latest first."""
        pages = self._client.get_paginator("describe_stack_events").paginate(StackName=stack)
        return [event for page in pages for event in page["StackEvents"]]

    def _mark(self, stack: str, *, begun: bool = False) -> str:
        """The last event before what comes now, or before what has `begun`; "" when there is none."""
        events = self.events(stack)
        start = _beginning(events, -1) + 1 if begun else 0
        return events[start]["EventId"] if start < len(events) else ""

    def _since(self, stack: str, mark: str) -> list[dict[str, Any]]:
        """The events after the mark, in their order; none once AWS has forgotten the stack."""
        found = []
        try:
            pages = self._client.get_paginator("describe_stack_events").paginate(StackName=stack)
            for event in (event for page in pages for event in page["StackEvents"]):
                if event["EventId"] == mark:
                    break
                found.append(event)
        except ClientError as error:
            if "does not exist" not in str(error):
                raise
        return found[::-1]

    def _follow(self, stack: Stack, mark: str) -> Stack | None:
        """Show the events from the mark on until the stack has settled; None once it is gone."""
        told: set[str] = set()

        def look() -> tuple[Stack | None] | None:
            now = self.find(stack.id)
            events = self._since(stack.id, mark)
            new = [event for event in events if event["EventId"] not in told]
            told.update(event["EventId"] for event in new)
            # Of what has come and gone between two looks, the end is enough.
            last = {event["LogicalResourceId"]: event for event in new}
            for event in new:
                if last[event["LogicalResourceId"]] is event:
                    self._progress.say(_told(event))
            ended = any(_is_of_the_stack(e) and _ends(e["ResourceStatus"]) for e in events)
            # Just after the call AWS may still show the state from before.
            return (now,) if now is None or (ended and not now.is_moving) else None

        try:
            with self._progress.task(stack.name):
                return self._until(look, LONGEST, stack.name)[0]
        except KeyboardInterrupt:
            self._progress.say(
                f"No longer watching; AWS goes on with {stack.name}. `aws cloudformation describe-stack-events "
                f"--stack-name {stack.name}` shows it; run this again and it waits for the end and goes on."
            )
            raise

    def _until(self, look: Callable[[], T | None], seconds: float, what: str) -> T:
        """What `look` returns as soon as that is something."""
        again = Retrying(
            retry=retry_if_result(lambda found: found is None),
            stop=stop_after_delay(seconds),
            wait=wait_fixed(self._poll_seconds),
        )
        try:
            found = again(look)
        except RetryError as error:
            raise DeployError(
                f"AWS is not done with {what} after {seconds / 60:.0f} minutes. It goes on; look at the stack's "
                f"events, then run this again."
            ) from error
        assert found is not None  # noqa: S101
        return found

    def _failure(self, name: str, stack: Stack | None, mark: str) -> str:
        first = first_failure(self._since(stack.id, mark)) if stack else None
        status = stack.status if stack else "deleted"
        stands = _WAYS_ON.get(status, _OTHER_WAY_ON).format(name=name)
        return (
            f"{name} is {status}. {f'First to fail was {first}.' if first else 'Its events say why.'} "
            f"{stands} Mend the reason and run this again: it goes on from here."
        )


def first_failure(events: list[dict[str, Any]]) -> str | None:
    """What failed first, with CloudFormation's reason; not what was given up because of it."""
    failed = [
        event
        for event in sorted(events, key=lambda one: one["Timestamp"])
        if event["ResourceStatus"].endswith("_FAILED")
        and "cancelled" not in event.get("ResourceStatusReason", "").lower()
    ]
    first = next((e for e in failed if not _is_of_the_stack(e)), next(iter(failed), None))
    if first is None:
        return None
    reason = first.get("ResourceStatusReason", "no reason given").rstrip(".")
    return f"{first['LogicalResourceId']} ({first['ResourceType']}): {reason}"


def _told(event: Mapping[str, Any]) -> str:
    reason = event.get("ResourceStatusReason", "")
    if NOT_MADE in reason:
        reason = ""  # that is told in the end, and all of it at once
    line = f"  {event['Timestamp'].astimezone():%H:%M:%S}  {event['ResourceStatus']:<20} {event['LogicalResourceId']}"
    return f"{line} ({event['ResourceType']}){f': {reason}' if reason else ''}"


def _is_of_the_stack(event: Mapping[str, Any]) -> bool:
    return bool(event["ResourceType"] == _STACK and event.get("PhysicalResourceId") == event["StackId"])


def _beginning(events: Sequence[Mapping[str, Any]], otherwise: int) -> int:
    """Where, in events of which the latest comes first, what AWS has done last to the stack begins."""
    found = (n for n, e in enumerate(events) if _is_of_the_stack(e) and _begins(e["ResourceStatus"]))
    return next(found, otherwise)


def _begins(status: str) -> bool:
    return status in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "IMPORT_IN_PROGRESS")


def _ends(status: str) -> bool:
    return status.endswith(("_COMPLETE", "_FAILED"))
