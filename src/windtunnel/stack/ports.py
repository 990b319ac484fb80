"""Who holds a port."""

import errno
import socket
from contextlib import suppress
from dataclasses import dataclass

import psutil

from windtunnel.stack.environment import HOME_VARIABLE
from windtunnel.stack.errors import StackError
from windtunnel.stack.settings import PREFIX


@dataclass(frozen=True)
class Owner:
    """A process that listens on a port."""

    pid: int
    command: str
    project: str | None
    """The project folder, when it belongs to a stack of windtunnel."""


def is_taken(host: str, port: int) -> bool:
    """Whether a server on this address would be refused. Raises StackError when it never can be served."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return True
            raise StackError(f"Nothing can listen on {host} port {port}: {error.strerror}.") from error
    # Where SO_REUSEADDR lets two servers share a port (macOS), a connection tells.
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.5)
        # A connection to a port that nobody has may by chance come from that port, and be its own peer.
        return probe.connect_ex((host, port)) == 0 and probe.getsockname() != probe.getpeername()


def owner(port: int) -> Owner | None:
    """Who listens on the port; None when the system does not say (another user's process)."""
    for process in _listeners(port):
        with suppress(psutil.Error):
            command = " ".join(process.cmdline()) or process.name()
            return Owner(process.pid, command, _project(process))
    return None


def project_at(port: int) -> str | None:
    """The project folder of the stack that listens on the port."""
    who = owner(port)
    return who.project if who else None


def _listeners(port: int) -> list[psutil.Process]:
    def listens(connection: object) -> bool:
        address = getattr(connection, "laddr", None)
        status = getattr(connection, "status", "")
        return bool(address) and address.port == port and status == psutil.CONN_LISTEN  # type: ignore[union-attr]

    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if any(listens(c) for c in process.net_connections("tcp")):
                found.append(process)
    return found


def _project(process: psutil.Process) -> str | None:
    with suppress(psutil.Error, OSError):
        return process.environ().get(HOME_VARIABLE)
    return None


def free_port(host: str, above: int) -> int:
    """The next port above `above` that nobody listens on."""
    return next(port for port in range(above + 1, 65536) if not is_taken(host, port))


def free_range(host: str, above: int, count: int) -> range:
    """The next `count` ports in a row above `above` that nobody listens on."""
    first = above + 1
    while taken := [port for port in range(first, first + count) if is_taken(host, port)]:
        first = taken[-1] + 1
    return range(first, first + count)


def taken_message(service: str, host: str, port: int, setting: str, *, by: str = "", free: str = "") -> str:
    """The sentence for a taken port: who has it and how to change it.

    `by` and `free` (a value for the setting) are found out where they are not known already.
    """
    by, free, other = by or whose(port), free or str(free_port(host, port)), ""
    if setting:
        key = setting.removeprefix(PREFIX).lower()
        other = (
            f", or take another port: {key} = {free} in windtunnel.toml, or {setting}={free} for one command"
        )
    return f"Port {port}, which {service} needs, is taken by {by}. Stop that{other}."


def whose(port: int) -> str:
    """Who listens on the port, in words."""
    who = owner(port)
    if who is None:
        return "a process of another user"
    if who.project:
        return f"the stack of {who.project} (process {who.pid}: {who.command[:120]})"
    return f"process {who.pid}: {who.command[:120]}"
