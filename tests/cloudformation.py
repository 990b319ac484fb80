"""CloudFormation templates as a test reads them: with every function in its long form, and resolved."""

import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cfnlint.decode import cfn_yaml  # type: ignore[import-untyped]

from tests.project import ROOT

INFRA = ROOT / "infra"
FOUNDATION = INFRA / "foundation.yaml"
ENVIRONMENT = INFRA / "environment.yaml"
REGION = "eu-central-1"
ACCOUNT = "123456789012"
PSEUDO = {
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::StackName": "stack",
}
NO_VALUE = object()


def load(path: Path) -> dict[str, Any]:
    """The template, `!Ref x` as `{"Ref": "x"}` and so on."""
    plain: dict[str, Any] = json.loads(json.dumps(cfn_yaml.load(str(path))))
    return plain


def defaults(template: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one["Default"] for name, one in template.get("Parameters", {}).items() if "Default" in one}


@dataclass
class Resolved:
    """A template as CloudFormation makes it with these parameters, of which each without a default must be given.

    A resource's own reference is its logical id, an attribute of it is a made-up value that names both.
    """

    template: dict[str, Any]
    parameters: dict[str, Any]
    attributes: dict[str, str] = field(default_factory=dict)
    """`Bucket.Arn` and the like, where a test wants to read more than a name."""

    def __post_init__(self) -> None:
        self.parameters = defaults(self.template) | self.parameters

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        """Those that are made, by their logical ids."""
        made = {
            name: one
            for name, one in self.template["Resources"].items()
            if "Condition" not in one or self.condition(one["Condition"])
        }
        return {name: self.value(one) for name, one in made.items()}

    @property
    def outputs(self) -> dict[str, Any]:
        return {name: self.value(one["Value"]) for name, one in self.template["Outputs"].items()}

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        return {
            name: one.get("Properties", {}) for name, one in self.resources.items() if one["Type"] == kind
        }

    def condition(self, name: str) -> bool:
        return bool(self.value(self.template["Conditions"][name]))

    def value(self, node: Any) -> Any:
        if isinstance(node, list):
            return [one for one in map(self.value, node) if one is not NO_VALUE]
        if not isinstance(node, dict):
            return node
        if is_function(node):
            ((name, argument),) = node.items()
            return self.function(name, argument)
        values = {name: self.value(one) for name, one in node.items()}
        return {name: one for name, one in values.items() if one is not NO_VALUE}

    def function(self, name: str, argument: Any) -> Any:
        if name == "Ref":
            return self.reference(argument)
        if name == "Fn::If":
            condition, yes, no = argument
            return self.value(yes if self.condition(condition) else no)
        if name == "Fn::Sub":
            return re.sub(r"\$\{([\w:.]+)\}", lambda one: str(self.reference(one.group(1))), argument)
        if name == "Fn::GetAtt":
            parts = argument if isinstance(argument, list) else argument.split(".", 1)
            return self.reference(".".join(parts))
        given = self.value(argument)
        simple: dict[str, Callable[[], Any]] = {
            "Fn::Equals": lambda: str(given[0]) == str(given[1]),
            "Fn::Not": lambda: not given[0],
            "Fn::Join": lambda: given[0].join(given[1]),
            "Fn::Select": lambda: given[1][int(given[0])],
            "Fn::GetAZs": lambda: [f"{REGION}{zone}" for zone in "abc"],
            "Fn::Cidr": lambda: networks(*given),
        }
        return simple[name]()

    def reference(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self.parameters:
            given = self.parameters[name]
            listed = self.template["Parameters"][name]["Type"].startswith("List<")
            return given.split(",") if listed else given
        if name in PSEUDO:
            return PSEUDO[name]
        logical, _, attribute = name.partition(".")
        assert logical in self.template["Resources"], f"nothing is called {name}"
        return self.attributes.get(name, name) if attribute else logical


def is_function(node: Mapping[str, Any]) -> bool:
    return len(node) == 1 and next(iter(node)).startswith(("Ref", "Fn::"))


def networks(block: str, count: str | int, bits: str | int) -> list[str]:
    """What Fn::Cidr makes: so many networks, each with so many bits for its hosts."""
    subnets = ipaddress.ip_network(block).subnets(new_prefix=32 - int(bits))
    return [str(next(subnets)) for _ in range(int(count))]


def foundation(**parameters: Any) -> Resolved:
    attributes = {"Bucket.Arn": "arn:aws:s3:::bucket"}
    for role in ("ExecutionRole", "EmrRole", "EmrInstanceRole"):
        attributes[f"{role}.Arn"] = f"arn:aws:iam::{ACCOUNT}:role/{role}"
    return Resolved(load(FOUNDATION), parameters, attributes)


def environment(**parameters: Any) -> Resolved:
    """The second stack over the first, as its outputs are handed on."""
    template = load(ENVIRONMENT)
    outputs = {name: one for name, one in foundation().outputs.items() if name in template["Parameters"]}
    return Resolved(template, outputs | parameters)
