"""A stack of services that are small, but real processes under a real supervisord."""

import sys
from dataclasses import replace

import psutil

from tests.ports import free_port
from tests.waiting import wait_until
from windtunnel.install.progress import Progress
from windtunnel.stack import leftovers
from windtunnel.stack.ask import ask
from windtunnel.stack.environment import process_environment
from windtunnel.stack.lifecycle import down, up
from windtunnel.stack.service import Service
from windtunnel.stack.settings import Settings
from windtunnel.stack.supervisor import Supervisor

HOST = "127.0.0.1"
AWKWARD = 'it\'s "quoted", 100% %(here)s\n; # and\tmore'
SERVER = """
import http.server, json, os, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"environment": dict(os.environ)}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)
print("serving", flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
DIES = "print('no such table: jobs', flush=True); raise SystemExit(3)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SERVER
LEAVES_A_CHILD = (
    "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'],"
    " start_new_session=True)\n" + SERVER
)
TALKS_IN_A_CHILD = (
    """
import os, pathlib, time
from windtunnel.stack.airflow.launch import keep_log_open
keep_log_open()
if os.fork() == 0:
    while True:
        try:
            print("still there", flush=True)
        except OSError:
            pathlib.Path("nobody-listens").touch()
        time.sleep(0.001)
"""
    + SERVER
)
"""Like a process of Airflow, it keeps its log open; its child leaves a file behind when it can't write there."""


class Said:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)

    task = None


class Stack:
    """The services of a test, on a state and ports of its own."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.supervisor = Supervisor(settings)
        self.said = Said()
        self.prepared: list[str] = []
        self.ended_clusters = 0
        self.installed = 0

    def service(self, name: str, code: str = SERVER, after: tuple[str, ...] = (), **more: object) -> Service:
        port = free_port()
        made = Service(
            name=name,
            command=(sys.executable, "-c", code, str(port)),
            environment={**process_environment(self.settings), "AWKWARD": AWKWARD},
            directory=self.settings.home,
            healthy=lambda: bool(ask(f"http://{HOST}:{port}/")),
            after=after,
            prepare=lambda _: self.prepared.append(name),
            port=port,
            port_setting=f"WINDTUNNEL_{name.upper()}_PORT",
            start_seconds=30,
            stop_seconds=10,
        )
        return replace(made, **more)  # type: ignore[arg-type]

    def up(self, *services: Service) -> bool:
        progress: Progress = self.said  # type: ignore[assignment]

        def set_up(_: Progress) -> None:
            self.installed += 1

        return up(self.settings, services, set_up, progress)

    def down(self) -> int:
        def end_clusters() -> None:
            self.ended_clusters += 1

        progress: Progress = self.said  # type: ignore[assignment]
        return down(self.settings, end_clusters, progress)

    def pid(self, name: str) -> int:
        pid = self.supervisor.state(name).pid
        assert pid
        return pid

    def processes(self) -> list[psutil.Process]:
        return leftovers.find(self.supervisor.identity)

    def kill_supervisor(self) -> None:
        for process in self.processes():
            if "supervisor.supervisord" in leftovers.command_line(process):
                process.kill()
        wait_until(lambda: self.supervisor.states() is None, 10, "supervisord is gone")


def environment_of(service: Service) -> dict[str, str]:
    found: dict[str, str] = ask(f"http://{HOST}:{service.port}/")["environment"]
    return found
