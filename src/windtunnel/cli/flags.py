"""The flags that every command has: the settings, stronger than the environment and windtunnel.toml."""

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from windtunnel.stack.settings import load_settings, variable

# A test holds these equal to the settings.
FLAGS: dict[str, tuple[type, str]] = {
    "localstack_port": (int, "Port of LocalStack: S3 and the other services of AWS."),
    "emr_port": (int, "Port of Amazon EMR."),
    "airflow_port": (int, "Port of Airflow."),
    "host": (str, "The address that everything binds to."),
    "stack": (str, "What runs the services: native or docker."),
    "state": (Path, "Where history, logs and databases live."),
    "cache": (Path, "Where downloads live."),
    "allowed_hosts": (str, "Further names by which the services may be called, comma separated."),
    "aws_endpoint_url": (str, "Where the EMR service finds S3; LocalStack's own port when left out."),
    "airflow_executor": (str, "What runs Airflow's tasks: LocalExecutor or, with docker, CeleryExecutor."),
    "emr_max_nodes": (int, "Nodes of one EMR cluster that may have processes."),
    "emr_max_executors": (int, "Executors that Spark's dynamic allocation may ask for at once."),
    "emr_system_commands": (
        str,
        "What yum, systemctl and the like do in bootstrap actions and steps: fail or warn.",
    ),
    "emr_spare_minutes": (
        int,
        "Minutes that a cluster which is started when one has ended waits for the next; 0: none is started.",
    ),
    "emr_web_ports": (
        str,
        "Ports for the web pages of Hadoop and Spark, first-last; otherwise any free ones.",
    ),
    "emr_memory": (str, "Memory that EMR's container may use, like 8g; with docker."),
}


def with_settings(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a command of `function(settings, …)`: the settings are read, and the flags for them added."""
    own = inspect.signature(function, eval_str=True)
    parameters = [p for name, p in own.parameters.items() if name != "settings"]

    @functools.wraps(function)
    def command(*arguments: Any, **options: Any) -> Any:
        flags = {name: options.pop(name) for name in FLAGS}
        return function(load_settings(**flags), *arguments, **options)

    added = [_parameter(name, kind, text) for name, (kind, text) in FLAGS.items()]
    merged = [*parameters, *added]
    command.__signature__ = inspect.Signature(merged)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in merged}
    del command.__wrapped__
    return command


def _parameter(name: str, kind: type, text: str) -> inspect.Parameter:
    option = typer.Option(
        f"--{name.replace('_', '-')}", help=f"{text} [{variable(name)}]", show_default=False
    )
    annotation: Any = Annotated[kind | None, option]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
