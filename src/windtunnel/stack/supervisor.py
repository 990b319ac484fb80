"""supervisord: it keeps the services running, and is asked over a unix socket that only the user enters."""

import os
import pwd
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from xmlrpc.client import Error, Fault, ServerProxy

import psutil
from supervisor.states import ProcessStates, getProcessStateDescription  # type: ignore[import-untyped]
from supervisor.xmlrpc import Faults, SupervisorTransport  # type: ignore[import-untyped]

from windtunnel.install.files import write_atomically
from windtunnel.stack import leftovers, records
from windtunnel.stack.environment import identity, process_environment
from windtunnel.stack.errors import StackError
from windtunnel.stack.logs import tail
from windtunnel.stack.records import Record
from windtunnel.stack.settings import Settings, runtime_folder

MODULE = "supervisor.supervisord"
START_SECONDS = 20
ANSWER_SECONDS = 30
"""After which a supervisord counts as one that does not answer."""
LOG_LINES = 500
POLL_SECONDS = 0.05
SETTLE_SECONDS = 1
"""What dies sooner is started again only a few times, a little later each time."""


@dataclass(frozen=True)
class State:
    """What supervisord says of one service: its word for the state, and since when, in seconds since 1970."""

    name: str
    state: str
    pid: int | None
    since: float

    @property
    def is_up(self) -> bool:
        """Whether there is a process."""
        return self.state in ("STARTING", "RUNNING")

    @property
    def is_stopped(self) -> bool:
        return self.state in ("STOPPED", "EXITED", "FATAL", "UNKNOWN")


def _transport(path: Path) -> SupervisorTransport:
    """supervisor's own, which would wait for ever for a supervisord that hangs."""
    transport = SupervisorTransport("", "", f"unix://{path}")
    make = transport._get_connection

    def connect() -> HTTPConnection:
        connection: HTTPConnection = make()
        connection.connect()
        connection.sock.settimeout(ANSWER_SECONDS)
        return connection

    transport._get_connection = connect
    return transport


