"""The native stack: which services there are, and what has to be installed for them."""

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from windtunnel.install.background import side_by_side
from windtunnel.install.progress import Progress
from windtunnel.stack import localstack, postgres
from windtunnel.stack.airflow.install import install as install_airflow
from windtunnel.stack.airflow.services import airflow_services
from windtunnel.stack.environment import Principal, process_environment
from windtunnel.stack.errors import StackError
from windtunnel.stack.lifecycle import EMR, SetUp, down, up
from windtunnel.stack.logs import follow, tail
from windtunnel.stack.service import Service
from windtunnel.stack.settings import Settings, runtime_folder, variable
from windtunnel.stack.stack import ServiceStatus, live_clusters
from windtunnel.stack.status import report
from windtunnel.stack.supervisor import Supervisor

_ODD = re.compile(r"[^A-Za-z0-9/._+@~=-]")
EMR_STOP_SECONDS = 90
"""It ends live clusters before it goes, their logs included."""


def services(settings: Settings) -> list[Service]:
    """Every service of the stack; nothing is installed or started by asking.

    Raises StackError for a state or a cache in a folder that Hadoop can't work in.
    """
    _check_paths(settings)
    project, state, cache, host = settings.home, settings.state, settings.cache, settings.host
    return [
        localstack.localstack_service(
            project=project,
            state=state,
            cache=cache,
            host=host,
            port=settings.localstack_port,
            url=settings.localstack_url,
            environment=process_environment(settings),
        ),
        postgres.postgres_service(state=state, cache=cache, sockets=runtime_folder(settings)),
        _emr(settings, process_environment(settings, Principal.EMR)),
        *airflow_services(
            project=project,
            state=state,
            cache=cache,
            host=host,
            port=settings.airflow_port,
            url=settings.airflow_url,
            options=settings.project.mwaa.configuration_options,
            environment=process_environment(settings, Principal.AIRFLOW),
            database_url=postgres.sql_alchemy_url(runtime_folder(settings)),
            version=settings.project.mwaa.airflow_version,
        ),
    ]


def _check_paths(settings: Settings) -> None:
    # Hadoop passes paths around as URIs and in lists, encodes some characters twice and others not at all.
    for name, folder in (("state", settings.state), ("cache", settings.cache)):
        if odd := sorted(set(_ODD.findall(str(folder)))):
            raise StackError(
                f"Hadoop cannot work in {folder}, since its path has {' and '.join(map(repr, odd))} in it. Move it, or "
                f'have {name} = "/a/plain/path" in windtunnel.toml ({variable(name)} for one command).'
            )


def install(settings: Settings, progress: Progress, *others: Callable[[], object]) -> None:
    """Everything that the services need, and `others`, side by side; only what is missing.

    Raises InstallError.
    """
    cache, version = settings.cache, settings.project.mwaa.airflow_version
    side_by_side(
        [
            *others,
            partial(localstack.install, cache=cache, progress=progress),
            partial(postgres.install, cache=cache, progress=progress),
            partial(install_airflow, project=settings.home, cache=cache, progress=progress, version=version),
        ]
    )


class NativeStack:
    """Processes of this machine under one supervisord; see `windtunnel.stack.stack.Stack`.

    `set_up` installs what the services need; `end_clusters` ends what an EMR service that was killed left behind.
    """

    def __init__(self, settings: Settings, set_up: SetUp, end_clusters: Callable[[], object]) -> None:
        self._settings = settings
        self._set_up = set_up
        self._end_clusters = end_clusters
        self._supervisor = Supervisor(settings)

    def up(self, progress: Progress) -> bool:
        return up(self._settings, services(self._settings), self._set_up, progress)

    def down(self, progress: Progress) -> int:
        return down(self._settings, self._end_clusters, progress)

    def forget(self) -> list[str]:
        return []

    def links(self) -> Mapping[str, str]:
        return {label: url for service in services(self._settings) for label, url in service.links.items()}

    def status(self) -> list[ServiceStatus]:
        return report(self._supervisor, services(self._settings))

    def logs(self) -> list[str]:
        return [*(one.name for one in services(self._settings)), "supervisord"]

    def tail(self, name: str, count: int) -> list[str]:
        return tail(self._supervisor.log(name), count)

    def follow(self, names: Sequence[str]) -> Iterator[tuple[str, str]]:
        return follow({name: self._supervisor.log(name) for name in names})

    def watch(self) -> "NativeWatch":
        return NativeWatch(self._supervisor)


@dataclass
class NativeWatch:
    """Whether the services that were there at the start still are, as supervisord tells."""

    supervisor: Supervisor
    _pids: dict[str, int | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._pids = {name: state.pid for name, state in (self.supervisor.states() or {}).items()}

    def restarted(self) -> list[str]:
        """The services that died since the last call and run again."""
        states = self.supervisor.states() or {}
        again = [n for n, s in states.items() if s.is_up and s.pid != self._pids.get(n)]
        self._pids |= {name: states[name].pid for name in again}
        return again

    def lost(self) -> str:
        """The sentence for a service that is gone and stays gone; empty when all is well."""
        states = self.supervisor.states()
        if states is None:
            return "The stack's supervisor is gone, so nothing is started again. `make up` starts the stack anew."
        records = self.supervisor.records()
        for name, state in states.items():
            stays = name in records and (not records[name].restart or state.state == "FATAL")
            if name in self._pids and stays and not state.is_up:
                also = " and everything in S3 is lost with it" if name == localstack.NAME else ""
                how, log = self.supervisor.how_it_ended(name), self.supervisor.log(name)
                return f"{name} died ({how}){also}. `make up` starts it again; its log: {log}"
        return ""

    def log_of_dags(self) -> str:
        """Where the log of the process that reads the DAGs' files is."""
        return str(self.supervisor.log("airflow-dag-processor"))


def _emr(settings: Settings, environment: dict[str, str]) -> Service:
    return Service(
        name=EMR,
        command=(sys.executable, "-I", "-m", "windtunnel.cli.main", "serve"),
        environment=environment,
        directory=settings.home,
        healthy=lambda: live_clusters(settings) is not None,
        uses=(localstack.NAME,),
        port=settings.emr_port,
        port_setting=variable("emr_port"),
        stop_seconds=EMR_STOP_SECONDS,
        links={"EMR": settings.emr_url},
    )
