"""CloudFormation's change sets: what a stack would become, made, read, executed or taken back."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from windtunnel.deploy.errors import DeployError
from windtunnel.deploy.target import code_of

LARGEST = 51_200
"""Bytes of a template that is sent as it is."""
LONGEST = 600
"""Seconds that AWS may take to find out what a change set changes."""
_PREFIX = "windtunnel-"
_VALIDATED = "EarlyValidation"
"""In the reason of a change set that AWS's own checks refuse: it names them, and its events say what is wrong."""
_NO_CHANGE = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True, order=True)
class Change:
    """What becomes of one resource."""

    resource: str
    kind: str
    """Its type, `AWS::S3::Bucket`."""
    action: str
    """Add, Modify, Remove, Import or Dynamic."""
    replacement: str = "False"
    """Of a modified one: False, Conditional or True."""

    @property
    def destroys(self) -> bool:
        """Whether what is there goes, or may go."""
        return self.action in ("Remove", "Dynamic") or (
            self.action == "Modify" and self.replacement != "False"
        )

    def __str__(self) -> str:
        words = {"Add": "new", "Modify": "changed", "Remove": "REMOVED"}
        word = words.get(self.action, self.action.lower())
        if self.action == "Modify" and self.destroys:
            word = "REPLACED" if self.replacement == "True" else "changed, MAY BE REPLACED"
        return f"{self.resource} ({self.kind}): {word}"


@dataclass(frozen=True)
class ChangeSet:
    """What AWS has worked out."""

    arn: str
    stack: str
    stack_id: str
    changes: tuple[Change, ...] = ()
    """Of resources. There are none where only outputs or tags change."""
    is_empty: bool = False
    """Whether nothing would change; it is no longer there then."""


class ChangeSets:
    """Those of an account. `until(look, seconds, what)` waits until `look` returns something."""

    def __init__(self, client: Any, until: Callable[..., Any]) -> None:
        self._client = client
        self._until = until
        self._done: set[str] = set()
        """Those that were executed or taken back."""

    def create(
        self,
        stack: str,
        template: str,
        parameters: Mapping[str, str],
        tags: Mapping[str, str],
        *,
        new: bool = False,
    ) -> ChangeSet:
        """Have AWS work out what the template changes. Raises DeployError when it cannot."""
        if len(template.encode()) > LARGEST:
            raise DeployError(
                f"The template of {stack} has more than the {LARGEST} bytes that CloudFormation takes."
            )
        self.forget_old(stack)
        name = f"{_PREFIX}{uuid.uuid4().hex}"
        try:
            made = self._client.create_change_set(
                StackName=stack,
                ChangeSetName=name,
                ClientToken=name,  # so that AWS knows a call that botocore repeats
                ChangeSetType="CREATE" if new else "UPDATE",
                TemplateBody=template,
                Parameters=[{"ParameterKey": key, "ParameterValue": one} for key, one in parameters.items()],
                Capabilities=["CAPABILITY_NAMED_IAM"],
                Tags=[{"Key": key, "Value": one} for key, one in tags.items()],
            )
        except ClientError as error:
            if _says_no_change(str(error)):
                return ChangeSet("", stack, "", is_empty=True)
            raise
        return self._worked_out(made, stack)

    def _worked_out(self, made: Mapping[str, Any], stack: str) -> ChangeSet:
        """What a new change set says once AWS is done with it. Raises DeployError when AWS refuses it."""
        found = self._until(lambda: self._look(made["Id"], stack), LONGEST, f"a change set of {stack}")
        failed = found["status"] == "FAILED"
        change_set = ChangeSet(made["Id"], stack, made["StackId"], found["changes"], failed)
        if failed:
            reason = found["reason"]
            if _VALIDATED in reason:
                reason = self._found_invalid(change_set.arn) or reason
            self._remove(change_set.arn)  # and its events with it
            if not _says_no_change(reason):
                raise DeployError(f"CloudFormation refuses the template of {stack}: {reason}")
        return change_set

    def execute(self, change_set: ChangeSet) -> None:
        """Begin with it. Raises DeployError when the stack was changed since it was made."""
        try:
            token = uuid.uuid4().hex  # a call that botocore repeats is no second one
            self._client.execute_change_set(ChangeSetName=change_set.arn, ClientRequestToken=token)
            self._done.add(change_set.arn)
        except ClientError as error:
            if code_of(error) in ("InvalidChangeSetStatus", "ChangeSetNotFound"):
                raise DeployError(
                    f"{change_set.stack} has changed since the plan was made. Run this again for a new plan."
                ) from error
            raise

    def discard(self, change_set: ChangeSet) -> None:
        """Take it back, unless it was executed; nothing when it is gone."""
        if change_set.is_empty or change_set.arn in self._done:
            return
        self._remove(change_set.arn)

    def _remove(self, arn: str) -> None:
        self._done.add(arn)
        try:
            self._client.delete_change_set(ChangeSetName=arn)
        except ClientError as error:
            # By now it may be executed, or gone together with its stack.
            if code_of(error) not in ("ChangeSetNotFound", "InvalidChangeSetStatus", "ValidationError"):
                raise

    def forget_old(self, stack: str) -> None:
        """Take back what a deployment that died has left."""
        try:
            pages = self._client.get_paginator("list_change_sets").paginate(StackName=stack)
            left = [one for page in pages for one in page["Summaries"]]
        except ClientError as error:
            if "does not exist" in str(error):
                return
            raise
        for one in left:
            if one["ChangeSetName"].startswith(_PREFIX):
                self._remove(one["ChangeSetId"])

    def _found_invalid(self, arn: str) -> str:
        """What AWS's checks say of each resource; "" when that is not to be read by whoever deploys."""
        asked = self._client.get_paginator("describe_events")
        try:
            pages = list(asked.paginate(ChangeSetName=arn, Filters={"FailedEvents": True}))
        except ClientError:
            return ""
        events = [one for page in pages for one in page["OperationEvents"]]
        return "; ".join(
            f"{one.get('LogicalResourceId', one.get('ValidationPath', 'the template'))}: "
            f"{one['ValidationStatusReason']}"
            for one in events
            if one.get("ValidationStatusReason")
        )

    def _look(self, arn: str, stack: str) -> dict[str, Any] | None:
        pages = self._client.get_paginator("describe_change_set").paginate(ChangeSetName=arn, StackName=stack)
        changes: list[Change] = []
        status = reason = ""
        for page in pages:
            status, reason = page["Status"], page.get("StatusReason", "")
            changes += [
                _change(one["ResourceChange"]) for one in page.get("Changes", []) if "ResourceChange" in one
            ]
        if status not in ("CREATE_COMPLETE", "FAILED"):
            return None
        return {"status": status, "reason": reason, "changes": tuple(sorted(changes))}


def _says_no_change(text: str) -> bool:
    return any(words in text for words in _NO_CHANGE)


def _change(told: Mapping[str, Any]) -> Change:
    return Change(
        told["LogicalResourceId"], told["ResourceType"], told["Action"], told.get("Replacement", "False")
    )
