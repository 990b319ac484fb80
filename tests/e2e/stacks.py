"""What the tests ask of a stack beyond its commands: natively of this machine's processes, else of Docker."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterable
from typing import Protocol

from tests.ports import listening
from windtunnel.stack.docker.compose import Compose
from windtunnel.stack.docker.containers import Container, containers
from windtunnel.stack.docker.engine import check_engine, docker, inspect
from windtunnel.stack.environment import identity
from windtunnel.stack.errors import StackError
from windtunnel.stack.leftovers import find
from windtunnel.stack.settings import Settings
from windtunnel.stack.supervisor import Supervisor


class Underneath(Protocol):
    """What a stack consists of."""

    def starts(self) -> dict[str, object]:
        """Something for each service that is another after a new start."""

    def left(self) -> list[str]:
        """What runs of the stack, in words."""

    def kill(self, service: str) -> None:
        """kill -9 the service's process."""

    def read(self, path: str) -> str:
        """A file of the EMR service's state."""

    def addresses(self) -> set[str]:
        """Where on this machine the stack listens."""


class Native:
    """Processes under supervisord."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.supervisor = Supervisor(settings)

    def starts(self) -> dict[str, object]:
        return {name: state.pid for name, state in (self.supervisor.states() or {}).items()}

    def left(self) -> list[str]:
        return [" ".join(one.cmdline()) for one in find(identity(self.settings))]

    def kill(self, service: str) -> None:
        pid = self.supervisor.state(service).pid
        assert pid
        os.kill(pid, signal.SIGKILL)

    def read(self, path: str) -> str:
        return (self.settings.state / path).read_text()

    def addresses(self) -> set[str]:
        return {address.ip for address in listening(find(identity(self.settings)))}


PROCESSES = {
    "emr": "windtunnel.cli.main serve",
    "airflow-scheduler": "airflow scheduler",
    "airflow-webserver": "airflow api-server",
    "airflow-worker": "celery",
    "localstack": "localstack",
    "postgres": "postgres",
}
"""What stands in the command line of a service's own process, in its container."""
_KILL = """
for process in /proc/[0-9]*; do
    number=${process#/proc/}
    [ "$number" != 1 ] && [ "$number" != $$ ] || continue
    if tr '\\0' ' ' < "$process/cmdline" 2>/dev/null | grep -q -- "$1"; then
        kill -KILL "$number" && echo "$number"
    fi
done
"""


class Containers:
    """Docker's."""

    def __init__(self, settings: Settings) -> None:
        self.compose = Compose(settings)

    def found(self) -> dict[str, Container]:
        return containers(self.compose.project, self.compose.caller())

    def starts(self) -> dict[str, object]:
        return {name: (one.id, one.since) for name, one in self.found().items()}

    def left(self) -> list[str]:
        return [f"{name}: {one.state}" for name, one in self.found().items()]

    def kill(self, service: str) -> None:
        container = self.found()[service].id
        command = ("exec", container, "sh", "-c", _KILL, "sh", PROCESSES[service])
        # When the first process is killed the container ends, and with it what was started in it.
        done = subprocess.run(("docker", *command), capture_output=True, text=True, check=False)
        assert done.stdout.strip() or done.returncode == 137, done

    def crash(self, service: str) -> None:
        """kill -9 all that runs in the service's container; by hand (`docker kill`) Docker would leave it dead."""
        user = ("--user", "postgres") if service == "postgres" else ()
        command = ("docker", "exec", *user, self.found()[service].id, "sh", "-c", "kill -KILL -1")
        subprocess.run(command, capture_output=True, check=False)

    def read(self, path: str) -> str:
        place = f"/var/lib/windtunnel/{path}"
        return docker("exec", self.found()["emr"].id, "cat", place, environment=self.compose.caller())

    def addresses(self) -> set[str]:
        told = inspect("container", [one.id for one in self.found().values()], self.compose.caller())
        return set(_host_addresses(told))


def _host_addresses(told: Iterable[dict[str, object]]) -> Iterable[str]:
    for one in told:
        ports = json.loads(json.dumps(one["NetworkSettings"]))["Ports"]
        yield from (binding["HostIp"] for bindings in ports.values() for binding in bindings or ())


def underneath(settings: Settings) -> Underneath:
    return Containers(settings) if settings.stack == "docker" else Native(settings)


def why_no_docker() -> str:
    """Why nothing can be tested over Docker here; empty when it can."""
    if not shutil.which("docker"):
        return "there is no command `docker` on this machine"
    try:
        check_engine(dict(os.environ))
    except StackError as error:
        return str(error)
    return ""
