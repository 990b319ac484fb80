"""What LocalStack's free CloudFormation needs otherwise, and what it says it has not made."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from windtunnel.deploy.template import Resolved

NOT_MADE = "not supported but was deployed as a fallback"
"""How it tells of a resource that is only a name in its books."""


def adapted(resolved: Resolved) -> dict[str, Any]:
    """The template as LocalStack takes it; each change stands for one thing that its CloudFormation does not know.

    Fn::Cidr is worked out. A NAT gateway has no address, since LocalStack makes none. What AWS keeps but for a creation
    that failed is kept always, since LocalStack takes RetainExceptOnCreate for Delete.
    """
    changed: dict[str, Any] = _without_cidr(resolved, resolved.template)
    addresses = {name for name, one in changed["Resources"].items() if one["Type"] == "AWS::EC2::EIP"}
    for one in changed["Resources"].values():
        if one.get("DeletionPolicy") == "RetainExceptOnCreate":
            one["DeletionPolicy"] = "Retain"
        if one["Type"] == "AWS::EC2::NatGateway" and _refers_to(
            one["Properties"].get("AllocationId"), addresses
        ):
            one["Properties"]["AllocationId"] = ""
    return changed


def not_made(events: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """The types of the resources that LocalStack only pretends to have made, with how many of each."""
    found = {
        event["LogicalResourceId"]: event["ResourceType"]
        for event in events
        if NOT_MADE in event.get("ResourceStatusReason", "")
    }
    return Counter(found.values())


def _without_cidr(resolved: Resolved, node: Any) -> Any:
    if isinstance(node, list):
        return [_without_cidr(resolved, one) for one in node]
    if not isinstance(node, dict):
        return node
    if node.keys() == {"Fn::Cidr"}:
        return resolved.value(node)
    return {name: _without_cidr(resolved, one) for name, one in node.items()}


def _refers_to(value: Any, resources: set[str]) -> bool:
    return isinstance(value, dict) and value.get("Fn::GetAtt", [""])[0] in resources
