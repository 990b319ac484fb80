"""Airflow as services of the stack: api-server, scheduler, dag-processor, triggerer."""

import hashlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from windtunnel.install.files import digest_of, files_in
from windtunnel.install.progress import Progress
from windtunnel.stack import postgres
from windtunnel.stack.airflow import startup
from windtunnel.stack.airflow.configuration import (
    OPINIONATED,
    container_environment,
    essential_environment,
    merge,
)
from windtunnel.stack.airflow.database import migrate
from windtunnel.stack.airflow.health import component_healthy, server_healthy
from windtunnel.stack.airflow.install import install, interpreter
from windtunnel.stack.airflow.launch import Plan, write_plan
from windtunnel.stack.airflow.secrets import keep_secrets
from windtunnel.stack.airflow.versions import DEFAULT
from windtunnel.stack.environment import option_variables
from windtunnel.stack.service import Service

API_SERVER = "airflow-api-server"
PORT_SETTING = "WINDTUNNEL_AIRFLOW_PORT"
START_SECONDS = 180
"""For Airflow itself; startup.sh, where there is one, has its own time before that."""


@dataclass(frozen=True)
class Component:
    """One process of Airflow."""

    name: str
    arguments: tuple[str, ...]
    mwaa: str
    """What MWAA_AIRFLOW_COMPONENT is in the container that does this there."""


@dataclass(frozen=True)
class Airflow:
    """One Airflow of a project; `url` is where it is called, `host` what it binds to."""

    project: Path
    state: Path
    cache: Path
    host: str
    port: int
    url: str
    options: Mapping[str, str]
    environment: Mapping[str, str]
    database_url: str
    version: str

    @property
    def home(self) -> Path:
        """AIRFLOW_HOME."""
        return self.state / "airflow"

    def components(self) -> tuple[Component, ...]:
        """The processes. Logs are read from the disk, so no process serves them to the api-server."""
        return (
            Component(
                "api-server", ("api-server", "--host", self.host, "--port", str(self.port)), "webserver"
            ),
            # The LocalExecutor runs tasks in the scheduler: what startup.sh exports for a worker is theirs.
            Component("scheduler", ("scheduler", "--skip-serve-logs"), "worker"),
            Component("dag-processor", ("dag-processor",), "scheduler"),
            Component("triggerer", ("triggerer", "--skip-serve-logs"), "scheduler"),
        )

    def container(self) -> dict[str, str]:
        """The weakest layer of the environment, the same for all processes."""
        return container_environment(
            project=self.project,
            home=self.home,
            url=self.url,
            version=self.version,
            revision=self.revision(),
            environment=self.environment,
        )

    def essential(self, mwaa: str) -> dict[str, str]:
        """The strongest layer for a process that MWAA calls `mwaa`."""
        secrets = keep_secrets(self.home)
        return essential_environment(
            url=self.url, database_url=self.database_url, secrets=secrets, component=mwaa
        )

    def prepare(self, component: Component, progress: Progress) -> None:
        """Everything that a start of `component` needs: the environment, the tables, the plan."""
        python = install(project=self.project, cache=self.cache, progress=progress, version=self.version)
        self.home.mkdir(parents=True, exist_ok=True)
        migrate(
            python=python,
            airflow=str(python),
            environment=self._migration(),
            kept=self.home / "migrated.json",
            log=self.home / "logs" / "migrate-db.log",
            progress=progress,
        )
        plan = Plan(
            python=str(python),
            arguments=component.arguments,
            startup=str(self.project / startup.FILE_NAME),
            startup_log=str(self.home / "logs" / "startup" / f"{component.name}.log"),
            options=option_variables(dict(self.options)),
            essential=self.essential(component.mwaa),
            started=str(self.started(component)),
        )
        write_plan(self.plan(component), plan)

    def revision(self) -> str:
        """Changes with what a running Airflow would not notice: requirements.txt, startup.sh, plugins/."""
        python = interpreter(project=self.project, cache=self.cache, version=self.version)
        files = (self.project / startup.FILE_NAME, *files_in(self.project / "plugins"))
        return hashlib.sha256(f"{python}{digest_of(self.project, files)}".encode()).hexdigest()[:12]

    def plan(self, component: Component) -> Path:
        return self.home / "plans" / f"{component.name}.json"

    def started(self, component: Component) -> Path:
        return self.home / "plans" / f"{component.name}.started"

    def _migration(self) -> dict[str, str]:
        # As on MWAA neither startup.sh nor the project's options take part.
        return merge(
            container=self.container(),
            opinionated=OPINIONATED,
            startup={},
            options={},
            essential=self.essential("migrate-db"),
        )


def airflow_services(
    *,
    project: Path,
    state: Path,
    cache: Path,
    host: str,
    port: int,
    url: str,
    options: Mapping[str, str],
    environment: Mapping[str, str],
    database_url: str,
    version: str = DEFAULT,
) -> list[Service]:
    """The services of Airflow `version` for `project`, in the order of their start.

    `url` is where a client on this machine calls what is bound to `host` and `port`, `options` are MWAA's
    configuration options (`section.key`), `environment` is what every process starts from: the variables of
    AWS's SDKs above all.
    """
    airflow = Airflow(project, state, cache, host, port, url, options, environment, database_url, version)
    return [_service(airflow, component) for component in airflow.components()]


def _service(airflow: Airflow, component: Component) -> Service:
    serves = component.name == "api-server"
    return Service(
        name=f"airflow-{component.name}",
        command=(sys.executable, "-I", "-m", "windtunnel.stack.airflow.launch", str(airflow.plan(component))),
        environment=airflow.container(),
        directory=airflow.project,
        healthy=_healthy(airflow, component),
        after=(postgres.NAME,),
        prepare=lambda progress: airflow.prepare(component, progress),
        port=airflow.port if serves else None,
        port_setting=PORT_SETTING if serves else "",
        start_seconds=START_SECONDS
        + (startup.SECONDS if (airflow.project / startup.FILE_NAME).is_file() else 0),
        # The scheduler waits for running tasks; they are taken up again after the next start.
        stop_seconds=15,
        links={"Airflow": airflow.url} if serves else {},
    )


def _healthy(airflow: Airflow, component: Component) -> Callable[[], bool]:
    if component.name == "api-server":
        return lambda: server_healthy(airflow.url)
    name = component.name.replace("-", "_")
    return lambda: component_healthy(airflow.url, name, airflow.started(component))
