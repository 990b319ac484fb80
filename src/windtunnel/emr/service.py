"""Amazon EMR as a service: the wire, the store and the reconciler put together."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from windtunnel.aws.app import create_app
from windtunnel.aws.server import serve
from windtunnel.emr import store
from windtunnel.emr.calls import Recorder
from windtunnel.emr.config import EmrConfig
from windtunnel.emr.forwarder import forwarding
from windtunnel.emr.logs import LogShipper
from windtunnel.emr.operations import emr_service
from windtunnel.emr.reconciler import Reconciler
from windtunnel.emr.runtime import Runtime
from windtunnel.emr.schema import Cluster, InstanceGroup
from windtunnel.emr.states import UP_CLUSTER_STATES
from windtunnel.emr.store import Store
from windtunnel.install.errors import InstallError
from windtunnel.install.progress import PlainProgress

STOPPED = "The stack was stopped"
STOP_SECONDS = 60
CLUSTERS_PATH = "/_windtunnel/clusters"

log = logging.getLogger(__name__)


def main(config: EmrConfig) -> None:
    """Serve until SIGTERM or SIGINT, then end every live cluster."""
    serve(build(config), config.host, config.port)


def build(config: EmrConfig) -> Starlette:
    """The application. Its lifespan runs the reconciler; its end is the end of all clusters."""
    db, runtime, reconciler = _parts(config)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        reconciler.start()
        log.info(
            "Amazon EMR answers on %s, port %s; its state is in %s", config.host, config.port, config.state
        )
        async with forwarding(config.host, config.web_ports):
            yield
        await asyncio.to_thread(_stop, reconciler, db)

    page = Route(CLUSTERS_PATH, _clusters_page(db, runtime), methods=["GET"])
    recorder = Recorder()
    return create_app(
        [emr_service(db)],
        allowed_hosts=(*config.allowed_hosts, config.host),
        lifespan=lifespan,
        routes=[page, recorder.route()],
        observer=recorder,
    )


def stop_clusters(config: EmrConfig) -> bool:
    """End what a service that is gone has left running. False when some of it would not end in a minute."""
    db, _, reconciler = _parts(config)
    return _stop(reconciler, db)


def _parts(config: EmrConfig) -> tuple[Store, Runtime, Reconciler]:
    db = Store(config.database)
    runtime = Runtime(config, PlainProgress(sys.stderr))
    reconciler = Reconciler(db, runtime, LogShipper(config.service_environment, config.s3_endpoint))
    return db, runtime, reconciler


def _stop(reconciler: Reconciler, db: Store) -> bool:
    reconciler.halt()
    ended = reconciler.end_all("USER_REQUEST", STOPPED, STOP_SECONDS)
    if not ended:
        log.error("Some clusters did not end in %d seconds", STOP_SECONDS)
    reconciler.close()
    db.close()
    return ended


def _clusters_page(db: Store, runtime: Runtime) -> Callable[[Request], Any]:
    """Live clusters and the web pages of their daemons, for `windtunnel status`."""

    def clusters(_: Request) -> JSONResponse:
        found = []
        with db.reading() as session:
            for cluster_id in store.live_cluster_ids(session):
                cluster = store.find_cluster(session, cluster_id)
                if cluster is None:
                    continue
                links: dict[str, str] = {}
                if cluster.state in UP_CLUSTER_STATES:
                    links = _links(runtime, cluster, store.instance_groups(session, cluster_id))
                about = {"id": cluster.id, "name": cluster.name, "state": cluster.state.value}
                found.append({**about, "reason": cluster.reason_message, "links": links})
        return JSONResponse({"clusters": found})

    return clusters


def _links(runtime: Runtime, cluster: Cluster, groups: Sequence[InstanceGroup]) -> dict[str, str]:
    """None while what the cluster runs on is looked for, or can't be had any more: its reason tells of that."""
    with suppress(InstallError):
        installed = runtime.distribution(cluster.release_label)
        if installed is not None:
            return runtime.cluster(cluster, groups, installed).links()
    return {}
