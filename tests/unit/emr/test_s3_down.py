"""S3 is away while logs are to be saved: steps and clusters end as they would, and the logs follow when it is back."""

import gzip
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.emr import Emr, step
from tests.ports import free_port
from tests.waiting import eventually
from windtunnel.emr import reconciler

KEYS = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "us-east-1"}
ENDS = {"KeepJobFlowAliveWhenNoSteps": False}
FAILS = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same waits, shorter."""
    monkeypatch.setattr("windtunnel.emr.logs.READ_SECONDS", 1)
    monkeypatch.setattr("windtunnel.emr.logs.SILENCE_SECONDS", 0.5)
    monkeypatch.setattr("windtunnel.emr.cluster_reconciler.SAVE_SECONDS", 1)
    monkeypatch.setattr("windtunnel.emr.cluster_reconciler.LOG_SECONDS", 0.2)
    monkeypatch.setattr(reconciler, "RETRY_LOGS_SECONDS", 0.2)
    monkeypatch.setattr(reconciler, "REST_SECONDS", 0.2)


@pytest.fixture
def port() -> int:
    """Where S3 is, when it is."""
    return free_port()


@pytest.fixture
def emr(port: int, tmp_path: Path) -> Iterator[Emr]:
    """A service that knows where."""
    service = Emr(tmp_path / "emr", {**KEYS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"})
    yield service
    service.stop()


@contextmanager
def nothing(port: int) -> Iterator[None]:
    """Connections are refused."""
    yield


@contextmanager
def silence(port: int) -> Iterator[None]:
    """Connections are taken, and no request is ever answered."""
    with socket.create_server(("127.0.0.1", port)):
        yield


@contextmanager
def failure(port: int) -> Iterator[None]:
    """Each request is answered with 500."""
    with _answering(port, lambda connection: connection.sendall(FAILS)):
        yield


@contextmanager
def drip(port: int) -> Iterator[None]:
    """Each request is answered with 500, a byte now and then."""

    def answer(connection: socket.socket) -> None:
        with suppress(OSError):
            for byte in FAILS:
                connection.sendall(bytes([byte]))
                time.sleep(0.02)  # S3's own slowness, not a wait of the test's

    with _answering(port, answer):
        yield


@contextmanager
def moto(port: int) -> Iterator[Any]:
    """S3, with the bucket `logs`; its client."""
    server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
    server.start()
    try:
        yield client_of(port)
    finally:
        server.stop()


def client_of(port: int) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="k",
        aws_secret_access_key="s",
    )


@contextmanager
def _answering(port: int, answer: Callable[[socket.socket], None]) -> Iterator[None]:
    server = socket.create_server(("127.0.0.1", port))

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                threading.Thread(target=_serve, args=(connection, answer), daemon=True).start()

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()


def _serve(connection: socket.socket, answer: Callable[[socket.socket], None]) -> None:
    with connection, suppress(OSError):
        connection.recv(1 << 16)
        answer(connection)


@pytest.mark.parametrize("trouble", [nothing, silence, failure, pytest.param(drip, marks=pytest.mark.soak)])
def test_steps_end_truthfully_without_s3_and_their_logs_follow(
    trouble: Callable[[int], Any], emr: Emr, port: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with trouble(port):
        says = step("bash", "-c", "echo well"), step("bash", "-c", "exit 3")
        ended = emr.run(*says, Instances=ENDS, LogUri="s3://logs/a/")
        alive = emr.run(*says, LogUri="s3://logs/b")
        emr.wait(ended, "TERMINATED", ["COMPLETED", "FAILED"])
        emr.wait(alive, "WAITING", ["COMPLETED", "FAILED"])
    assert f"Logs of {ended} could not be copied to s3://logs/a/" in caplog.text
    with moto(port) as s3:
        s3.create_bucket(Bucket="logs")
        for cluster, prefix in ((ended, "a"), (alive, "b")):
            eventually(lambda prefix=prefix, cluster=cluster: check_logs(s3, f"{prefix}/{cluster}"))  # type: ignore[misc]
        eventually(
            lambda: _assert(f"The logs of {ended}, which has ended, are in s3://logs/a/" in caplog.text)
        )


def test_a_bucket_that_is_gone_ends_no_other_cluster_s_logs(
    emr: Emr, port: int, caplog: pytest.LogCaptureFixture
) -> None:
    with moto(port) as s3:
        for bucket in ("gone", "logs"):
            s3.create_bucket(Bucket=bucket)
        says = step("bash", "-c", "echo well"), step("bash", "-c", "exit 3")
        gone, good = (emr.run(*says, LogUri=f"s3://{bucket}/") for bucket in ("gone", "logs"))
        emr.wait(gone, "WAITING", ["COMPLETED", "FAILED"])
        for one in s3.list_objects_v2(Bucket="gone").get("Contents", []):
            s3.delete_object(Bucket="gone", Key=one["Key"])
        more: Any = [step("true")]
        [last] = emr.client.add_job_flow_steps(JobFlowId=gone, Steps=more)["StepIds"]
        s3.delete_bucket(Bucket="gone")
        emr.wait(gone, "WAITING", ["COMPLETED", "FAILED", "COMPLETED"])
        eventually(lambda: check_logs(s3, good))
        emr.client.terminate_job_flows(JobFlowIds=[gone])
        emr.wait(gone, "TERMINATED")
        assert f"Logs of {gone} could not be copied to s3://gone/: " in caplog.text
        s3.create_bucket(Bucket="gone")
        eventually(lambda: _assert(f"/steps/{last}/controller.gz" in str(s3.list_objects_v2(Bucket="gone"))))


def test_an_s3_that_never_answers_holds_no_other_cluster_up(emr: Emr, port: int) -> None:
    """More clusters wait for it than there are threads: the one without a LogUri goes on."""
    with silence(port):
        waiting = [
            emr.run(step("true"), LogUri="s3://logs/", Instances={"InstanceCount": 1})
            for _ in range(reconciler.CLUSTERS_AT_ONCE + 2)
        ]
        for cluster in waiting:
            emr.wait(cluster, "WAITING", ["COMPLETED"])
        # From here on one thread at most asks that S3 again.
        other = emr.run(step("true"), Instances={"InstanceCount": 1})
        for _ in range(5):
            emr.client.add_job_flow_steps(JobFlowId=other, Steps=[step("true")])  # type: ignore[list-item]
        emr.wait(other, "WAITING", ["COMPLETED"] * 6)


def check_logs(s3: Any, prefix: str, bucket: str = "logs") -> None:
    """The steps' logs are there, whole."""
    found = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])]
    texts = {key: gzip.decompress(s3.get_object(Bucket=bucket, Key=key)["Body"].read()) for key in found}
    assert [text for key, text in texts.items() if key.endswith("/stdout.gz")].count(b"well\n") == 1
    controllers = [text for key, text in texts.items() if key.endswith("/controller.gz")]
    assert any(b"exit code 3" in text for text in controllers)


def _assert(holds: bool) -> None:
    assert holds
