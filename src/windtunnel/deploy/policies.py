"""What a role may do, by the policies that stand in a template: IAM's evaluation, as far as it can be done offline.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from windtunnel.deploy.actions import Need
from windtunnel.deploy.template import Resolved


@dataclass(frozen=True)
class Statement:
    """One statement of a role's own policy; `keys` lead to it in the template."""

    content: Mapping[str, Any]
    keys: tuple[str | int, ...]

    @property
    def allows(self) -> bool:
        return self.content.get("Effect") == "Allow"

    @property
    def actions(self) -> list[str]:
        return _listed(self.content.get("Action", []))

    @property
    def resources(self) -> list[str]:
        return _listed(self.content.get("Resource", []))

    @property
    def conditions(self) -> list[tuple[str, str, list[str]]]:
        """Operator, key, values."""
        return [
            (operator, key, [str(one) for one in _listed(values)])
            for operator, keys in self.content.get("Condition", {}).items()
            for key, values in keys.items()
        ]

    def names_action(self, action: str) -> bool:
        if "NotAction" in self.content:
            return not any(fits_action(action, one) for one in _listed(self.content["NotAction"]))
        return any(fits_action(action, one) for one in self.actions)

    def names_resource(self, resource: str | None) -> bool:
        """Whether the statement is on it; on what is not known any statement is."""
        if resource is None:
            return True
        if "NotResource" in self.content:
            return not any(fits(resource, one) for one in _listed(self.content["NotResource"]))
        return any(fits(resource, one) for one in self.resources)

    def unmet(self, context: Mapping[str, str]) -> list[str]:
        """The conditions that the request would not meet, in words; of a key that nobody knows nothing is said."""
        return [
            f"{key} has to be {' or '.join(values)}, not {context[key]}"
            if key in context
            else f"{key} has to be {' or '.join(values)}, and the request has none"
            for operator, key, values in self.conditions
            if _is_known(key, context) and not _met(operator, context.get(key), values)
        ]


@dataclass(frozen=True)
class Role:
    """A role of a template, by its logical id."""

    name: str
    arn: str
    statements: Sequence[Statement]
    managed: Sequence[str]
    """The ARNs of managed policies, whose content nobody knows here."""

    def allowing(self, need: Need) -> list[Statement]:
        """The statements that allow it; none when one denies it."""
        about = [
            one
            for one in self.statements
            if one.names_action(need.action) and one.names_resource(need.resource)
        ]
        met = [one for one in about if not one.unmet(need.context)]
        return met if all(one.allows for one in met) else []

    def refusal(self, need: Need) -> str:
        """Why nothing allows it, in words that go on after "the role"."""
        named = [one for one in self.statements if one.names_action(need.action)]
        if denied := [one for one in named if not one.allows and one.names_resource(need.resource)]:
            return f"denies it ({denied[0].content.get('Sid', 'a statement without a Sid')})"
        there = [one for one in named if one.names_resource(need.resource)]
        if there:
            return f"allows it only on a condition: {'; '.join(there[0].unmet(need.context))}"
        if named:
            return f"allows it only on {', '.join(one for statement in named for one in statement.resources)}"
        return "does not allow it at all"


def roles_of(stack: Resolved) -> dict[str, Role]:
    """The roles of a template, by their ARNs, with the policies in them and those that are resources of their own."""
    found = {}
    for name, properties in stack.of_type("AWS::IAM::Role").items():
        arn = stack.attributes.get(f"{name}.Arn", f"{name}.Arn")
        inside = [
            Statement(
                content,
                ("Resources", name, "Properties", "Policies", number, "PolicyDocument", "Statement", row),
            )
            for number, policy in enumerate(properties.get("Policies", []))
            for row, content in enumerate(_listed(policy["PolicyDocument"]["Statement"]))
        ]
        found[arn] = Role(
            name, arn, [*inside, *_attached(stack, name)], properties.get("ManagedPolicyArns", [])
        )
    return found


def _attached(stack: Resolved, role: str) -> list[Statement]:
    return [
        Statement(content, ("Resources", name, "Properties", "PolicyDocument", "Statement", row))
        for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
        for name, properties in stack.of_type(kind).items()
        if role in properties.get("Roles", [])
        for row, content in enumerate(_listed(properties["PolicyDocument"]["Statement"]))
    ]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def fits(text: str, pattern: str) -> bool:
    """Whether a pattern of IAM, which knows * and ? alone, is of the text."""
    return fnmatchcase(text, pattern.replace("[", "[[]"))


def fits_action(action: str, pattern: str) -> bool:
    """The same, where capitals don't count. `action` may itself be a pattern, one that a documentation asks for."""
    return fits(action.lower(), pattern.lower())


def _is_known(key: str, context: Mapping[str, str]) -> bool:
    """Whether what the request has of it is known: all tags are, when one is."""
    family = key.partition("/")[0]
    return key in context or ("/" in key and any(known.startswith(f"{family}/") for known in context))


_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda given, wanted: given == wanted,
    "StringEqualsIgnoreCase": lambda given, wanted: given.lower() == wanted.lower(),
    "StringLike": fits,
    "ArnEquals": fits,
    "ArnLike": fits,
    "Bool": lambda given, wanted: given.lower() == wanted.lower(),
}


def _met(operator: str, given: str | None, wanted: Sequence[str]) -> bool:
    plain = operator.removeprefix("ForAnyValue:").removeprefix("ForAllValues:")
    if given is None:
        return plain.endswith("IfExists") or plain == "Null" or "Not" in plain
    plain = plain.removesuffix("IfExists")
    negated = plain.replace("Not", "", 1)
    if negated in _OPERATORS and negated != plain:
        return not any(_OPERATORS[negated](given, one) for one in wanted)
    # What no rule here knows is taken as met: to warn of what works would be worse than to be silent.
    return plain not in _OPERATORS or any(_OPERATORS[plain](given, one) for one in wanted)
