"""What would fail on AWS, told before a deployment."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

from botocore.exceptions import UnknownRegionError
from botocore.loaders import Loader
from botocore.regions import EndpointResolver

from windtunnel.deploy.checks import (
    dags,
    emr,
    endpoint,
    options,
    parameters,
    permissions,
    requirements,
    startup,
)
from windtunnel.deploy.checks.endpoint import files_of
from windtunnel.deploy.checks.subject import Subject
from windtunnel.deploy.errors import DeployError
from windtunnel.deploy.excuses import Excuse, excused, excuses_in
from windtunnel.deploy.findings import Finding
from windtunnel.deploy.infra import ENVIRONMENT, FOUNDATION
from windtunnel.install.background import in_background
from windtunnel.install.progress import Progress
from windtunnel.stack.leftovers import end
from windtunnel.stack.settings import Settings

CHECKS: tuple[ModuleType, ...] = (
    dags,
    emr,
    endpoint,
    options,
    parameters,
    permissions,
    requirements,
    startup,
)
"""Each has `findings(subject)`, and in RULES the names that its findings bear."""


def check(settings: Settings, progress: Progress, *, region: str) -> list[Finding]:
    """The findings of all rules, sorted by file and line; those that a comment excuses are left out.

    Nothing of the project is changed. Raises DeployError when Airflow does not start or there is no such region,
    StackError.
    """
    _hold_region(region)
    with TemporaryDirectory(prefix="windtunnel-check-") as folder:
        subject = Subject(settings, progress, region, Path(folder).resolve())
        running = [in_background(partial(_found, module, subject)) for module in CHECKS]
        try:
            found = [finding for one in running for finding in one.result()]
        finally:
            # startup.sh and Airflow, where a rule that failed or a Ctrl-C has cut them short.
            end({"HOME": str(subject.home)})
    rules = [rule for module in CHECKS for rule in module.RULES]
    return sorted(set(excused(found, list(_excuses(settings)), rules)))


def _hold_region(region: str) -> None:
    # A session would read the shell's profile, which is nothing to a check.
    resolver = EndpointResolver(Loader().load_data("endpoints"))
    try:
        resolver.get_partition_for_region(region)
    except UnknownRegionError as error:
        raise DeployError(f"AWS has no region {region!r}: set --region or AWS_REGION right.") from error


def _found(module: ModuleType, subject: Subject) -> list[Finding]:
    return list(module.findings(subject))


def _excuses(settings: Settings) -> Iterator[Excuse]:
    project = settings.project
    others = (project.file, *(project.folder / one for one in (FOUNDATION, ENVIRONMENT)))
    for file in (*files_of(project.folder), *others):
        if file.is_file():
            yield from excuses_in(project.folder, file)
