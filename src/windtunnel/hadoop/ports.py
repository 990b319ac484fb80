"""The ports of a cluster's daemons, found once and kept with the cluster."""

import secrets
import socket
from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Self

LOOPBACK = "127.0.0.1"
# Below the ranges from which Linux and macOS take the port of an outgoing connection, so that none of
# those sits on it when the daemon starts.
RANGE = range(20000, 32768)


def free_ports(count: int, besides: Collection[int] = ()) -> list[int]:
    """`count` different ports of the loopback interface that nobody listens on now, none of `besides`.

    Those are the ports that were given to daemons which do not listen yet.
    """
    with ExitStack() as stack:
        ports: list[int] = []
        start = secrets.randbelow(len(RANGE))
        for port in (*RANGE[start:], *RANGE[:start]):
            if len(ports) == count:
                break
            if port in besides:
                continue
            listener = stack.enter_context(socket.socket())
            try:
                listener.bind((LOOPBACK, port))
            except OSError:
                continue
            ports.append(port)
    return ports


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
    def allocate(cls, besides: Collection[int] = ()) -> Self:
        return cls(*free_ports(8, besides))


@dataclass(frozen=True)
class NodePorts:
    """Where a worker node's daemons listen; what nobody needs to know is left to the kernel."""

    data_node: int
    data_node_web: int
    node_manager: int
    node_manager_web: int

    @classmethod
    def allocate(cls, besides: Collection[int] = ()) -> Self:
        return cls(*free_ports(4, besides))
