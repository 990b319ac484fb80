"""docker/airflow/health.py: whether what a container of Airflow consists of works."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tests.ports import free_port
from tests.project import ROOT
from tests.scripts import module

HEALTH = ROOT / "docker" / "airflow" / "health.py"
COMPONENTS = ("scheduler", "dag_processor", "triggerer")
BEFORE = "2001-01-01T00:00:00Z"


def now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def told(**other: Any) -> dict[str, Any]:
    """What the api-server tells when all is well."""
    parts = {name: {"status": "healthy", f"latest_{name}_heartbeat": now()} for name in COMPONENTS}
    return {"metadatabase": {"status": "healthy"}, **parts, **other}


@contextmanager
def server(answer: Any, status: int = 200) -> Iterator[str]:
    """The URL of an api-server with this answer."""
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/api/v2/monitor/health" else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as serving:
        thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{serving.server_port}"
        finally:
            serving.shutdown()
            thread.join()


def scheduler(url: str) -> tuple[int, str]:
    """The check of the scheduler's container as Docker runs it: exit code, what it says."""
    done = subprocess.run(
        [sys.executable, str(HEALTH), "scheduler"],
        env={"PATH": os.environ["PATH"], "MWAA__CORE__API_SERVER_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def check(container: str, **patched: Any) -> str:
    """What a check says; "" when all is well."""
    health = module(HEALTH)
    for name, value in patched.items():
        setattr(health, name, value)
    try:
        health.main(container)
    except SystemExit as ended:
        return str(ended.code)
    return ""


def test_with_every_heartbeat_the_schedulers_container_is_well() -> None:
    with server(told()) as url:
        assert scheduler(url) == (0, "")


@pytest.mark.parametrize("component", COMPONENTS)
@pytest.mark.parametrize(
    "part",
    [
        {"status": "unhealthy", "heartbeat": "now"},
        # Healthy, but by the heartbeat of a container before this one.
        {"status": "healthy", "heartbeat": BEFORE},
        {"status": "healthy", "heartbeat": None},
        None,
    ],
)
def test_each_of_its_processes_has_to_be_well_and_heard_of_since_it_started(
    component: str, part: dict[str, Any] | None
) -> None:
    heartbeat = f"latest_{component}_heartbeat"
    if part:
        beat = now() if part["heartbeat"] == "now" else part["heartbeat"]
        part = {"status": part["status"], heartbeat: beat}
    with server(told(**{component: part})) as url:
        assert scheduler(url) == (1, f"Not well, or not heard of yet: {component}.\n")


def test_a_container_has_started_between_the_machine_and_now() -> None:
    started = module(HEALTH).container_started()
    assert datetime.fromisoformat(BEFORE).timestamp() < started <= datetime.now(UTC).timestamp()


def test_heartbeats_of_an_instant_before_and_after_the_start_are_told_apart() -> None:
    well = module(HEALTH).is_well
    part = {"scheduler": {"status": "healthy", "latest_scheduler_heartbeat": "2026-11-20T10:00:00.5+00:00"}}
    start = datetime(2026, 11, 20, 10, tzinfo=UTC).timestamp()
    assert well("scheduler", part, start + 0.4)
    assert not well("scheduler", part, start + 0.6)


@pytest.mark.parametrize(("answer", "status"), [(told(), 500), (b"<html>", 200), (b"", 200), (b"[]", 404)])
def test_an_answer_that_is_none_is_a_sentence_and_no_traceback(answer: Any, status: int) -> None:
    with server(answer, status) as url:
        code, said = scheduler(url)
    assert code == 1
    assert said.startswith("scheduler does not answer: ")
    assert len(said.splitlines()) == 1


def test_nobody_there_is_a_sentence_too() -> None:
    code, said = scheduler(f"http://127.0.0.1:{free_port()}")
    assert (code, said.count("\n")) == (1, 1)
    assert said.startswith("scheduler does not answer: ")


def test_what_speaks_no_http_is_a_sentence_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one:

        def answer() -> None:
            connection, _ = one.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(b"SSH-2.0-no http\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        code, said = scheduler(f"http://127.0.0.1:{one.getsockname()[1]}")
        thread.join()
    assert code == 1
    assert said.startswith("scheduler does not answer: ")


def test_the_webserver_is_well_when_it_answers_and_reaches_the_database() -> None:
    others = {name: {"status": "unhealthy"} for name in COMPONENTS}
    with server(told(**others)) as url:
        assert check("webserver", OWN=url) == ""


@pytest.mark.parametrize("broken", [{"metadatabase": {"status": "unhealthy"}}, {"metadatabase": {}}])
def test_a_webserver_without_its_database_is_not_well(broken: dict[str, Any]) -> None:
    with server(told(**broken)) as url:
        assert check("webserver", OWN=url) == "The metadata database does not answer."
    with server({}) as url:
        assert check("webserver", OWN=url) == "The metadata database does not answer."


def test_the_worker_is_well_when_it_serves_its_logs() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one:
        assert check("worker", LOG_PORT=one.getsockname()[1]) == ""
    assert check("worker", LOG_PORT=free_port()).startswith("worker does not answer: ")
