"""The Docker stack as the commands see it; see `windtunnel.stack.stack.Stack`."""

import json
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from windtunnel.install.files import write_atomically
from windtunnel.install.progress import Progress
from windtunnel.stack import ports
from windtunnel.stack.docker import saved_logs, start
from windtunnel.stack.docker.compose import Compose
from windtunnel.stack.docker.containers import PROJECT, Container, containers, who_publishes, written_by
from windtunnel.stack.docker.engine import DockerError, check_engine, docker, inspect, is_off, why_no_engine
from windtunnel.stack.docker.services import PUBLISHED, ComposeService, compose_services
from windtunnel.stack.docker.watch import DockerWatch
from windtunnel.stack.errors import StackError
from windtunnel.stack.lifecycle import lock
from windtunnel.stack.logs import tail
from windtunnel.stack.settings import Settings, variable
from windtunnel.stack.stack import ServiceStatus

CLEAR = "\033[2K"
UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def has_state(settings: Settings) -> bool:
    """Whether a Docker stack has used the state's folder."""
    return Compose(settings).folder.exists()


def is_kept_up(settings: Settings) -> bool:
    """Whether the project's Docker stack was brought up, and not down since."""
    return _revision(settings).exists()


def _revision(settings: Settings) -> Path:
    """Where it is kept what is up."""
    return Compose(settings).folder / "revision"


