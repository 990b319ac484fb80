"""The ports that a cluster's daemons get, none of which another live cluster has."""

import logging
from collections.abc import Mapping
from dataclasses import asdict
from itertools import chain

from sqlalchemy.orm import Session

from windtunnel.emr import store
from windtunnel.emr.schema import Cluster
from windtunnel.hadoop.ports import WEB_PAGES, MasterPorts, NodePorts

log = logging.getLogger(__name__)


def ports_of_master(session: Session, cluster: Cluster, web: range) -> dict[str, int]:
    """For the master's daemons; web pages are in the range `web` as long as it has free ports."""
    ports = asdict(MasterPorts.allocate(store.given_ports(session), web))
    _tell_when_used_up(session, cluster, ports, web)
    return ports


def ports_of_node(session: Session, cluster: Cluster, web: range) -> dict[str, int]:
    """The same for a worker's."""
    ports = asdict(NodePorts.allocate(store.given_ports(session), web))
    _tell_when_used_up(session, cluster, ports, web)
    return ports


def _tell_when_used_up(session: Session, cluster: Cluster, ports: Mapping[str, int], web: range) -> None:
    """Once for each cluster: when it gets the first port outside."""
    earlier = chain([cluster.ports], (one.ports for one in store.instances(session, cluster.id)))
    if web and _any_outside(ports, web) and not any(_any_outside(one, web) for one in earlier):
        log.warning(
            "%s: no port of WINDTUNNEL_EMR_WEB_PORTS (%d-%d) is free any more: its other web pages have ports outside",
            cluster.id,
            web.start,
            web.stop - 1,
        )


def _any_outside(ports: Mapping[str, int], web: range) -> bool:
    return any(port not in web for name, port in ports.items() if name in WEB_PAGES)
