"""The ports of this machine that the stack's containers are published on, and who else has them."""

from collections.abc import Sequence

from windtunnel.stack import ports
from windtunnel.stack.docker.compose import WEB_PORTS, Compose
from windtunnel.stack.docker.containers import who_publishes
from windtunnel.stack.docker.services import ComposeService
from windtunnel.stack.errors import StackError
from windtunnel.stack.settings import MOST_PORTS, variable


def check_ports(compose: Compose, services: Sequence[ComposeService]) -> None:
    """Raises StackError with who has a port that a container needs, and how to take another."""
    settings = compose.settings
    for service in services:
        if service.port and (by := _others(compose, service.port)) is not None:
            setting = variable(service.setting)
            raise StackError(ports.taken_message(service.name, settings.host, service.port, setting, by))
    for port in _web_ports(compose):
        if (by := _others(compose, port)) is not None:
            raise StackError(_web_ports_taken(compose, port, by))


def _others(compose: Compose, port: int) -> str | None:
    """Who else has the port; "" for whom Docker does not know, None when nobody has."""
    if not ports.is_taken(compose.settings.host, port):
        return None
    who = who_publishes(port, compose.caller())
    if who is None:
        return ""
    project, home, name = who
    if project == compose.project:
        return None
    return f"the stack of {home} (container {name})" if home else f"container {name}"


def _web_ports(compose: Compose) -> range:
    """Those of the clusters' web pages: a container is published on all of them at once."""
    first, _, last = (compose.settings.emr_web_ports or WEB_PORTS).partition("-")
    return range(int(first), int(last) + 1)


def _web_ports_taken(compose: Compose, port: int, by: str) -> str:
    host, wanted = compose.settings.host, _web_ports(compose)
    setting, count = variable("emr_web_ports"), len(wanted)
    free = next(
        start
        for start in range(wanted.stop, MOST_PORTS, count)
        if not any(ports.is_taken(host, one) for one in range(start, start + count))
    )
    other = f"{free}-{free + count - 1}"
    return (
        f"Port {port}, one of those for the clusters' web pages ({setting}), is taken by "
        f"{by or ports.whose(port)}. Stop that, or take another range: "
        f'emr_web_ports = "{other}" in windtunnel.toml, or {setting}={other} for one command.'
    )
