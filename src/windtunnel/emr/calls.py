"""Who called which operation of Amazon EMR, on what."""

from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from windtunnel.aws.calls import Calls, members, resources
from windtunnel.aws.context import RequestContext

CALLS_PATH = "/_windtunnel/calls"
NAMES = (
    *("ServiceRole", "JobFlowRole", "AutoScalingRole"),
    *("JobFlowId", "ClusterId", "StepId", "ResourceId", "InstanceGroupId", "InstanceFleetId"),
    *("StudioId", "EditorId", "NotebookExecutionId"),
)
"""The members of EMR's requests that name what is touched, or a role that is handed on."""
EACH: Mapping[str, tuple[str, Callable[[Mapping[str, Any]], list[str]]]] = {
    "CancelSteps": ("StepId", lambda params: params.get("StepIds") or []),
    "ListSteps": ("StepId", lambda params: params.get("StepIds") or []),
    **dict.fromkeys(
        (
            *("DescribeJobFlows", "TerminateJobFlows", "SetTerminationProtection", "SetVisibleToAllUsers"),
            *("SetKeepJobFlowAliveWhenNoSteps", "SetUnhealthyNodeReplacement"),
        ),
        ("JobFlowId", lambda params: params.get("JobFlowIds") or []),
    ),
}
"""Operations on several things at once: the name of each, and where they are."""


class Recorder:
    """An observer of the wire, and the page that tells what it has seen."""

    def __init__(self) -> None:
        self.kept = Calls()

    def __call__(
        self, context: RequestContext, service: str, operation: str, params: Mapping[str, Any]
    ) -> None:
        """Note one request."""
        name, values = EACH.get(operation, ("", None))
        each = (name, values(params)) if values else None
        given = members(params)
        for resource in resources(params, NAMES, each):
            self.kept.note(context.access_key, service, operation, resource, given)

    def route(self) -> Route:
        """`GET CALLS_PATH`."""

        def page(_: Request) -> JSONResponse:
            return JSONResponse(self.kept.told())

        return Route(CALLS_PATH, page, methods=["GET"])
