"""Has LocalStack note who calls what, and tell it at GET /_windtunnel/calls.

LocalStack executes this file in its own process as it starts: it lies in start.d of its init folder, and what keeps
the calls (`windtunnel/aws/calls.py`) in windtunnel/ beside that. Whatever goes wrong here, requests go on.
"""

import importlib.util
import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote

PAGE = "/_windtunnel/calls"
ITSELF = "__internal_call__"
"""LocalStack's key for calls of its own."""
UNSIGNED = "injectedaccesskey"
"""Its key for whoever gave none."""

NAMES: Mapping[str, tuple[str, ...]] = {
    "athena": ("WorkGroup",),
    "cloudformation": ("StackName",),
    "cloudwatch": ("Namespace",),
    "dynamodb": ("TableName", "ResourceArn"),
    "emr": ("JobFlowId", "ClusterId", "StepId", "ServiceRole", "JobFlowRole", "AutoScalingRole"),
    "events": ("Name", "Rule", "EventBusName"),
    "firehose": ("DeliveryStreamName",),
    "glue": ("DatabaseName", "TableName", "Name", "JobName"),
    "iam": ("RoleName", "UserName", "GroupName", "PolicyArn", "PolicyName", "InstanceProfileName"),
    "kinesis": ("StreamName", "StreamARN"),
    "kms": ("KeyId",),
    "lambda": ("FunctionName", "Role"),
    "logs": ("logGroupName", "logGroupIdentifier", "logStreamName"),
    "s3": ("Bucket", "Key", "CopySource"),
    "scheduler": ("Name", "GroupName"),
    "secretsmanager": ("SecretId", "Name"),
    "sns": ("TopicArn", "TargetArn", "SubscriptionArn", "Name"),
    "sqs": ("QueueUrl", "QueueName"),
    "ssm": ("Name", "Path"),
    "stepfunctions": ("stateMachineArn", "executionArn", "activityArn", "name", "roleArn"),
    "sts": ("RoleArn",),
}
"""The members of a service's requests that name what is touched. None of them is ever a secret."""
EACH: Mapping[tuple[str, str], tuple[str, Callable[[Any], Iterable[Any]]]] = {
    ("s3", "DeleteObjects"): (
        "Key",
        lambda request: [one.get("Key") for one in request.get("Delete", {}).get("Objects", ())],
    ),
    ("secretsmanager", "BatchGetSecretValue"): ("SecretId", lambda request: request.get("SecretIdList", ())),
    ("ssm", "GetParameters"): ("Name", lambda request: request.get("Names", ())),
    ("ssm", "DeleteParameters"): ("Name", lambda request: request.get("Names", ())),
    ("dynamodb", "BatchGetItem"): ("TableName", lambda request: request.get("RequestItems", ())),
    ("dynamodb", "BatchWriteItem"): ("TableName", lambda request: request.get("RequestItems", ())),
    ("events", "PutEvents"): (
        "EventBusName",
        lambda request: {one.get("EventBusName", "default") for one in request.get("Entries", ())},
    ),
}
"""Operations that touch several things: the name of each, and where they are in a request, which may lack them."""

log = logging.getLogger("localstack.windtunnel.calls")


class Recorder:
    """A handler of LocalStack's chain, behind those that parse the request. `kept` is a `Calls`."""

    def __init__(self, calls: ModuleType) -> None:
        self._calls = calls
        self.kept = calls.Calls()
        self.failure = ""

    def __call__(self, _chain: object, context: Any, _response: object) -> None:
        """Note one request, when it is one for an operation and not LocalStack's own."""
        try:
            if context.operation is not None:
                self._note(context)
        except Exception as error:
            log.exception("A call could not be recorded")
            self.failure = f"A call could not be recorded: {type(error).__name__}."

    def _note(self, context: Any) -> None:
        key = access_key(context.request.headers.get("Authorization") or "")
        # What its services ask of each other is signed with their account.
        if key == ITSELF or (context.is_internal_call and key.isdigit()):
            return
        service, operation = context.service.service_name, context.operation.name
        request = context.service_request or {}
        given = self._calls.members(request)
        for resource in self._resources(service, operation, request):
            self.kept.note("" if key == UNSIGNED else key, service, operation, resource, given)

    def _resources(
        self, service: str, operation: str, request: Mapping[str, Any]
    ) -> Iterable[dict[str, str]]:
        name, values = EACH.get((service, operation), ("", None))
        each = (name, values(request)) if values else None
        for resource in self._calls.resources(request, NAMES.get(service, ()), each):
            if "CopySource" in resource:
                resource["CopySource"] = unquote(resource["CopySource"].partition("?")[0]).removeprefix("/")
            yield resource

    def page(self, _request: object) -> dict[str, Any]:
        """What LocalStack answers at PAGE."""
        told: dict[str, Any] = self.kept.told()
        return {**told, "failure": self.failure} if self.failure else told


def access_key(authorization: str) -> str:
    """The access key of an Authorization header, of Signature Version 4 or 2; empty: there is none."""
    if authorization.startswith("AWS "):
        return authorization[4:].partition(":")[0]
    return authorization.partition("Credential=")[2].partition("/")[0]


def install() -> None:
    """Become a part of the LocalStack whose process this is."""
    from localstack import config  # type: ignore[import-not-found]
    from localstack.services.edge import ROUTER  # type: ignore[import-not-found]

    recorder = Recorder(_loaded(Path(config.dirs.init) / "windtunnel" / "calls.py"))
    ROUTER.add(PAGE, recorder.page, methods=["GET"])
    try:
        from localstack.aws import handlers  # type: ignore[import-not-found]

        handlers.serve_custom_service_request_handlers.append(recorder)
    except (ImportError, AttributeError) as error:
        recorder.failure = f"This LocalStack has no list of handlers that windtunnel knows: {error}."
        log.error(recorder.failure)  # noqa: TRY400 - its own sentence says all


def _loaded(path: Path) -> ModuleType:
    found = importlib.util.spec_from_file_location("windtunnel_calls", path)
    if found is None or found.loader is None:
        raise ImportError(f"{path} is no Python file.")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


# Executed by LocalStack it has no name of its own; imported by anyone else it has.
if __name__ == "builtins":
    install()
