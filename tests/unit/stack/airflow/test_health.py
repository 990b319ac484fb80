"""Health, read from the document of a server that tells what the test wants."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from windtunnel.stack.airflow.health import PATH, component_healthy, server_healthy


@contextmanager
def serving(document: object, status: int = 200) -> Iterator[str]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == PATH else 404)
            self.end_headers()
            self.wfile.write(json.dumps(document).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def scheduler(status: str, heartbeat: datetime | None) -> object:
    return {
        "scheduler": {"status": status, "latest_scheduler_heartbeat": heartbeat and heartbeat.isoformat()}
    }


@pytest.fixture
def started(tmp_path: Path) -> Path:
    path = tmp_path / "started"
    path.touch()
    return path


def test_a_component_heard_of_since_it_started_is_healthy(started: Path) -> None:
    with serving(scheduler("healthy", datetime.now(UTC) + timedelta(seconds=1))) as url:
        assert component_healthy(url, "scheduler", started)


def test_the_heartbeat_of_the_process_before_does_not_count(started: Path) -> None:
    with serving(scheduler("healthy", datetime.now(UTC) - timedelta(seconds=9))) as url:
        assert not component_healthy(url, "scheduler", started)


def test_one_that_never_started_is_not_healthy(tmp_path: Path) -> None:
    with serving(scheduler("healthy", datetime.now(UTC))) as url:
        assert not component_healthy(url, "scheduler", tmp_path / "nothing")


@pytest.mark.parametrize(
    "document",
    [scheduler("unhealthy", datetime.now(UTC)), scheduler("healthy", None), {}, [], {"scheduler": None}],
)
def test_any_other_answer_means_not_healthy(document: object, started: Path) -> None:
    with serving(document) as url:
        assert not component_healthy(url, "scheduler", started)


def test_the_server_is_healthy_when_it_reaches_its_database() -> None:
    with serving({"metadatabase": {"status": "healthy"}}) as url:
        assert server_healthy(url)
    with serving({"metadatabase": {"status": "unhealthy"}}) as url:
        assert not server_healthy(url)
    with serving({"metadatabase": {"status": "healthy"}}, status=500) as url:
        assert not server_healthy(url)


def test_nobody_there_means_not_healthy() -> None:
    with serving({}) as url:
        pass

    assert not server_healthy(url)