class Supervisor:
    """The supervisord of one stack. Calls raise StackError when it does not answer."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.identity: Mapping[str, str] = identity(settings)
        self.services = settings.state / "services"
        self.logs = settings.logs
        runtime = runtime_folder(settings)
        self._configuration = settings.state / "supervisord.conf"
        self._socket = runtime / "supervisord.sock"

    def states(self) -> dict[str, State] | None:
        """The state of every service it knows, by name; None when no supervisord answers."""
        try:
            answers = self._call("getAllProcessInfo")
        except (OSError, Error):
            return None
        return {a["name"]: _state(a) for a in answers}

    def state(self, name: str) -> State:
        return _state(self._ask("getProcessInfo", name))

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def how_it_ended(self, name: str) -> str:
        """How the service's last process ended: `exit status 3`, `terminated by SIGKILL`.

        Only supervisord's log still knows when the next process runs already.
        """
        said = f"exited: {name} ("
        lines = tail(self.log("supervisord"), LOG_LINES)
        ends = [line.partition(said)[2].partition(";")[0].rstrip(")") for line in lines if said in line]
        return ends[-1] if ends else "nobody saw how"

    def records(self) -> dict[str, Record]:
        """What was last started, by name."""
        return records.load(self.services)

    def ensure(self, wanted: Iterable[Record]) -> None:
        """Have a supervisord that knows these services and no others; it starts none by itself.

        What it was told otherwise of, or isn't wanted, is stopped. One that was killed leaves its services
        behind; they are ended, for nobody watches them.
        """
        text = self._text(wanted)
        if not self._configuration.exists():
            # Its folder was removed while it ran: nobody knows what it kept there, and it can start nothing.
            leftovers.end(self.identity, ask=signal.SIGTERM, seconds=START_SECONDS)
        if self.states() is None:
            self.end_orphans()
            runtime_folder(self._settings)
            write_atomically(self._configuration, text, 0o600)
            self._start()
        else:
            write_atomically(self._configuration, text, 0o600)
            self._reread()

    def start(self, record: Record) -> None:
        """Start the service, or do nothing when it runs."""
        records.save(self.services, record)
        self._ask("startProcess", record.name, False, unless=Faults.ALREADY_STARTED)

    def stop(self, record: Record) -> None:
        """Stop the service and wait until nothing of it is left."""
        self._ask("stopProcess", record.name, False, unless=Faults.NOT_RUNNING)
        _wait(
            lambda: self.state(record.name).is_stopped,
            record.stop_seconds + START_SECONDS,
            f"{record.name} does not stop; its log: {self.log(record.name)}",
        )
        leftovers.end(record.identity)

    def shut_down(self) -> None:
        """End supervisord itself, once its services have been stopped."""
        self._ask("shutdown")
        _wait(lambda: not self._own(), START_SECONDS, "supervisord does not end")

    def remove_traces(self) -> None:
        """Remove the folder of its socket, once it has ended."""
        shutil.rmtree(self._socket.parent, ignore_errors=True)

    def end_orphans(self) -> None:
        """End what a killed supervisord left behind: each as it likes to be stopped, then by force."""
        for process in self._own():
            leftovers.kill(process)
        for wave in records.stop_waves(self.records().values()):
            for record in wave:
                leftovers.end(
                    record.identity,
                    ask=signal.Signals[f"SIG{record.stop_signal}"],
                    seconds=record.stop_seconds,
                )

    def _own(self) -> list[psutil.Process]:
        """The processes of supervisord itself, answering or not."""
        return [p for p in leftovers.find(self.identity) if MODULE in leftovers.command_line(p)]

    def _call(self, method: str, *arguments: object) -> Any:
        with ServerProxy("http://127.0.0.1", transport=_transport(self._socket)) as proxy:
            return getattr(proxy.supervisor, method)(*arguments)

    def _ask(self, method: str, *arguments: object, unless: int | None = None) -> Any:
        """Call supervisord; the fault `unless` means that there was nothing to do."""
        try:
            return self._call(method, *arguments)
        except Fault as fault:
            if fault.faultCode == unless:
                return {}
            raise StackError(f"supervisord refused {method} {arguments}: {fault.faultString}") from fault
        except (OSError, Error) as error:
            raise StackError(
                f"supervisord does not answer ({error}). Was it killed? `make up` starts it again; "
                f"its log: {self.log('supervisord')}"
            ) from error

    def _start(self) -> None:
        for folder in (self.services, self.logs):
            folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-I", "-m", MODULE, "-c", str(self._configuration)]
        done = subprocess.run(
            command,
            cwd=self._settings.state,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise StackError(f"supervisord does not start: {(done.stdout + done.stderr).strip()}")
        _wait(
            lambda: self.states() is not None,
            START_SECONDS,
            f"supervisord does not answer; its log: {self.log('supervisord')}",
        )

    def _environment(self) -> dict[str, str]:
        """supervisord's own; LAUNCH is in it so that no path has to survive the quoting of an ini file."""
        inherited = process_environment(self._settings)
        launch = [sys.executable, "-I", "-m", "windtunnel.stack.launch", str(self.services)]
        return {
            **{name: inherited[name] for name in ("PATH", "HOME", "TMPDIR") if name in inherited},
            **self.identity,
            "LAUNCH": shlex.join(launch),
        }

    def _text(self, wanted: Iterable[Record]) -> str:
        user = f"user={pwd.getpwuid(0).pw_name}\n" if os.getuid() == 0 else ""
        programs = (_program(record) for record in sorted(wanted, key=lambda r: r.name))
        return _MAIN.format(socket=self._socket, user=user) + "".join(programs)

    def _reread(self) -> None:
        added, changed, removed = self._ask("reloadConfig")[0]
        known = self.records()
        for wave in records.stop_waves(known[name] for name in (*changed, *removed) if name in known):
            for record in wave:
                self.stop(record)
        for name in (*changed, *removed):
            self._ask("removeProcessGroup", name)
        for name in (*changed, *added):
            self._ask("addProcessGroup", name)


def _state(answer: Mapping[str, Any]) -> State:
    state = str(getProcessStateDescription(answer["state"]))
    since = answer["stop"] if answer["state"] in _ENDED else answer["start"]
    return State(
        name=answer["name"],
        state=state,
        pid=answer["pid"] or None,
        since=since,
    )


_ENDED = (ProcessStates.STOPPED, ProcessStates.EXITED, ProcessStates.FATAL, ProcessStates.BACKOFF)


def _wait(reached: Callable[[], bool], seconds: float, otherwise: str) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > deadline:
            raise StackError(f"{otherwise} (after {seconds:.0f} s).")
        time.sleep(POLL_SECONDS)


# Logs are named from the state folder, in which supervisord works: a path's percent signs would be expanded.
_MAIN = """\
[supervisord]
logfile=logs/supervisord.log
logfile_maxbytes=2MB
logfile_backups=1
pidfile={socket}.pid
{user}
[unix_http_server]
file={socket}
chmod=0600

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""

_PROGRAM = """
[program:{name}]
command=%(ENV_LAUNCH)s {name}
autostart=false
autorestart={restart}
startsecs={settle}
stopsignal={signal}
stopwaitsecs={seconds}
killasgroup=true
redirect_stderr=true
stdout_logfile=logs/{name}.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=3
"""


def _program(record: Record) -> str:
    return _PROGRAM.format(
        name=record.name,
        restart="true" if record.restart else "false",
        # Any value but 0 would start it again when it dies at once, wanted or not.
        settle=SETTLE_SECONDS if record.restart else 0,
        signal=record.stop_signal,
        seconds=max(1, round(record.stop_seconds)),
    )
