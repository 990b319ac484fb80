"""One start of the Docker stack: images, downloads, containers; shown, with bounds, and undone when one fails."""

import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from windtunnel.install.progress import Progress
from windtunnel.stack import localstack
from windtunnel.stack.airflow.requirements import MWAA_HOME
from windtunnel.stack.docker import saved_logs
from windtunnel.stack.docker.compose import CACHE_VOLUME, Compose
from windtunnel.stack.docker.containers import Container, containers
from windtunnel.stack.docker.engine import DockerError, docker, inspect
from windtunnel.stack.docker.services import MIGRATION, PUBLISHED, WEBSERVER, ComposeService
from windtunnel.stack.errors import StackError
from windtunnel.stack.lifecycle import EMR, last_lines

POLL_SECONDS = 0.5
SET_UP = ("python", "-I", "-m", "windtunnel.cli.set_up")


def build(compose: Compose, progress: Progress) -> None:
    """Have the images: build ours, fetch the others that this machine lacks. Raises StackError."""
    ours = [EMR] if compose.airflow_image else [EMR, WEBSERVER]
    others = [*PUBLISHED, *([WEBSERVER] if compose.airflow_image else [])]
    _logged(compose, progress, "Docker images of EMR and Airflow", "build", "--progress", "plain", *ours)
    services = compose.services()
    # Only what is not there: one that was built by hand is in no registry.
    if lacking := [
        name for name in others if not inspect("image", [services[name]["image"]], compose.caller())
    ]:
        _logged(compose, progress, f"Docker images of {', '.join(lacking)}", "pull", "--quiet", *lacking)


def give_logs_to_airflow(compose: Compose) -> None:
    """Have the volume of logs belong to the user of whatever image stands in the place of ours. Raises StackError.

    A new volume takes over whose the folder is in the image; one without that folder leaves it to root.
    """
    if not compose.airflow_image:
        return
    as_root = ("--user", "root", "--cap-add", "CHOWN", "--entrypoint", "chown")
    arguments = ("run", "--rm", "--no-deps", "--no-TTY", *as_root, MIGRATION, "airflow:", f"{MWAA_HOME}/logs")
    try:
        compose.run("--progress", "quiet", *arguments)
    except DockerError as error:
        raise StackError(
            f"The volume of logs cannot be given to the user airflow of {compose.airflow_image}: is it an image of "
            f"Airflow by MWAA's contract? It said: {error}"
        ) from error


def set_up(compose: Compose, progress: Progress) -> None:
    """Have what EMR's containers run in the volume of downloads: the newest release. Raises StackError."""
    caller = compose.caller()
    if not inspect("volume", [CACHE_VOLUME], caller):
        docker("volume", "create", CACHE_VOLUME, environment=caller)
    done = compose.folder / "set-up"
    [image] = inspect("image", compose.images()[:1], caller)
    [volume] = inspect("volume", [CACHE_VOLUME], caller)
    state = f"{image['Id']} {volume['CreatedAt']}"
    if done.exists() and done.read_text() == state:
        return
    arguments = compose.command("--progress", "quiet", "run", "--rm", "--no-deps", "--no-TTY", EMR, *SET_UP)
    with subprocess.Popen(
        ("docker", *arguments),
        env=compose.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            progress.say(line.rstrip())
    if process.returncode:
        raise StackError("What EMR runs cannot be installed into its volume: see above.")
    done.write_text(state)


def _logged(compose: Compose, progress: Progress, label: str, *arguments: str) -> None:
    """Run `docker compose …` with its output in a log. Raises StackError with the log's last lines."""
    log = compose.settings.logs / f"docker-{arguments[0]}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with progress.task(label), log.open("wb") as output:
        done = subprocess.run(
            ("docker", *compose.command(*arguments)),
            env=compose.environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        raise StackError(
            f"{label}: `docker compose {arguments[0]}` failed. {last_lines(log)}The whole log: {log}"
        )


@dataclass
class Start:
    """One start of all services, told as it goes."""

    compose: Compose
    services: Sequence[ComposeService]
    progress: Progress
    _before: Mapping[str, Container] = field(default_factory=dict)
    _told: dict[str, str] = field(default_factory=dict)
    """Of which container each service was said, or known, to be up."""

    def run(self) -> None:
        """Return when all is healthy. What was started is stopped again when one fails; StackError says why."""
        self._before = self._containers()
        self._told = {name: one.id for name, one in self._before.items() if one.is_well}
        log = self.compose.settings.logs / "docker-up.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            process = subprocess.Popen(
                ("docker", *self.compose.command("up", "--detach", "--no-build", "--remove-orphans")),
                env=self.compose.environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            try:
                self._wait(process, log)
            except BaseException:
                process.terminate()
                process.wait()
                self._undo()
                raise

    def _wait(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        while True:
            ended = process.poll()
            found = self._containers()
            states = [self._is_ready(service, found.get(service.name)) for service in self.services]
            if ended:
                raise StackError(f"`docker compose up` failed. {last_lines(log)}The whole log: {log}")
            if ended == 0 and all(states):
                return
            time.sleep(POLL_SECONDS)

    def _is_ready(self, service: ComposeService, container: Container | None) -> bool:
        """Whether it does its work, said once. Raises StackError when it never will."""
        if container is None or container.state == "created":
            return False
        seconds = time.time() - container.since
        ended_well = container.state == "exited" and container.exit_code == 0
        if not (ended_well if service.ends else container.is_well):
            if not (service.ends and container.state == "running" and seconds < service.start_seconds):
                self._raise_failure(service, container, seconds)
            return False
        if self._told.get(service.name) != container.id:
            self._told[service.name] = container.id
            self.progress.say(
                f"{service.name} {'is done' if service.ends else f'is up after {seconds:.1f} s'}"
            )
        return True

    def _raise_failure(self, service: ComposeService, container: Container, seconds: float) -> None:
        if container.state in ("exited", "dead") or container.restarts > self._restarts(container):
            self._fail(service, container, f"ended while it started ({container.how_it_ended})")
        url = self.compose.settings.localstack_url
        if service.name == localstack.NAME and (reason := localstack.failure(url)):
            self._fail(service, container, reason)
        if container.health == "unhealthy" or seconds > service.start_seconds:
            told = f": {container.told}" if container.told else ""
            self._fail(service, container, f"is not healthy after {seconds:.0f} s{told}")

    def _fail(self, service: ComposeService, container: Container, why: str) -> None:
        log = saved_logs.save(self.compose, container)
        raise StackError(f"{service.name} {why}. {last_lines(log)}The whole log: {log}")

    def _containers(self) -> dict[str, Container]:
        return containers(self.compose.project, self.compose.caller())

    def _undo(self) -> None:
        # Whatever Docker says now, what went wrong before is what counts.
        with suppress(DockerError):
            found = self._containers()
            kept = {name for name, one in found.items() if one.is_up and one.id == self._was_up(name)}
            started = [name for name in found if name not in kept]
            self.progress.say(f"Stopping what was started: {', '.join(started)}")
            for name in started:
                saved_logs.save(self.compose, found[name])
            if kept:
                self.compose.run("rm", "--stop", "--force", *started)
            else:
                self.compose.run("down", "--remove-orphans")

    def _restarts(self, container: Container) -> int:
        """How often the container had been started again before this start."""
        before = self._before.get(container.service)
        return before.restarts if before and before.id == container.id else 0

    def _was_up(self, name: str) -> str | None:
        """The container that ran before this start."""
        before = self._before.get(name)
        return before.id if before and before.is_up else None