class DockerStack:
    """The services of one project by Docker Compose."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._compose = Compose(settings)
        self._revision = _revision(settings)
        self._made_by = self._compose.folder / "made-by.json"

    @property
    def _services(self) -> list[ComposeService]:
        return compose_services(self._settings)

    def _containers(self) -> dict[str, Container]:
        return containers(self._compose.project, self._compose.caller())

    def up(self, progress: Progress) -> bool:
        self._compose.check()
        check_engine(self._compose.caller())
        if self._is_all_up():
            return False
        with lock(self._settings, progress):
            self._check_ports()
            self._revision.unlink(missing_ok=True)
            self._compose.write_files()
            start.build(self._compose, progress)
            start.set_up(self._compose, progress)
            start.give_logs_to_airflow(self._compose)
            self._remove_what_is_not_wanted(progress)
            start.Start(self._compose, self._services, progress).run()
            write_atomically(self._made_by, json.dumps(self._compose.made_by()))
            write_atomically(self._revision, self._compose.revision())
        return True

    def _is_all_up(self) -> bool:
        if not self._revision.exists() or self._revision.read_text() != self._compose.revision():
            return False
        found = self._containers()
        return all(one.ends or (one.name in found and found[one.name].is_well) for one in self._services)

    def _check_ports(self) -> None:
        for service in self._services:
            if service.port and (by := self._holder(service.port)):
                host, setting = self._settings.host, variable(service.setting)
                raise StackError(ports.taken_message(service.name, host, service.port, setting, by=by))
        first, _, last = self._compose.web_ports.partition("-")
        wanted = range(int(first), int(last) + 1)
        for port in wanted:
            if by := self._holder(port):
                host, setting = self._settings.host, variable("emr_web_ports")
                free = ports.free_range(host, wanted[-1], len(wanted))
                name, other = "a web page of Hadoop or Spark", f"{free[0]}-{free[-1]}"
                raise StackError(ports.taken_message(name, host, port, setting, by=by, free=other))

    def _holder(self, port: int) -> str:
        """Who else than this stack has the port; empty: nobody."""
        if not ports.is_taken(self._settings.host, port):
            return ""
        who = who_publishes(port, self._compose.caller())
        if who and who.project == self._compose.project:
            return ""
        return who.told if who else ports.whose(port)

    def _remove_what_is_not_wanted(self, progress: Progress) -> None:
        """Containers that have ended (LocalStack's would have files of a lost S3), or are not those of now."""
        found = self._containers()
        wanted = {one.name: one for one in self._services}
        ended = [name for name, one in found.items() if not one.is_up]
        changed = [name for name in self._changed(found) if name not in ended]
        gone = [name for name in found if name not in wanted and name not in ended]
        for names, why in (
            (ended, "they had ended"),
            (changed, "their settings or their images have changed"),
        ):
            if again := [name for name in names if name in wanted and not wanted[name].ends]:
                progress.say(f"Starting anew, since {why}: {', '.join(again)}")
        if gone:
            progress.say(f"Stopping what is not asked for: {', '.join(gone)}")
        if old := [*ended, *changed, *gone]:
            self._stop([*changed, *gone])
            for name in old:
                saved_logs.save(self._compose, found[name])
            self._compose.run("--profile", "*", "rm", "--force", *old)

    def _changed(self, found: Mapping[str, Container]) -> list[str]:
        """The services whose containers would be made otherwise now."""
        made, wanted = self._kept_made_by(), self._compose.made_by()
        images = {one.image for one in found.values()}
        now = {
            name: told[0]["Id"]
            for name in images
            if (told := inspect("image", [name], self._compose.caller()))
        }
        return [
            name
            for name, one in found.items()
            if name in wanted and (made.get(name), one.image_id) != (wanted[name], now.get(one.image))
        ]

    def _kept_made_by(self) -> dict[str, str]:
        try:
            kept: dict[str, str] = json.loads(self._made_by.read_text())
        except (OSError, ValueError):
            return {}
        return kept

    def down(self, progress: Progress) -> int:
        try:
            found = self._containers()
        except DockerError as error:
            # One that hangs, or lets nobody in, may well run them.
            if not is_off(error):
                raise StackError(why_no_engine(str(error))) from error
            if has_state(self._settings):
                progress.say("Docker's engine does not answer, so none of its containers runs.")
                self._revision.unlink(missing_ok=True)
            return 0
        if not found:
            self._revision.unlink(missing_ok=True)
            return 0
        with lock(self._settings, progress):
            running = [name for name, one in found.items() if one.is_up]
            for name in running:
                progress.say(f"Stopping {name}")
            self._stop(running)
            for container in self._containers().values():
                saved_logs.save(self._compose, container)
            self._compose.run("--profile", "*", "down", "--remove-orphans")
            self._revision.unlink(missing_ok=True)
        return len(running)

    def _stop(self, running: Sequence[str]) -> None:
        """Nothing before what comes after it or uses it: EMR's clusters send their logs to S3 as they end."""
        ours = [name for name in running if name not in PUBLISHED]
        for wave in (ours, [name for name in running if name in PUBLISHED]):
            if wave:
                self._compose.run("--profile", "*", "stop", *wave)

    def forget(self) -> list[str]:
        caller, project = self._compose.caller(), self._compose.project
        of_it = ("--quiet", "--filter", f"label={PROJECT}={project}")
        try:
            volumes = docker("volume", "ls", *of_it, environment=caller).split()
        except DockerError as error:
            raise StackError(
                f"The volumes of {project} can only be removed while Docker's engine runs. It said: {error}"
            ) from error
        images = [name for name in self._compose.images() if inspect("image", [name], caller)]
        for kind, names in (("volume", volumes), ("image", images)):
            if names:
                docker(kind, "rm", *names, environment=caller)
        return [f"Docker's {', '.join((*volumes, *images))}"] if volumes or images else []

    def links(self) -> Mapping[str, str]:
        settings = self._settings
        return {
            "LocalStack": settings.localstack_url,
            "EMR": settings.emr_url,
            "Airflow": settings.airflow_url,
        }

    def status(self) -> list[ServiceStatus]:
        check_engine(self._compose.caller())
        found = self._containers()
        used = self._memory([one.id for one in found.values() if one.is_up])
        wanted = {one.name: one for one in self._services if not one.ends}
        names = dict.fromkeys([*wanted, *(n for n, one in found.items() if one.is_up)])
        return [self._status(name, wanted.get(name), found.get(name), used) for name in names]

    def _status(
        self, name: str, service: ComposeService | None, container: Container | None, used: Mapping[str, int]
    ) -> ServiceStatus:
        is_up = container is not None and container.is_up
        return ServiceStatus(
            name=name,
            state=_words(container),
            is_well=container is not None and container.is_well,
            pid=container.pid if container else None,
            port=service.port if service else None,
            uptime=time.time() - container.since if container and is_up else None,
            memory=used.get(container.id) if container else None,
        )

    def _memory(self, ids: Sequence[str]) -> dict[str, int]:
        if not ids:
            return {}
        columns = "{{.ID}}\t{{.MemUsage}}"
        said = docker(
            *("stats", "--no-stream", "--no-trunc", "--format", columns, *ids),
            environment=self._compose.caller(),
        )
        pairs = (line.split("\t") for line in said.splitlines())
        return {identity: _bytes(usage.partition("/")[0]) for identity, usage in pairs}

    def logs(self) -> list[str]:
        return [one.name for one in self._services]

    def tail(self, name: str, count: int) -> list[str]:
        try:
            container = self._containers().get(name)
        except DockerError:
            container = None
        if container is None:
            return tail(saved_logs.log_file(self._compose, name), count)
        return written_by(container, self._compose.caller(), count).splitlines()

    def follow(self, names: Sequence[str]) -> Iterator[tuple[str, str]]:
        arguments = self._compose.command("logs", "--no-color", "--follow", "--tail", "0", *names)
        with subprocess.Popen(
            ("docker", *arguments),
            env=self._compose.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            errors="replace",
        ) as process:
            try:
                for line in process.stdout or ():
                    # Compose writes how to clear a terminal's line where there is no terminal too.
                    container, _, text = line.rstrip("\n").replace(CLEAR, "").partition("| ")
                    yield container.strip().rpartition("-")[0], text
            finally:
                process.terminate()

    def watch(self) -> DockerWatch:
        return DockerWatch(
            self._compose, {one.name for one in self._services if not one.ends}, self._containers()
        )


def _words(container: Container | None) -> str:
    if container is None:
        return "down"
    if container.is_well:
        return "healthy"
    if container.state == "running":
        return "not healthy"
    if container.state == "exited":
        return f"died ({container.how_it_ended})" if container.exit_code else "down"
    return container.state


def _bytes(text: str) -> int:
    """`1.5GiB` as Docker writes it."""
    text = text.strip()
    number = text.rstrip("BkKMGTi")
    return int(float(number or 0) * UNITS.get(text[len(number) :], 1))
