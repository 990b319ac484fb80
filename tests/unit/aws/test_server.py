"""The server as a process of its own."""

import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.ports import free_port

PROGRAM = """
import sys
from contextlib import asynccontextmanager
from windtunnel.aws.app import create_app
from windtunnel.aws.server import serve
from windtunnel.aws.service import Service

@asynccontextmanager
async def lifespan(app):
    if sys.argv[2] == "broken":
        raise RuntimeError("the store can't be opened")
    print("lifespan started", flush=True)
    yield
    print("lifespan ended", flush=True)

app = create_app([Service("emr", {}, {})], allowed_hosts=[], lifespan=lifespan)
serve(app, "127.0.0.1", int(sys.argv[1]))
print("returned", flush=True)
"""


@contextmanager
def started(port: int, mode: str = "sound") -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(port), mode],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def await_answer(process: subprocess.Popen[str], port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    pytest.fail(f"no answer; exit code {process.poll()}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_the_lifespan_and_returns(number: signal.Signals) -> None:
    port = free_port()
    with started(port) as process:
        await_answer(process, port)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)

    assert out.splitlines() == ["lifespan started", "lifespan ended", "returned"]
    assert process.returncode == 0
    assert "/health" not in err, "requests are not logged"
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO ", line) for line in err.splitlines())


def test_taken_port_ends_the_process_before_its_lifespan_starts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as owner, started(owner.getsockname()[1]) as process:
        out, err = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "Address already in use" in err
    assert out == ""


def test_lifespan_that_fails_ends_the_process_with_its_traceback() -> None:
    with started(free_port(), "broken") as process:
        _, err = process.communicate(timeout=60)

    assert process.returncode not in {0, None}
    assert "the store can't be opened" in err
