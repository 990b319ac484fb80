"""Rule `emr`: each request of the DAGs' for a cluster or for steps, as Amazon EMR would get it."""

import ast
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from functools import partial
from typing import Any

from windtunnel.aws.errors import ServiceError
from windtunnel.aws.service import load_model
from windtunnel.aws.validation import validate
from windtunnel.deploy.checks import emr_members
from windtunnel.deploy.checks.emr_members import Said, is_ours
from windtunnel.deploy.checks.lines import constant_line
from windtunnel.deploy.checks.step_files import missing_files
from windtunnel.deploy.checks.subject import Subject
from windtunnel.deploy.checks.templated import A_TYPE, are_nodes_known, filled_in, is_template
from windtunnel.deploy.dags import EmrTask
from windtunnel.deploy.findings import Finding, place_in
from windtunnel.emr import clusters, job_flow, steps
from windtunnel.emr.catalogue.releases import runnable_labels
from windtunnel.stack.airflow.requirements import MWAA_HOME

RULES = ("emr",)
_ACCOUNT = "123456789012"
_MEND = "Mend the request: AWS's API reference of RunJobFlow tells its members."


def findings(subject: Subject) -> Iterator[Finding]:
    """What Amazon EMR would refuse, or not find, of what the DAGs ask for."""
    if subject.infra_problem:
        return  # the requests would be those of a laptop
    dags = subject.dags() if (subject.folder / "dags").is_dir() else None
    if dags is None:
        return
    told = set()
    for task in (*dags.requests, *dags.steps):
        check = _of_job_flow if task in dags.requests else _of_steps
        for said in check(task, subject):
            line = (
                constant_line(task.place.file, said.value, task.place.line) if said.value else task.place.line
            )
            # DAGs that a function makes share their lines, and what is wrong with them.
            if (place := (task.place.file, line, said)) in told:
                continue
            told.add(place)
            yield Finding(
                place_in(subject.folder, task.place.file),
                line,
                "emr",
                f"{task.dag_id}.{task.task_id}: {said.why}",
                said.mend,
                said.level,
            )


def _of_job_flow(task: EmrTask, subject: Subject) -> Iterator[Said]:
    given = _literal(task.request)
    if not isinstance(given, Mapping):
        yield from _no_literal(given)
        return
    shape = load_model("emr").operation_model("RunJobFlow").input_shape
    assert shape is not None  # noqa: S101 - of this operation it is known
    request = dict(given)
    if task.connection:  # its members lie under these; what is missing here may be there
        request = {"Name": "{{ }}", "ReleaseLabel": "{{ }}", "Instances": "{{ }}"} | request
    else:
        yield from emr_members.lacking(request)
    try:
        validate(filled_in(request, shape), shape)
    except ServiceError as error:
        yield Said(f"EMR refuses the request: {error.message}", _MEND)
        return
    yield from emr_members.known(request)
    yield from _refused(request, filled_in(request, shape), subject)
    yield from _of_code(request, subject)


def _refused(request: Mapping[str, Any], filled: Mapping[str, Any], subject: Subject) -> Iterator[Said]:
    """By the checks of the EMR that runs here, each member for itself."""
    label = str(filled.get("ReleaseLabel") or "")
    checkable, notes = emr_members.executed_here(deepcopy(dict(filled)))
    yield from notes
    yield from emr_members.of_types(filled, label if not is_template(request.get("ReleaseLabel")) else "")
    emr_members.replace_types(checkable, A_TYPE)
    asked = checkable.get("Steps") or []
    nodes, concurrency = checkable["Instances"], checkable.get("StepConcurrencyLevel", 1)
    tries: list[Callable[[], object]] = [
        lambda: job_flow.new_cluster(checkable, subject.region, _ACCOUNT),
        *([] if not are_nodes_known(request) else [lambda: clusters.new_groups(_cluster(subject), nodes)]),
        *(partial(_try_step, subject, step, concurrency) for step in asked),
    ]
    yield from _tried(tries)


def _cluster(subject: Subject, concurrency: int = 1) -> Any:
    """A cluster with which nothing is wrong, so that what it is to have can be judged alone."""
    level = concurrency if concurrency in job_flow.CONCURRENCY else 1
    label = runnable_labels()[0]
    request = {"Name": "any", "ReleaseLabel": label, "Instances": {}, "StepConcurrencyLevel": level}
    return job_flow.new_cluster(request, subject.region, _ACCOUNT)


def _try_step(subject: Subject, step: Mapping[str, Any], concurrency: int = 1) -> object:
    return steps.new_step(_cluster(subject, concurrency), step)


def _tried(tries: list[Callable[[], object]]) -> Iterator[Said]:
    for one in tries:
        try:
            one()
        except ServiceError as error:
            if is_ours(error.message):
                yield Said(
                    f"It cannot be run here, though EMR may take it: {error.message}",
                    _TRY_THERE,
                    level="note",
                )
            else:
                yield Said(f"EMR refuses it: {error.message}", _MEND)


_TRY_THERE = "Try it on AWS first; nothing of it was tried here."


def _of_steps(task: EmrTask, subject: Subject) -> Iterator[Said]:
    given = _literal(task.request)
    if not isinstance(given, list | tuple):
        yield from _no_literal(given)
        return
    shape = load_model("emr").operation_model("AddJobFlowSteps").input_shape
    assert shape is not None  # noqa: S101 - of this operation it is known
    filled = filled_in({"JobFlowId": "j-1", "Steps": list(given)}, shape)
    try:
        validate(filled, shape)
    except ServiceError as error:
        yield Said(f"EMR refuses the steps: {error.message}", _MEND)
        return
    kept = [emr_members.without_refused(step, "Step.") for step in filled["Steps"]]
    yield from _tried([partial(_try_step, subject, step) for step in kept])
    yield from _of_code({"Steps": list(given)}, subject)


def _of_code(request: Mapping[str, Any], subject: Subject) -> Iterator[Said]:
    for address, place in missing_files(request, subject.folder, subject.bucket, subject.options.values()):
        yield Said(
            f"{address} is uploaded from {place}, which the project does not have.",
            f"Put the file at {place}, or mend the name.",
            value=address,
        )


def _literal(given: Any) -> Any:
    """A request as the operator reads it: a text is a Python literal."""
    if not isinstance(given, str) or is_template(given):
        return given
    try:
        return ast.literal_eval(given)
    except (ValueError, SyntaxError):
        return given


def _no_literal(given: Any) -> Iterator[Said]:
    if not is_template(given) and given not in (None, "", [], {}):
        why = f"the operator takes a request, or a .json file that is in {MWAA_HOME}/dags: not {str(given)[:80]!r}."
        yield Said(why, "Give a dict (of steps, a list); in a .json file write what Python reads too.")
