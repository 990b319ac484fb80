"""A deployment: planned first, then carried out, from the first stack over the files to the second stack."""

import difflib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from windtunnel.deploy.bucket import Bucket, Sync
from windtunnel.deploy.changes import Change
from windtunnel.deploy.errors import DeployError
from windtunnel.deploy.files import VERSIONED, File, project_files
from windtunnel.deploy.infra import (
    ENVIRONMENT,
    FOUNDATION,
    infra_of,
    named_bucket,
    parameters_of,
    stack_names,
)
from windtunnel.deploy.localstack import adapted, not_made
from windtunnel.deploy.plan import Plan, StackPlan
from windtunnel.deploy.stacks import ROLLED_BACK, Stack, Stacks
from windtunnel.deploy.target import Target
from windtunnel.deploy.template import Resolved, defaults, text
from windtunnel.install.progress import Progress
from windtunnel.stack.project import Project

_TO_COME = "version-to-come"
"""Stands in a preview for the version of a file that is not uploaded yet."""


@dataclass(frozen=True)
class Outcome:
    """What stands in the end."""

    outputs: Mapping[str, str]
    """The second stack's."""
    bucket: str
    not_made: Counter[str] = field(default_factory=Counter)
    """Types of what LocalStack only pretends to have."""


def named(project: Project, name: str | None, parameters: Mapping[str, str]) -> Project:
    """The project with a name and parameters of the command line over those of its windtunnel.toml.

    Raises DeployError when there is no name, or one that no stack can have.
    """
    deploy = project.deploy
    found = name or deploy.name
    if not found:
        raise DeployError(
            f"Which name? Say it with --name, or with name = … under [deploy] in {project.file}."
        )
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,63}", found):
        raise DeployError(
            f"{found!r} is no name for a stack: take letters, digits and hyphens, a letter first."
        )
    merged = deploy.parameters | dict(parameters)
    if "Name" in merged:
        raise DeployError("The parameter Name is what --name and [deploy] name say; it is not set by itself.")
    return project.model_copy(
        update={"deploy": deploy.model_copy(update={"name": found, "parameters": merged})}
    )


