"""The project's two templates, as they come out for an account: what a check can know before AWS makes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from windtunnel.deploy.errors import DeployError
from windtunnel.deploy.template import Resolved, load
from windtunnel.stack.project import Project

FOUNDATION = Path("infra") / "foundation.yaml"
"""The first stack's, in a project. A team with a network, a bucket and roles of its own has none."""
ENVIRONMENT = Path("infra") / "environment.yaml"
"""The second stack's."""
MWAA_ENVIRONMENT = "AWS::MWAA::Environment"
SOME_ACCOUNT = "123456789012"
"""Stands for the account in what is said before one is known."""


@dataclass(frozen=True)
class Infra:
    """Both stacks of a project, resolved; a resource's id is its logical id with what AWS's own begins with."""

    project: Project
    foundation: Resolved | None
    environment: Resolved

    @cached_property
    def mwaa(self) -> dict[str, Any]:
        """The properties of the MWAA environment. Raises DeployError unless the template has exactly one."""
        found = list(self.environment.of_type(MWAA_ENVIRONMENT).values())
        if len(found) != 1:
            raise DeployError(
                f"{ENVIRONMENT} has {len(found)} resources of {MWAA_ENVIRONMENT}: it has to have one."
            )
        return found[0]

    @property
    def options(self) -> dict[str, str]:
        """The environment's configuration options, `section.key` to value."""
        given: Mapping[str, Any] = self.mwaa.get("AirflowConfigurationOptions", {})
        return {name: str(value) for name, value in given.items()}


def infra_of(project: Project, region: str, account: str = SOME_ACCOUNT) -> Infra:
    """The project's templates with the parameters of `[deploy]`. Raises DeployError when they cannot be read."""
    given = parameters_of(project)
    first, second = stack_names(project)
    foundation = None
    handed_on: dict[str, Any] = {}
    if (path := project.folder / FOUNDATION).is_file():
        template = load(path)
        foundation = Resolved(template, _of(template, given), account, region, stack=first, file=path)
        foundation.attributes |= _ids(foundation)
        handed_on = foundation.outputs
    path = project.folder / ENVIRONMENT
    if not path.is_file():
        raise DeployError(
            f"There is no {path}. It describes the MWAA environment, without which nothing can be deployed; "
            f"docs/infra.md tells of both templates."
        )
    template = load(path)
    merged = _of(template, handed_on) | _of(template, given)
    made = Resolved(template, merged, account, region, stack=second, file=path)
    if missing := sorted(template.get("Parameters", {}).keys() - made.parameters.keys()):
        raise DeployError(
            f"{ENVIRONMENT} has parameters without a value: {', '.join(missing)}. Set them in [deploy.parameters] of "
            f"{project.file}, or have {FOUNDATION} put out a value of that name."
        )
    return Infra(project, foundation, made)


def stack_names(project: Project) -> tuple[str, str]:
    """Those of the first and the second stack; of a project without a name some."""
    name = project.deploy.name or "some"
    return f"{name}-foundation", f"{name}-environment"


def parameters_of(project: Project) -> dict[str, str]:
    """What the project sets: `[deploy.parameters]`, and its name as the parameter Name."""
    named = {"Name": project.deploy.name} if project.deploy.name else {}
    return named | project.deploy.parameters


def named_bucket(foundation: Resolved) -> str:
    """The name that the first stack gives to the bucket it puts out; "" where AWS finds one."""
    given = {one.get("BucketName") for one in foundation.of_type("AWS::S3::Bucket").values()}
    name = foundation.outputs.get("Bucket", "")
    return str(name) if name in given else ""


def _of(template: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name in template.get("Parameters", {})}


def _ids(stack: Resolved) -> dict[str, str]:
    """References and ARNs in the form that AWS's have, made up of the logical ids."""
    ids = {}
    for name, one in stack.resources.items():
        kind, properties = one["Type"], one.get("Properties", {})
        if kind == "AWS::IAM::Role":
            ids[name] = properties.get("RoleName", name)
            ids[f"{name}.Arn"] = f"arn:aws:iam::{stack.account}:role/{ids[name]}"
        elif kind == "AWS::S3::Bucket":
            ids[name] = properties.get("BucketName", name.lower())
            ids[f"{name}.Arn"] = f"arn:aws:s3:::{ids[name]}"
        elif kind == "AWS::IAM::InstanceProfile":
            ids[name] = properties.get("InstanceProfileName", name)
        elif kind in ("AWS::EC2::Subnet", "AWS::EC2::SecurityGroup"):
            prefix = "subnet" if kind.endswith("Subnet") else "sg"
            ids[name] = ids[f"{name}.GroupId"] = f"{prefix}-{name.lower()}"
    return ids
