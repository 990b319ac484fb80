"""The containers of a stack, as Docker tells of them."""

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from windtunnel.stack.docker.engine import docker, inspect

PROJECT, SERVICE, ONE_OFF = (f"com.docker.compose.{name}" for name in ("project", "service", "oneoff"))
HOME = "windtunnel.home"
"""The label with the project folder that a container belongs to."""


@dataclass(frozen=True)
class Container:
    """One container of a service. Times are in seconds since 1970; `health` is "" when it has no check."""

    id: str
    service: str
    state: str
    health: str
    exit_code: int
    out_of_memory: bool
    pid: int | None
    since: float
    restarts: int
    told: str
    """What its last health check printed."""
    image: str
    """The name of its image, which may be another one by now."""
    image_id: str

    @property
    def is_up(self) -> bool:
        return self.state in ("running", "restarting", "paused")

    @property
    def is_well(self) -> bool:
        """Running and healthy; or ended well, which only what is to end does."""
        return self.state == "running" and self.health in ("healthy", "")

    @property
    def how_it_ended(self) -> str:
        if self.out_of_memory:
            return "it had no memory left"
        if 128 < self.exit_code <= 128 + signal.NSIG:
            return f"exit code {self.exit_code}: killed by signal {self.exit_code - 128}"
        return f"exit code {self.exit_code}"


def containers(project: str, environment: Mapping[str, str]) -> dict[str, Container]:
    """The containers of a Compose project by service, running or not. Raises DockerError."""
    listed = docker(
        *("ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={PROJECT}={project}"),
        environment=environment,
    )
    found = [
        _container(told)
        for told in inspect("container", listed.split(), environment)
        if not _is_one_off(told)
    ]
    return {container.service: container for container in found}


def written_by(container: Container, environment: Mapping[str, str], count: int | None = None) -> str:
    """What it has written, or the last `count` lines of that. Raises DockerError."""
    tail = () if count is None else ("--tail", str(count))
    return docker("logs", *tail, container.id, environment=environment, errors_too=True)


@dataclass(frozen=True)
class Publisher:
    """A container that has a port of this machine, and what it belongs to."""

    project: str
    home: str
    name: str

    @property
    def told(self) -> str:
        return f"the stack of {self.home} (container {self.name})" if self.home else f"container {self.name}"


def who_publishes(port: int, environment: Mapping[str, str]) -> Publisher | None:
    """Which container has this port of the machine. Raises DockerError."""
    columns = "\t".join((f'{{{{.Label "{PROJECT}"}}}}', f'{{{{.Label "{HOME}"}}}}', "{{.Names}}"))
    lines = docker(
        "ps", "--filter", f"publish={port}", "--format", columns, environment=environment
    ).splitlines()
    return Publisher(*lines[0].split("\t")) if lines else None


def _is_one_off(told: Mapping[str, Any]) -> bool:
    return str(told["Config"]["Labels"].get(ONE_OFF, "")) == "True"


def _container(told: Mapping[str, Any]) -> Container:
    state = told["State"]
    health = state.get("Health") or {}
    checks = health.get("Log") or [{}]
    is_running = state["Status"] in ("running", "paused")
    return Container(
        id=told["Id"],
        service=told["Config"]["Labels"][SERVICE],
        state=state["Status"],
        health=health.get("Status", "") if health.get("Status") != "none" else "",
        exit_code=state["ExitCode"],
        out_of_memory=state["OOMKilled"],
        pid=state["Pid"] or None,
        since=_seconds(state["StartedAt"] if is_running else state["FinishedAt"]),
        restarts=told["RestartCount"],
        image=told["Config"]["Image"],
        image_id=told["Image"],
        told=str(checks[-1].get("Output", "")).strip(),
    )


def _seconds(stamp: str) -> float:
    # Nanoseconds are more than Python reads, and Docker tells of the year 1 what has not been yet.
    whole, _, fraction = stamp.removesuffix("Z").partition(".")
    if whole.startswith("0001"):
        return 0
    return datetime.fromisoformat(f"{whole}+00:00").timestamp() + float(f"0.{fraction or 0}")
