"""What the rules look at: a project as it would be on AWS. What takes time is made once, when a rule asks for it."""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

from windtunnel.deploy.checks import startup_runs
from windtunnel.deploy.dags import LoadedDags, load_dags
from windtunnel.deploy.errors import DeployError, TemplateError
from windtunnel.deploy.findings import Finding, place_in
from windtunnel.deploy.infra import ENVIRONMENT, Infra, infra_of
from windtunnel.install.errors import InstallError
from windtunnel.install.files import write_atomically
from windtunnel.install.progress import Progress
from windtunnel.stack.airflow.configuration import (
    OPINIONATED,
    container_environment,
    essential_environment,
    merge,
)
from windtunnel.stack.airflow.install import install
from windtunnel.stack.airflow.mwaa import CELERY
from windtunnel.stack.airflow.secrets import keep_secrets
from windtunnel.stack.airflow.versions import version_of
from windtunnel.stack.environment import is_inherited, option_variables
from windtunnel.stack.errors import StackError
from windtunnel.stack.project import Project
from windtunnel.stack.settings import Settings

T = TypeVar("T")
MWAAS_URL = "https://airflow.example"
"""Stands for the web server's address."""
_CREDENTIALS = "[default]\naws_access_key_id = test\naws_secret_access_key = test\n"


class Once(Generic[T]):
    """A value that is made when it is asked for first; rules in other threads wait for it. A failure is all theirs."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make, self._lock, self._made = make, Lock(), Future[T]()

    def __call__(self) -> T:
        with self._lock:
            if not self._made.done():
                try:
                    self._made.set_result(self._make())
                except BaseException as error:  # noqa: BLE001 - whoever asks gets it
                    self._made.set_exception(error)
        return self._made.result()


@dataclass(frozen=True)
class Airflow:
    """The pinned Airflow with the project's requirements; no `python` when it cannot be installed."""

    python: Path | None
    problem: str = ""


@dataclass(frozen=True)
class Subject:
    """A project, and the folder `home` for what the rules leave behind."""

    settings: Settings
    progress: Progress
    region: str
    home: Path
    airflow: Once[Airflow] = field(init=False)
    startup: Once[Mapping[str, startup_runs.Ran]] = field(init=False)
    """How startup.sh ends, by MWAA's component; empty when there is none."""
    dags: Once[LoadedDags | None] = field(init=False)
    """None when there is no Airflow to read them by."""
    infra: Infra | None = field(init=False)
    """None when there is no template of an environment, or none that can be read."""
    infra_problem: Finding | None = field(init=False)
    """Why a template cannot be read."""

    def __post_init__(self) -> None:
        infra, problem = _infra(self.project, self.region)
        made = {
            "infra": infra,
            "infra_problem": problem,
            "airflow": Once(self._airflow),
            "startup": Once(self._startup),
            "dags": Once(self._dags),
        }
        for name, value in made.items():
            object.__setattr__(self, name, value)

    @property
    def project(self) -> Project:
        return self.settings.project

    @property
    def folder(self) -> Path:
        return self.project.folder

    @property
    def options(self) -> Mapping[str, str]:
        """The environment's on AWS; those of windtunnel.toml where no template says them."""
        return self.infra.options if self.infra else self.project.mwaa.configuration_options

    @property
    def bucket(self) -> str:
        """The environment's bucket, "" when no template says it."""
        return str(self.infra.mwaa.get("SourceBucketArn", "")).rpartition(":")[2] if self.infra else ""

    def path_environment(self) -> dict[str, str]:
        """What a container of MWAA has besides Airflow's own variables: no account's keys, no endpoints."""
        # Keys by a file: that there are some is as on MWAA, that no variable has them too.
        credentials = self.home / "credentials"
        write_atomically(credentials, _CREDENTIALS)
        python = self.airflow().python
        path = ([str(python.parent)] if python else []) + [os.environ.get("PATH", os.defpath)]
        kept = ("LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
        return {name: os.environ[name] for name in kept if is_inherited(name) and name in os.environ} | {
            "PATH": os.pathsep.join(path),
            "HOME": str(self.home),
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": str(credentials),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",
        }

    def environment(self, component: str, startup: Mapping[str, str]) -> dict[str, str]:
        """What Airflow has on MWAA, in MWAA's order; `startup` is what startup.sh exported."""
        home = self.home / component
        container = container_environment(
            project=self.folder,
            home=home,
            url=MWAAS_URL,
            version=self.project.mwaa.airflow_version,
            revision="check",
            environment=self.path_environment(),
        )
        essential = essential_environment(
            url=MWAAS_URL,
            database_url=f"sqlite:///{home}/airflow.db",
            secrets=keep_secrets(home),
            component=component,
        )
        return merge(
            container=container,
            opinionated=OPINIONATED,
            startup=startup,
            options=option_variables(self.options),
            essential=essential | {"AIRFLOW__CORE__EXECUTOR": CELERY},
        )

    def _airflow(self) -> Airflow:
        project, cache = self.folder, self.settings.cache
        try:
            version = version_of(self.project.mwaa.airflow_version).number
            return Airflow(install(project=project, cache=cache, progress=self.progress, version=version))
        except (InstallError, StackError) as error:
            return Airflow(None, str(error))

    def _startup(self) -> Mapping[str, startup_runs.Ran]:
        environments = {name: self.environment(name, {}) for name in startup_runs.COMPONENTS}
        return startup_runs.run(self.folder, self.home / "startup", environments, self.progress)

    def _dags(self) -> LoadedDags | None:
        python = self.airflow().python
        if python is None:
            return None
        ran = self.startup().get(startup_runs.READS_DAGS)
        environment = self.environment(startup_runs.READS_DAGS, ran.exports if ran else {})
        with self.progress.task("Reading the DAGs as Amazon MWAA would"):
            return load_dags(python, self.folder, environment, self.home / "dags.json")


def _infra(project: Project, region: str) -> tuple[Infra | None, Finding | None]:
    if not (project.folder / ENVIRONMENT).is_file():
        return None, None
    file, line = project.folder / ENVIRONMENT, 0
    try:
        infra = infra_of(project, region)
        _ = infra.options
    except DeployError as error:
        why = str(error)
        if isinstance(error, TemplateError) and error.file:
            file, line = error.file, error.line
    except (KeyError, IndexError, TypeError, ValueError) as error:  # of what only CloudFormation would refuse
        why = f"The templates cannot be worked out: {error!r}."
    else:
        return infra, None
    mend = "Mend the template or its parameters."
    return None, Finding(place_in(project.folder, file), line, "options", why, mend)
