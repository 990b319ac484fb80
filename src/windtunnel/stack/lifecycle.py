"""Up and down: the services in the order of their dependencies, with bounds, and undone when one fails."""

import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from windtunnel.install.files import locked
from windtunnel.install.progress import Progress
from windtunnel.stack import leftovers, ports, records
from windtunnel.stack.environment import identity
from windtunnel.stack.errors import StackError
from windtunnel.stack.records import Record, record_of
from windtunnel.stack.service import Service
from windtunnel.stack.settings import Settings
from windtunnel.stack.supervisor import State, Supervisor

POLL_SECONDS = 0.1
LAST_LINES = 15
LEFTOVER_SECONDS = 30
EMR = "emr"


SetUp = Callable[[Progress], None]
"""Installs what the services need; repeatable, quick when all is there."""


def healthy(services: Iterable[Service]) -> dict[str, bool]:
    """Which services say that they are healthy, asked all at once."""
    asked = list(services)
    with ThreadPoolExecutor(max(1, len(asked))) as pool:
        return dict(zip((s.name for s in asked), pool.map(lambda s: s.healthy(), asked), strict=True))


def is_all_up(supervisor: Supervisor, services: Sequence[Service]) -> bool:
    """Whether every service runs, healthy, as it is wanted."""
    states, known = supervisor.states(), supervisor.records()
    wanted = {s.name: record_of(s, supervisor.identity) for s in services}
    as_wanted = states is not None and all(_runs_as(r, states, known) for r in wanted.values())
    return as_wanted and all(healthy(services).values())


def _runs_as(wanted: Record, states: Mapping[str, State], known: Mapping[str, Record]) -> bool:
    state, record = states.get(wanted.name), known.get(wanted.name)
    return bool(state and state.is_up and record and record.definition == wanted.definition)


@contextmanager
def lock(settings: Settings, progress: Progress) -> Iterator[None]:
    """Hold the stack against another `up` or `down` of the same state."""
    waiting = "Another windtunnel is bringing this stack up or down; waiting for it"
    with locked(settings.state / ".lock", waiting=lambda: progress.say(waiting)):
        yield


def is_state(settings: Settings) -> bool:
    """Whether the state's folder is one that a stack has used."""
    return any((settings.state / name).exists() for name in ("supervisord.conf", "emr/emr.sqlite", "docker"))


def up(settings: Settings, services: Sequence[Service], set_up: SetUp, progress: Progress) -> bool:
    """Have every service run, healthy and with the settings of now; False when nothing was to be done.

    What was started is stopped again when a service fails or the user interrupts. Raises StackError that
    says which service, why, and which log.
    """
    services = _in_order(services)
    supervisor = Supervisor(settings)
    if is_all_up(supervisor, services):
        return False
    with lock(settings, progress):
        _check_foreign_ports(settings, services)
        supervisor.ensure(record_of(s, supervisor.identity) for s in services)
        try:
            missing = _stop_what_is_not_wanted(supervisor, services, progress)
            _check_ports(settings, missing)
            set_up(progress)
            _Start(supervisor, services, missing, progress).run()
        except BaseException:
            if all(state.is_stopped for state in (supervisor.states() or {}).values()):
                supervisor.shut_down()
            raise
    return True


def _stop_what_is_not_wanted(
    supervisor: Supervisor, services: Sequence[Service], progress: Progress
) -> list[Service]:
    """Stop what runs with other settings than those of now; the services that have to be started."""
    states, known = supervisor.states() or {}, supervisor.records()
    wanted = {s.name: record_of(s, supervisor.identity) for s in services}
    missing = [s for s in services if not _runs_as(wanted[s.name], states, known)]
    stopping = [s.name for s in missing if s.name in states and not states[s.name].is_stopped]
    if changed := [name for name in stopping if states[name].is_up]:
        progress.say(f"Starting anew, since their settings have changed: {', '.join(changed)}")
    stop_all(supervisor, [known.get(name, wanted[name]) for name in stopping])
    return missing


def _check_foreign_ports(settings: Settings, services: Iterable[Service]) -> None:
    """Before anything is stopped: every port that is wanted is free, or this stack's own."""

    def is_own(service: Service) -> bool:
        port = service.port
        if not port or not ports.is_taken(settings.host, port):
            return False
        return ports.project_at(port) == str(settings.home)

    _check_ports(settings, (service for service in services if not is_own(service)))


def _check_ports(settings: Settings, services: Iterable[Service]) -> None:
    for service in services:
        if service.port and ports.is_taken(settings.host, service.port):
            sentence = ports.taken_message(service.name, settings.host, service.port, service.port_setting)
            raise StackError(sentence)


