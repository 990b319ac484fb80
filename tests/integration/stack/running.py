"""Services run by hand: what the supervisor does with them, without a supervisor."""

import os
import signal
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil

from tests.waiting import wait_until
from windtunnel.install.progress import SILENT
from windtunnel.stack.service import Service


class Running:
    """A service that was started, with its output in `log`."""

    def __init__(self, service: Service, logs: Path) -> None:
        self.service = service
        self.log = logs / f"{service.name}.log"

    def start(self) -> None:
        if self.service.prepare:
            self.service.prepare(SILENT)
        self.launch()

    def launch(self) -> None:
        """Start it again as a supervisor does: without preparing anything."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.service.command,
                env=dict(self.service.environment),
                cwd=self.service.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_healthy(self) -> None:
        def reached() -> bool:
            assert self.process.poll() is None, f"{self.service.name} ended:\n{self.tail()}"
            return self.service.healthy()

        wait_until(reached, self.service.start_seconds, f"{self.service.name} is healthy")

    def kill(self) -> None:
        """kill -9 of the one process."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.send_signal(getattr(signal, f"SIG{self.service.stop_signal}"))
        try:
            self.process.wait(self.service.stop_seconds)
        except subprocess.TimeoutExpired:
            pass
        finally:
            self.end()

    def end(self) -> None:
        """Kill it and whatever is left of its session."""
        for process in self.session():
            with suppress(psutil.Error):
                process.kill()
        self.process.wait()

    def session(self) -> list[psutil.Process]:
        """It, and what it has started, as far as it is there."""
        found = []
        for process in psutil.process_iter():
            with suppress(ProcessLookupError):
                if os.getsid(process.pid) == self.process.pid:
                    found.append(process)
        return found

    def tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-30:])


@contextmanager
def running(services: Iterable[Service], logs: Path) -> Iterator[dict[str, Running]]:
    """All the services healthy, in their order; stopped the other way round at the end."""
    started: dict[str, Running] = {}
    with ExitStack() as stack:
        for service in services:
            for name in service.after:
                if name in started:
                    started[name].wait_healthy()
            one = started[service.name] = Running(service, logs)
            one.start()
            stack.callback(one.stop)
        for one in started.values():
            one.wait_healthy()
        yield started
