"""`windtunnel serve`"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from windtunnel.cli.flags import with_settings
from windtunnel.emr.config import EmrConfig
from windtunnel.install.files import locked
from windtunnel.stack import ports
from windtunnel.stack.environment import SERVICE_VARIABLE, Principal, aws_variables, step_environment
from windtunnel.stack.errors import StackError
from windtunnel.stack.settings import Settings


@with_settings
def main(settings: Settings) -> None:
    """On SIGTERM or Ctrl-C every live cluster is terminated first."""
    from windtunnel.emr.service import main as serve

    if ports.is_taken(settings.host, settings.emr_port):
        raise StackError(ports.taken_message("emr", settings.host, settings.emr_port, "WINDTUNNEL_EMR_PORT"))
    # What it starts belongs to the stack but is not this service: it outlives a service that was killed.
    os.environ.pop(SERVICE_VARIABLE, None)
    config = emr_config(settings)
    with alone(config):
        serve(config)


@contextmanager
def alone(config: EmrConfig) -> Iterator[None]:
    """Be the only one who moves the clusters of this state. Raises StackError when another does."""

    def refuse() -> None:
        raise StackError(
            f"Another EMR service runs on {config.state}: stop that, or give this one a state of its own."
        )

    with locked(config.state / ".lock", waiting=refuse):
        yield


def emr_config(settings: Settings) -> EmrConfig:
    """What the EMR service needs to know of its place."""
    limits = {"max_nodes": settings.emr_max_nodes, "max_executors": settings.emr_max_executors}
    return EmrConfig(
        state=settings.state / "emr",
        cache=settings.cache,
        host=settings.host,
        port=settings.emr_port,
        allowed_hosts=settings.allowed_hosts,
        environment=step_environment(settings),
        service_environment=aws_variables(settings, Principal.EMR),
        spare_seconds=settings.emr_spare_minutes * 60,
        web_ports=settings.web_ports,
        system_commands_warn=settings.emr_system_commands == "warn",
        **{name: value for name, value in limits.items() if value is not None},
    )
