"""CloudFormation templates: read with every function in its long form, resolved as CloudFormation would, by line."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from windtunnel.deploy.errors import TemplateError

_NO_VALUE = object()
_SHORT = {"Ref": "Ref", "Condition": "Condition"}
"""The short forms whose long form does not begin with `Fn::`."""
_FUNCTIONS = {
    *_SHORT,
    *(
        "And",
        "Base64",
        "Cidr",
        "Contains",
        "EachMemberEquals",
        "EachMemberIn",
        "Equals",
        "FindInMap",
        "GetAZs",
    ),
    *(
        "GetAtt",
        "GetStackOutput",
        "If",
        "ImportValue",
        "Join",
        "Length",
        "Not",
        "Or",
        "RefAll",
        "Select",
        "Split",
    ),
    *("Sub", "ToJsonString", "Transform", "ValueOf", "ValueOfAll"),
}


class _Loader(yaml.SafeLoader):
    """Knows `!Ref x` and its like; a date stays the text that CloudFormation takes it for."""


def _function(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any = None
    if suffix not in _FUNCTIONS:
        raise yaml.MarkedYAMLError(problem=f"there is no function !{suffix}", problem_mark=node.start_mark)
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    return {_SHORT.get(suffix, f"Fn::{suffix}"): value}


def _text(_: _Loader, node: yaml.ScalarNode) -> str:
    return str(node.value)


_Loader.add_multi_constructor("!", _function)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _text)


def load(path: Path) -> dict[str, Any]:
    """The template, `!Ref x` as `{"Ref": "x"}` and so on. Raises TemplateError when it is none."""
    try:
        found = yaml.load(path.read_text(), _Loader)  # noqa: S506 (a safe loader, and no object is made)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        words, line = str(error), 0
        if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
            line = error.problem_mark.line + 1
            words = f"line {line}: {error.problem}"
        raise TemplateError(
            f"{path} cannot be read as a CloudFormation template: {words}.", path, line
        ) from error
    if not isinstance(found, dict) or not isinstance(found.get("Resources"), dict):
        raise TemplateError(f"{path} is no CloudFormation template: it has no Resources.", path)
    return found


def line_of(path: Path, *keys: str | int) -> int:
    """The line, from 1, at which what these keys lead to is written; of the last that is there, when one is not."""
    node = yaml.compose(path.read_text(), _Loader)
    line = 1
    for key in keys:
        if isinstance(node, yaml.MappingNode):
            named = next((pair for pair in node.value if pair[0].value == key), None)
            if named is None:
                break
            line, node = named[0].start_mark.line + 1, named[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            node = node.value[key]
            line = node.start_mark.line + 1
        else:
            break
    return line


def text(value: object) -> str:
    """A scalar of a template as CloudFormation takes it for a text: true is `true`."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def defaults(template: Mapping[str, Any]) -> dict[str, Any]:
    """Its parameters' default values."""
    return {name: one["Default"] for name, one in template.get("Parameters", {}).items() if "Default" in one}


@dataclass
class Resolved:
    """A template as CloudFormation makes it with these parameters, of which each without a default must be given.

    A resource's own reference is its logical id, an attribute of it is a made-up value that names both, unless
    `attributes` says another.
    """

    template: dict[str, Any]
    parameters: dict[str, Any]
    account: str
    region: str
    attributes: dict[str, str] = field(default_factory=dict)
    """References (`Bucket`) and attributes (`Bucket.Arn`) whose values matter to who reads the result."""
    stack: str = "stack"
    """The name of the stack that it is to be."""
    file: Path | None = None
    """Where the template is from, for what is told of it."""

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
        return {name: self.value(one["Value"]) for name, one in self.template.get("Outputs", {}).items()}

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of the resources of a type, by their logical ids."""
        return {
            name: one.get("Properties", {}) for name, one in self.resources.items() if one["Type"] == kind
        }

    def condition(self, name: str) -> bool:
        return bool(self.value(self.template["Conditions"][name]))

    def value(self, node: Any) -> Any:
        """What a part of the template comes to."""
        if isinstance(node, list):
            return [one for one in map(self.value, node) if one is not _NO_VALUE]
        if not isinstance(node, dict):
            return node
        if _is_function(node):
            ((name, argument),) = node.items()
            return self._call(name, argument)
        values = {name: self.value(one) for name, one in node.items()}
        return {name: one for name, one in values.items() if one is not _NO_VALUE}

    def _call(self, name: str, argument: Any) -> Any:
        if name == "Ref":
            return self._reference(argument)
        if name == "Fn::If":
            condition, yes, no = argument
            return self.value(yes if self.condition(condition) else no)
        if name == "Fn::Sub":
            return self._substituted(argument)
        if name == "Fn::GetAtt":
            return self._reference(".".join(argument))
        if name == "Condition":
            return self.condition(argument)
        given = self.value(argument)
        simple: dict[str, Callable[[], Any]] = {
            "Fn::Equals": lambda: text(given[0]) == text(given[1]),
            "Fn::Not": lambda: not given[0],
            "Fn::And": lambda: all(given),
            "Fn::Or": lambda: any(given),
            "Fn::Join": lambda: given[0].join(given[1]),
            "Fn::Split": lambda: given[1].split(given[0]),
            "Fn::Select": lambda: given[1][int(given[0])],
            "Fn::FindInMap": lambda: self.template["Mappings"][given[0]][given[1]][given[2]],
            "Fn::GetAZs": lambda: [f"{self.region}{zone}" for zone in "abc"],
            "Fn::Cidr": lambda: networks(*given),
        }
        if name not in simple:
            raise TemplateError(
                f"{name} in {self.file or 'a template'} is nothing that windtunnel can work out before AWS does.",
                self.file,
            )
        return simple[name]()

    def _substituted(self, argument: Any) -> str:
        written, own = argument if isinstance(argument, list) else (argument, {})

        def put(found: re.Match[str]) -> str:
            name = found.group(1)
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            return text(self.value(own[name]) if name in own else self._reference(name))

        return re.sub(r"\$\{(!?[\w:.]+)\}", put, written)

    def _reference(self, name: str) -> Any:
        pseudo = {
            "AWS::NoValue": _NO_VALUE,
            "AWS::Region": self.region,
            "AWS::AccountId": self.account,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": self.stack,
        }
        if name in pseudo:
            return pseudo[name]
        if name in self.parameters:
            given = self.parameters[name]
            listed = self.template["Parameters"][name]["Type"].startswith(("List<", "CommaDelimitedList"))
            return str(given).split(",") if listed else given
        logical, _, attribute = name.partition(".")
        if logical not in self.template["Resources"]:
            raise TemplateError(
                f"{self.file or 'A template'} refers to {name}, which is neither a parameter with a value nor a "
                f"resource.",
                self.file,
            )
        return self.attributes.get(name, name if attribute else logical)


def _is_function(node: Mapping[str, Any]) -> bool:
    if len(node) != 1:
        return False
    ((name, argument),) = node.items()
    # "Condition" is also a key of a policy's statement, with a mapping.
    return name.startswith("Fn::") or (name in _SHORT and isinstance(argument, str))


def networks(block: str, count: str | int, bits: str | int) -> list[str]:
    """What Fn::Cidr makes: so many networks, each with so many bits for its hosts."""
    subnets = ipaddress.ip_network(block).subnets(new_prefix=32 - int(bits))
    return [str(next(subnets)) for _ in range(int(count))]