class Deployment:
    """A `named` project on its way to a target. Everything raises DeployError, or what botocore raises."""

    def __init__(self, project: Project, target: Target, progress: Progress) -> None:
        self._project = project
        self._target = target
        self._progress = progress
        self._stacks = Stacks(target, progress)
        self._infra = infra_of(project, target.region, target.account)
        self._first, self._second = stack_names(project)
        self._hold_parameters()

    @contextmanager
    def planned(self, scratch: Path, *, data: bool) -> Iterator[Plan]:
        """The plan, with what AWS was asked to preview until the context is left. Nothing else is changed."""
        files = tuple(project_files(self._project, scratch=scratch, data=data))
        foundation = environment = None
        try:
            first = self._stacks.changeable(self._first) if self._infra.foundation else None
            if self._infra.foundation:
                foundation = self._plan_first(self._infra.foundation, first)
            outputs = first.outputs if first and not first.is_nothing else {}
            name = self._bucket_name(outputs)
            sync = self._compare(name, files) if name else Sync(new=files)
            environment = self._plan_second(outputs, sync)
            yield Plan(
                self._target, str(self._project.deploy.name), foundation, environment, name, files, sync
            )
        finally:
            for plan in (foundation, environment):
                if plan and plan.change_set:
                    self._stacks.change_sets.discard(plan.change_set)

    def carry_out(self, plan: Plan) -> Outcome:
        """Do what the plan says."""
        outputs = self._do_first(plan.foundation)
        name = self._bucket_name(outputs)
        # The plan knew nothing of a bucket that was only to be made.
        sync = plan.sync if name == plan.bucket else self._compare(name, plan.files)
        versions = Bucket(self._target, name, self._progress).bring(plan.files, sync)
        second = self._do_second(plan.environment, outputs, versions)
        return Outcome(second.outputs, name, self._pretended(second))

    def outcome(self, plan: Plan) -> Outcome:
        """What stands when there is nothing to do."""
        second = self._stacks.find(self._second)
        return (
            Outcome(second.outputs, plan.bucket, self._pretended(second))
            if second
            else Outcome({}, plan.bucket)
        )

    def _plan_first(self, resolved: Resolved, stack: Stack | None) -> StackPlan:
        if stack is None or stack.is_nothing:
            if stack is None or stack.status != ROLLED_BACK:
                self._hold_bucket_free(resolved)
            return _to_make(self._first, resolved, stack)
        body = self._body(FOUNDATION, resolved)
        return self._preview(self._first, body, _texts(resolved.parameters))

    def _plan_second(self, outputs: Mapping[str, str], sync: Sync) -> StackPlan:
        stack = self._stacks.changeable(self._second)
        resolved = self._infra.environment
        if stack is None or stack.is_nothing:
            return _to_make(self._second, resolved, stack)
        new = {VERSIONED[one.key]: _TO_COME for one in (*sync.new, *sync.changed) if one.key in VERSIONED}
        kept = {VERSIONED[key]: version for key, version in sync.versions.items()}
        versions = dict.fromkeys(VERSIONED.values(), "") | kept | new
        # What the first stack does not tell yet stands for itself: as it was, or else made up.
        from_first = self._infra.foundation.outputs if self._infra.foundation else {}
        before = {name: one for name, one in stack.parameters.items() if name in from_first}
        told = {*outputs, *before, *parameters_of(self._project)}
        if to_come := sorted(
            name for name in from_first.keys() - told if _has_to_be_there(resolved.template, name)
        ):
            return StackPlan(self._second, "change", to_come=to_come)
        known = _texts(resolved.parameters) | before | dict(outputs)
        return self._preview(
            self._second, self._body(ENVIRONMENT, resolved), self._parameters(known, versions)
        )

    def _preview(self, name: str, body: str, parameters: Mapping[str, str]) -> StackPlan:
        with self._progress.task(f"Asking what would change in {name}"):
            change_set = self._stacks.change_sets.create(name, body, parameters, self._tags())
        if change_set.is_empty:
            return StackPlan(name, "leave")
        return StackPlan(name, "change", change_set=change_set)

    def _do_first(self, plan: StackPlan | None) -> Mapping[str, str]:
        """The first stack's outputs, once it is as it should be."""
        if plan is None or self._infra.foundation is None:
            return {}
        if plan.act == "change" and plan.change_set:
            return self._outputs(self._stacks.execute(plan.change_set))
        if plan.act == "leave":
            found = self._stacks.find(plan.name)
            return found.outputs if found else {}
        self._clear(plan)
        resolved = self._infra.foundation
        body = self._body(FOUNDATION, resolved)
        return self._outputs(self._stacks.make(plan.name, body, _texts(resolved.parameters), self._tags()))

    def _outputs(self, first: Stack) -> Mapping[str, str]:
        if self._target.local and self._infra.foundation:
            told = self._infra.foundation.template.get("Outputs", {})
            first = self._stacks.with_outputs(first, {name for name in told if "Condition" not in told[name]})
        return first.outputs

    def _do_second(self, plan: StackPlan, outputs: Mapping[str, str], versions: Mapping[str, str]) -> Stack:
        resolved = self._infra.environment
        body = self._body(ENVIRONMENT, resolved)
        of_files = {parameter: versions.get(key, "") for key, parameter in VERSIONED.items()}
        parameters = self._parameters(self._handed_on(outputs), of_files)
        if plan.act in ("make", "make anew"):
            self._clear(plan)
            return self._stacks.make(plan.name, body, parameters, self._tags())
        change_set = self._stacks.change_sets.create(plan.name, body, parameters, self._tags())
        if change_set.is_empty:
            stack = self._stacks.find(plan.name)
            if stack is None:
                raise DeployError(f"{plan.name} has been deleted meanwhile. Run this again for a new plan.")
            return stack
        try:
            _hold_to(plan, change_set.changes)
            return self._stacks.execute(change_set)
        except BaseException:
            self._stacks.change_sets.discard(change_set)
            raise

    def _clear(self, plan: StackPlan) -> None:
        stack = self._stacks.find(plan.name)
        if plan.act == "make anew" and stack and stack.status == ROLLED_BACK:
            self._stacks.delete(stack)

    def _handed_on(self, outputs: Mapping[str, str]) -> dict[str, str]:
        """The second stack's parameters by the first one's outputs, as they are now."""
        template = self._infra.environment.template
        known = _texts(defaults(template)) | dict(outputs) | parameters_of(self._project)
        if missing := sorted(template.get("Parameters", {}).keys() - known.keys()):
            raise DeployError(f"{self._first} has no output {', '.join(missing)}, which {ENVIRONMENT} takes.")
        return known

    def _parameters(self, known: Mapping[str, str], versions: Mapping[str, str]) -> dict[str, str]:
        """Those that the second template has; what windtunnel.toml and the command line say comes first."""
        wanted = self._infra.environment.template.get("Parameters", {})
        merged = {**known, **versions, **parameters_of(self._project)}
        return {name: merged[name] for name in wanted}

    def _body(self, template: Path, resolved: Resolved) -> str:
        if self._target.local:
            return json.dumps(adapted(resolved))
        return (self._project.folder / template).read_text()

    def _tags(self) -> dict[str, str]:
        return {"pipeline": str(self._project.deploy.name)}

    def _bucket_name(self, outputs: Mapping[str, str]) -> str:
        """The name of the bucket that the environment reads; "" as long as the first stack has not made it."""
        foundation = self._infra.foundation
        if foundation is None:
            return str(self._infra.environment.parameters["Bucket"])
        own = {} if "Bucket" in foundation.parameters else parameters_of(self._project)
        return own.get("Bucket") or outputs.get("Bucket", "")

    def _compare(self, name: str, files: tuple[File, ...]) -> Sync:
        bucket = Bucket(self._target, name, self._progress)
        if not name or not bucket.exists():
            raise DeployError(
                f"There is no bucket {name}. If a `windtunnel destroy` was interrupted, let it come to its end "
                f"and deploy then; else set Bucket in [deploy.parameters] of {self._project.file} right."
            )
        return bucket.compare(files)

    def _hold_bucket_free(self, resolved: Resolved) -> None:
        name = named_bucket(resolved)
        bucket = Bucket(self._target, name, self._progress)
        if name and bucket.exists():
            if bucket.is_of_another(self._first):
                raise DeployError(
                    f"The bucket {name} is another stack's, and no second one can be made under its name. Have the "
                    f"bucket's name in {FOUNDATION} contain ${{Name}}; or take another --name."
                )
            raise DeployError(
                f"The bucket {name} is there from an earlier deployment, and no stack can be made over it. "
                f"`windtunnel destroy` empties and deletes it; or take another --name."
            )

    def _hold_parameters(self) -> None:
        """Each parameter that is given has to be one of a template."""
        templates = [one.template for one in (self._infra.foundation, self._infra.environment) if one]
        known = {name for one in templates for name in one.get("Parameters", {})}
        for name in self._project.deploy.parameters:
            if name not in known:
                near = difflib.get_close_matches(name, sorted(known), n=1)
                hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}."
                raise DeployError(f"No template in infra/ has a parameter {name}: {hint}")

    def _pretended(self, second: Stack) -> Counter[str]:
        if not self._target.local:
            return Counter()
        names = [second.id]
        if first := self._infra.foundation and self._stacks.find(self._first):
            names.append(first.id)
        return sum((not_made(self._stacks.events(name)) for name in names), Counter())


def _to_make(name: str, resolved: Resolved, stack: Stack | None) -> StackPlan:
    again = stack is not None and stack.status == ROLLED_BACK
    kinds = [str(one["Type"]) for one in resolved.resources.values()]
    return StackPlan(name, "make anew" if again else "make", kinds)


def _hold_to(plan: StackPlan, changes: tuple[Change, ...]) -> None:
    """What goes has to be in the plan."""
    agreed = {(one.resource, one.action, one.replacement) for one in plan.changes}
    worse = [
        one for one in changes if one.destroys and (one.resource, one.action, one.replacement) not in agreed
    ]
    if worse:
        raise DeployError(
            f"{plan.name} was left as it is, since this was not in the plan: {'; '.join(map(str, worse))}. "
            f"The first stack and the files are up to date. Run this again for a plan that shows it."
        )


def _has_to_be_there(template: Mapping[str, Any], parameter: str) -> bool:
    """Whether AWS takes only what the account has for it, so that nothing can be made up for a preview."""
    return "AWS::" in template.get("Parameters", {}).get(parameter, {}).get("Type", "")


def _texts(parameters: Mapping[str, object]) -> dict[str, str]:
    return {name: text(value) for name, value in parameters.items()}
