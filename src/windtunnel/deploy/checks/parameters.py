"""Rule `parameters`: what `[deploy]` sets of the templates' parameters."""

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from windtunnel.deploy.checks.lines import toml_line
from windtunnel.deploy.checks.subject import Subject
from windtunnel.deploy.errors import DeployError
from windtunnel.deploy.findings import Finding
from windtunnel.deploy.infra import ENVIRONMENT, FOUNDATION, parameters_of
from windtunnel.deploy.template import load, text
from windtunnel.stack.project import FILE_NAME, Project, read_project

RULES = ("parameters",)


def findings(subject: Subject) -> Iterator[Finding]:
    """Parameters that no template has, and values that CloudFormation refuses."""
    project = subject.project
    templates = {
        path.as_posix(): _parameters(project, path.as_posix())
        for path in (FOUNDATION, ENVIRONMENT)
        if (project.folder / path).is_file()
    }
    if not templates or any(one is None for one in templates.values()):
        return  # the rule `options` says why it cannot be read
    known = {name for declared in templates.values() for name in declared or {}}
    for name, value in parameters_of(project).items():
        section, key = (
            ("deploy.parameters", name) if name in project.deploy.parameters else ("deploy", "name")
        )
        file, line = _place(project, section, key)
        if name not in known:
            if section == "deploy":
                continue  # the name is for more than the parameter
            near = difflib.get_close_matches(name, known, n=1)
            mend = f"Did you mean {near[0]}?" if near else f"They are: {', '.join(sorted(known))}."
            yield Finding(file, line, "parameters", f"No template in infra/ has a parameter {name}.", mend)
        for template, declared in templates.items():
            if wrong := refused((declared or {}).get(name, {}), value):
                yield Finding(
                    file,
                    line,
                    "parameters",
                    f"CloudFormation refuses {_shown(name, value, declared or {})} for {template}: {wrong}.",
                    str((declared or {})[name].get("ConstraintDescription", "Give another value.")),
                )
                break


def _shown(name: str, value: str, declared: Mapping[str, Any]) -> str:
    """The parameter with its value, unless the template says that this is not to be seen."""
    secret = text(declared[name].get("NoEcho", False)) == "true"
    return name if secret else f"{name} = {value!r}"


def _place(project: Project, section: str, key: str) -> tuple[str, int]:
    """The line of windtunnel.toml; no file for what only the command line says."""
    written = read_project(project.folder, project.settings).deploy
    here = (
        key in written.parameters if section == "deploy.parameters" else written.name == project.deploy.name
    )
    return (FILE_NAME, toml_line(project.file, section, key)) if here else ("", 0)


def refused(declared: Mapping[str, Any], value: str) -> str:
    """What a value breaks of a parameter's declaration, "" when nothing."""
    allowed = [text(one) for one in declared.get("AllowedValues", [])]
    if allowed and value not in allowed:
        return f"it is one of {', '.join(allowed)}"
    if "AllowedPattern" in declared and not re.fullmatch(str(declared["AllowedPattern"]), value, re.ASCII):
        return f"it has to match {declared['AllowedPattern']}"
    if not int(declared.get("MinLength", 0)) <= len(value) <= int(declared.get("MaxLength", len(value))):
        return f"it has {len(value)} characters"
    if declared.get("Type") == "Number":
        return _refused_number(declared, value)
    return ""


def _refused_number(declared: Mapping[str, Any], value: str) -> str:
    try:
        number = float(value)
    except ValueError:
        return "it has to be a number"
    if "MinValue" in declared and number < float(declared["MinValue"]):
        return f"it has to be at least {declared['MinValue']}"
    if "MaxValue" in declared and number > float(declared["MaxValue"]):
        return f"it has to be at most {declared['MaxValue']}"
    return ""


def _parameters(project: Project, path: str) -> Mapping[str, Any] | None:
    try:
        found: Mapping[str, Any] = load(project.folder / path).get("Parameters", {})
    except DeployError:
        return None
    return found
