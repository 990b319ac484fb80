"""Ports that nobody listens on, and those that somebody does."""

import socket
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from typing import Any

import psutil

from windtunnel.hadoop import ports


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def free_port() -> int:
    return free_ports(1)[0]


def free_range(count: int) -> range:
    """So many ports in a row of 127.0.0.1 that nobody listens on now, of those that daemons get."""
    while True:
        [first] = ports.free_ports(1)
        found = range(first, first + count)
        if found.stop <= ports.RANGE.stop and all(_is_free(port) for port in found):
            return found


def _is_free(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) != 0


def listening(processes: Iterable[psutil.Process]) -> list[Any]:
    """The addresses (ip, port) that these processes listen on."""
    found = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            connections = process.net_connections("inet")
            found += [one.laddr for one in connections if one.status == psutil.CONN_LISTEN]
    return found
