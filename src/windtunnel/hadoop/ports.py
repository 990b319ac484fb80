"""The ports of a cluster's daemons, found once and kept with the cluster."""

import secrets
import socket
from collections.abc import Collection, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, fields
from typing import Self

LOOPBACK = "127.0.0.1"
# Below the ranges from which Linux and macOS take the port of an outgoing connection, so that none of
# those sits on it when the daemon starts.
RANGE = range(20000, 32768)


NO_RANGE = range(0)
WEB_PAGES = frozenset(
    {"name_node_web", "resource_manager_web", "history_server_web", "node_manager_web"},
)
"""The ports that people follow links to. A DataNode's page is not among them: all that it shows the NameNode's does."""


def free_ports(count: int, besides: Collection[int] = ()) -> list[int]:
    """`count` different ports of the loopback interface that nobody listens on now, none of `besides`.

    Those are the ports that were given to daemons which do not listen yet.
    """
    start = secrets.randbelow(len(RANGE))
    return _first_free((*RANGE[start:], *RANGE[:start]), count, besides)


def _first_free(candidates: Iterable[int], count: int, besides: Collection[int]) -> list[int]:
    """The first of them that are free; less than `count` where there are no more."""
    with ExitStack() as stack:
        ports: list[int] = []
        for port in candidates:
            if len(ports) == count:
                break
            if port in besides:
                continue
            listener = stack.enter_context(socket.socket())
            # As daemons do: connections that have ended keep a port from nobody who listens on it anew.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((LOOPBACK, port))
            except OSError:
                continue
            ports.append(port)
    return ports


def _allocate(names: Iterable[str], besides: Collection[int], web: range) -> dict[str, int]:
    """A free port for each name: a web page's is one of `web` as long as there are some."""
    given = dict.fromkeys(names, 0)
    pages = [name for name in given if name in WEB_PAGES]
    of_range = _first_free(web, len(pages), besides)
    given |= zip(pages, of_range, strict=False)
    others = [name for name, port in given.items() if not port]
    return given | dict(zip(others, free_ports(len(others), {*besides, *web}), strict=True))


@dataclass(frozen=True)
class MasterPorts:
    """Where the master's daemons listen."""

    name_node: int
    name_node_web: int
    resource_manager: int
    resource_manager_scheduler: int
    resource_manager_tracker: int
    resource_manager_admin: int
    resource_manager_web: int
    history_server_web: int

    @classmethod
    def allocate(cls, besides: Collection[int] = (), web: range = NO_RANGE) -> Self:
        """Free ports, none of `besides`; those of web pages from the range `web` as long as it has some."""
        return cls(**_allocate((field.name for field in fields(cls)), besides, web))


@dataclass(frozen=True)
class NodePorts:
    """Where a worker node's daemons listen; what nobody needs to know is left to the kernel."""

    data_node: int
    data_node_web: int
    node_manager: int
    node_manager_web: int

    @classmethod
    def allocate(cls, besides: Collection[int] = (), web: range = NO_RANGE) -> Self:
        """As those of the master."""
        return cls(**_allocate((field.name for field in fields(cls)), besides, web))
