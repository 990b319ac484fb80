"""Rule `options`: the environment's configuration options, and what else MWAA's API says of an environment."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from botocore.model import StructureShape

from windtunnel.aws.errors import ServiceError
from windtunnel.aws.service import load_model
from windtunnel.aws.validation import validate
from windtunnel.deploy.checks.lines import text_line, toml_line
from windtunnel.deploy.checks.subject import Subject
from windtunnel.deploy.findings import Finding, Level
from windtunnel.deploy.infra import ENVIRONMENT, MWAA_ENVIRONMENT, Infra
from windtunnel.deploy.template import line_of
from windtunnel.stack.airflow.configuration import is_essential, is_protected
from windtunnel.stack.environment import option_variables
from windtunnel.stack.project import FILE_NAME, Project

RULES = ("options",)
TABLE = "mwaa.configuration_options"
OPTIONS = "AirflowConfigurationOptions"
_LEFT_OUT = (OPTIONS, "Tags")
"""Properties that are not held against the model: the options are by themselves, patterns of tags are Java's alone."""
_TEMPLATE = ENVIRONMENT.as_posix()


def findings(subject: Subject) -> Iterator[Finding]:
    """Options and properties that MWAA refuses or overrides, and where windtunnel.toml and the template differ."""
    project = subject.project
    if subject.infra_problem:
        yield subject.infra_problem
    yield from _of_version(project, subject.infra)
    if subject.infra is None:
        here = {name: one for name, one in project.mwaa.configuration_options.items() if one}
        yield from (_at_toml(project, name, *said) for name, said in _refused(here))
        yield from (_at_toml(project, name, *said, "warning") for name, said in _without_effect(here))
        return
    there = subject.infra.options
    yield from (_at_template(subject.infra, name, *said) for name, said in _refused(there))
    yield from (_at_template(subject.infra, name, *said, "warning") for name, said in _without_effect(there))
    yield from _differences(project, subject.infra)
    yield from _of_properties(subject.infra)


Said = tuple[str, str]
"""Why, and the mend."""


def _refused(options: Mapping[str, str]) -> Iterator[tuple[str, Said]]:
    shape = _environment_shape().members[OPTIONS]
    for name, value in options.items():
        if not value:
            mend = "Leave the option out, by a condition and AWS::NoValue, or give it a value."
            yield name, (f"{name} is empty, and MWAA takes no empty option.", mend)
        else:
            try:
                validate({name: value}, shape)
            except ServiceError as error:
                why = f"MWAA refuses the option {name}: {_constraints(error.message)}."
                yield name, (why, "Rename it, or shorten its value; both take plain ASCII only.")


def _without_effect(options: Mapping[str, str]) -> Iterator[tuple[str, Said]]:
    for name in options:
        (variable,) = option_variables({name: ""})
        if is_protected(variable) or is_essential(variable):
            yield name, (f"{name} is MWAA's own: it sets it last, so the option has no effect.", "Remove it.")


def _differences(project: Project, infra: Infra) -> Iterator[Finding]:
    here, there = project.mwaa.configuration_options, infra.options
    for name, value in here.items():
        if value and name not in there:
            why = f"The environment on AWS does not get {name}, which the DAGs have here."
            mend = f"Add it to {OPTIONS} in {_TEMPLATE}, or remove it here."
            yield _at_toml(project, name, why, mend, "warning")
    for name in there.keys() - here.keys():
        why = f"Only the environment on AWS gets {name}: here the DAGs are never read with it."
        yield _at_template(infra, name, why, f"Add it to [{TABLE}] in {FILE_NAME}.", "warning")


def _of_version(project: Project, infra: Infra | None) -> Iterator[Finding]:
    number = project.mwaa.airflow_version
    line = toml_line(project.file, "mwaa", "airflow_version")
    there = str(infra.mwaa.get("AirflowVersion", "")) if infra else ""
    if infra and there != number:
        yield Finding(
            FILE_NAME,
            line,
            "options",
            f"Airflow {number} runs here and {there or 'the newest'} on AWS, which has other packages.",
            f"Have airflow_version of [mwaa] and AirflowVersion in {_TEMPLATE} (or [deploy.parameters]) be the same.",
        )
    for version, place in ((number, (FILE_NAME, line)), (there, (_TEMPLATE, 0))):
        if (
            version
            and versions()
            and version not in versions()
            and (place[0] == FILE_NAME or there != number)
        ):
            why = f"MWAA makes no environment of Airflow {version}."
            yield Finding(*place, "options", why, f"Take one of {', '.join(versions())}.")


def _of_properties(infra: Infra) -> Iterator[Finding]:
    """By MWAA's model, each property that its API has too."""
    shape = _environment_shape()
    for name, value in infra.mwaa.items():
        member = shape.members.get(name)
        if member is None or name in _LEFT_OUT:
            continue
        # CloudFormation takes a number for a text, and the other way round.
        given: Any = int(value) if member.type_name == "integer" and str(value).isdecimal() else value
        try:
            validate(given, member)
        except ServiceError as error:
            why = f"MWAA refuses this {name}: {_constraints(error.message)}."
            line = _line(infra, name)
            yield Finding(
                _TEMPLATE, line, "options", why, "Mend the property or the parameter that it comes from."
            )


def _constraints(message: str) -> str:
    """What AWS's message demands, without the value, which may be a secret."""
    demands = re.findall(r"failed to satisfy constraint: ([^;]+)", message)
    return "; ".join(dict.fromkeys(demands)) or message


@cache
def _environment_shape() -> StructureShape:
    shape = load_model("mwaa").operation_model("CreateEnvironment").input_shape
    assert shape is not None  # noqa: S101 - of this operation it is known
    return shape


@cache
def versions() -> tuple[str, ...]:
    """The versions of Airflow that MWAA makes environments of, as far as botocore knows; () when it does not say."""
    text = _environment_shape().members["AirflowVersion"].documentation
    listed = text.partition("Valid values")[2]
    return tuple(re.findall(r"<code>(\d+\.\d+\.\d+)</code>", listed))


def _line(infra: Infra, *keys: str) -> int:
    resources = infra.environment.template["Resources"]
    (name,) = (name for name, one in resources.items() if one["Type"] == MWAA_ENVIRONMENT)
    return line_of(infra.project.folder / ENVIRONMENT, "Resources", name, "Properties", *keys)


def _at_template(infra: Infra, name: str, why: str, mend: str, level: Level = "error") -> Finding:
    return Finding(_TEMPLATE, _line(infra, OPTIONS, name), "options", why, mend, level)


def _at_toml(project: Project, name: str, why: str, mend: str, level: Level = "error") -> Finding:
    line = toml_line(project.file, TABLE, name) or text_line(project.file, name)
    return Finding(FILE_NAME, line, "options", why, mend, level)
