"""The native stack: which services there are, and what has to be installed for them."""

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from windtunnel.install.background import side_by_side
from windtunnel.install.progress import Progress
from windtunnel.stack import localstack, postgres
from windtunnel.stack.airflow.install import install as install_airflow
from windtunnel.stack.airflow.services import airflow_services
from windtunnel.stack.ask import ask
from windtunnel.stack.environment import process_environment
from windtunnel.stack.errors import StackError
from windtunnel.stack.lifecycle import EMR
from windtunnel.stack.service import Service
from windtunnel.stack.settings import Settings, runtime_folder, variable

_ODD = re.compile(r"[^A-Za-z0-9/._+@~=-]")
EMR_STOP_SECONDS = 90
"""It ends live clusters before it goes, their logs included."""


def services(settings: Settings) -> list[Service]:
    """Every service of the stack; nothing is installed or started by asking.

    Raises StackError for a state or a cache in a folder that Hadoop can't work in.
    """
    _check_paths(settings)
    environment = process_environment(settings)
    project, state, cache, host = settings.home, settings.state, settings.cache, settings.host
    return [
        localstack.localstack_service(
            project=project,
            state=state,
            cache=cache,
            host=host,
            port=settings.localstack_port,
            url=settings.localstack_url,
            environment=environment,
        ),
        postgres.postgres_service(state=state, cache=cache, sockets=runtime_folder(settings)),
        _emr(settings, environment),
        *airflow_services(
            project=project,
            state=state,
            cache=cache,
            host=host,
            port=settings.airflow_port,
            url=settings.airflow_url,
            options=settings.project.mwaa.configuration_options,
            environment=environment,
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


@dataclass(frozen=True)
class LiveCluster:
    """A cluster that is up, and the web pages of its daemons by name."""

    id: str
    name: str
    state: str
    reason: str
    links: Mapping[str, str]


def live_clusters(settings: Settings) -> list[LiveCluster] | None:
    """The clusters that the EMR service has up; None when it does not answer."""
    found = ask(f"{settings.emr_url}/_windtunnel/clusters").get("clusters")
    return None if found is None else [LiveCluster(**cluster) for cluster in found]


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