@dataclass
class _Start:
    """One start of several services, each in a thread that waits for those that it comes after."""

    supervisor: Supervisor
    services: Sequence[Service]
    """Each after those that it comes after."""
    missing: Sequence[Service]
    progress: Progress
    stop: threading.Event = field(default_factory=threading.Event)
    started: dict[str, Record] = field(default_factory=dict)

    def run(self) -> None:
        names = {s.name for s in self.missing}
        with ThreadPoolExecutor(max(1, len(self.services))) as pool:
            running: dict[str, Future[None]] = {}
            for service in self.services:
                before = [running[name] for name in service.after]
                running[service.name] = pool.submit(self._bring_up, service, before, service.name in names)
            try:
                done, _ = wait(running.values(), return_when=FIRST_EXCEPTION)
                _raise_first(done)
            except BaseException:
                self.stop.set()
                pool.shutdown(cancel_futures=True)
                self._undo()
                raise

    def _bring_up(self, service: Service, before: Iterable[Future[None]], missing: bool) -> None:
        for earlier in before:
            earlier.result()
        began = time.monotonic()
        if missing:
            self._begin(service)
        self._wait_for(service)
        if missing:
            self.progress.say(f"{service.name} is up after {time.monotonic() - began:.1f} s")

    def _begin(self, service: Service) -> None:
        if service.prepare:
            service.prepare(self.progress)
        if self.stop.is_set():
            raise _Stopped
        record = record_of(service, self.supervisor.identity)
        self.started[service.name] = record
        self.supervisor.start(record)

    def _wait_for(self, service: Service) -> None:
        began = time.monotonic()
        log = self.supervisor.log(service.name)
        size = log.stat().st_size if log.exists() else 0
        first_pid: int | None = None
        while not service.healthy():
            state = self.supervisor.state(service.name)
            first_pid = first_pid or state.pid
            if not state.is_up or state.pid != first_pid:
                how = self.supervisor.how_it_ended(service.name)
                raise StackError(_failure(service, f"ended while it started ({how})", log, size))
            if service.failure and (reason := service.failure()):
                raise StackError(_failure(service, reason, log, size))
            if time.monotonic() > began + service.start_seconds:
                why = f"is not healthy after {service.start_seconds:.0f} s"
                raise StackError(_failure(service, why, log, size))
            if self.stop.wait(POLL_SECONDS):
                raise _Stopped

    def _undo(self) -> None:
        if self.started:
            self.progress.say(f"Stopping what was started: {', '.join(self.started)}")
            stop_all(self.supervisor, self.started.values())


class _Stopped(Exception):
    """Another service failed, so this one is no longer waited for."""


def _raise_first(done: Iterable[Future[None]]) -> None:
    errors = [error for future in done if (error := future.exception())]
    for error in sorted(errors, key=lambda e: isinstance(e, _Stopped)):
        raise error


def _in_order(services: Iterable[Service]) -> list[Service]:
    """Each service after those it names."""
    left = {s.name: s for s in services}
    ordered: list[Service] = []
    while left:
        ready = [s for s in left.values() if not left.keys() & set(s.after)]
        if not ready:
            raise StackError(f"These services wait for each other: {', '.join(left)}.")
        ordered += ready
        for service in ready:
            del left[service.name]
    return ordered


def _failure(service: Service, why: str, log: Path, size: int) -> str:
    return f"{service.name} {why}. {last_lines(log, size)}The whole log: {log}"


def last_lines(log: Path, start: int = 0, count: int = LAST_LINES) -> str:
    """What a log says at its end, from the byte `start` on, as a paragraph for a message."""
    try:
        with log.open("rb") as file:
            file.seek(start if start <= log.stat().st_size else 0)
            lines = file.read().decode(errors="replace").splitlines()[-count:]
    except FileNotFoundError:
        lines = []
    if not lines:
        return "It wrote nothing. "
    return "Its last lines:\n" + "".join(f"    {line}\n" for line in lines)


def stop_all(supervisor: Supervisor, stopping: Iterable[Record]) -> None:
    """Stop these services in reverse order, each as it wants to be stopped, side by side where it may be."""
    for wave in records.stop_waves(stopping):
        with ThreadPoolExecutor(len(wave)) as pool:
            list(pool.map(supervisor.stop, wave))


def down(settings: Settings, end_clusters: Callable[[], object], progress: Progress) -> int:
    """Stop everything; no process of this stack lives afterwards. The number of services that were running.

    `end_clusters` is called when the EMR service is gone and cannot end its clusters itself; first, since
    their logs go to S3.
    """
    if not settings.state.exists() and not leftovers.find(identity(settings)):
        return 0
    supervisor = Supervisor(settings)
    with lock(settings, progress):
        known = supervisor.records()
        running = [record for record in known.values() if leftovers.find(record.identity)]
        unknown = [name for name in supervisor.states() or {} if name not in known]  # their state was removed
        if EMR not in {record.name for record in running}:
            end_clusters()
        for name in (*(record.name for record in running), *unknown):
            progress.say(f"Stopping {name}")
        if unknown:
            leftovers.end(supervisor.identity, ask=signal.SIGTERM, seconds=LEFTOVER_SECONDS)
        elif supervisor.states() is None:
            supervisor.end_orphans()
        else:
            stop_all(supervisor, running)
            supervisor.shut_down()
        leftovers.end(supervisor.identity)
        supervisor.remove_traces()
    return len(running) + len(unknown)
