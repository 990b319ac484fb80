"""Amazon EMR whose state is on a small disk that is full at the wrong moment: `python -m tests.full_disk DRILL FOLDER`.

Run by `on_small_disk` in a mount namespace of its own, where FOLDER is a file system of some megabytes.
"""

import errno
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.emr import Emr, step
from tests.waiting import eventually, wait_until
from windtunnel.hadoop import processes

NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount", "--")
MOUNT = 'mount -t tmpfs -o size=8m windtunnel "$0" && exec "$@"'


def can_mount(folder: Path) -> bool:
    """Whether this machine lets a user mount in a namespace of his own."""
    mounted = subprocess.run(
        [*NAMESPACE, "sh", "-c", MOUNT, folder, "true"], capture_output=True, check=False
    )
    return mounted.returncode == 0


def on_small_disk(drill: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The end of a drill, on a disk of its own."""
    drilled = (sys.executable, "-m", "tests.full_disk", drill, str(folder))
    command = [*NAMESPACE, "sh", "-c", MOUNT, str(folder), *drilled]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Not a byte is left on the disk until the end of this."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1024))
        except OSError as error:
            assert error.errno == errno.ENOSPC
    assert os.statvfs(folder).f_bavail == 0
    yield
    filler.unlink()


def a_step_that_ends_then(folder: Path) -> None:
    """Both tell how they ended, after it."""
    emr = Emr(folder / "emr", {})
    go = folder / "go"
    waits = f"echo up; until test -e {go}; do sleep 0.05; done; "
    cluster = emr.run(step("bash", "-c", waits), step("bash", "-c", waits + "exit 3"), StepConcurrencyLevel=2)
    emr.wait_for_steps(cluster, "RUNNING", "RUNNING")
    steps = [
        emr.runtime.folder(cluster).step(one["Id"])
        for one in emr.client.list_steps(ClusterId=cluster)["Steps"]
    ]
    wait_until(lambda: all(one.log("stdout").exists() and one.log("stdout").read_text() for one in steps))
    with full(folder):
        go.touch()
        wait_until(lambda: all(processes.observe(one.process).outcome for one in steps))
    emr.wait(cluster, "WAITING", ["COMPLETED", "FAILED"])
    emr.stop()


def a_request_that_comes_then(folder: Path) -> None:
    """It is refused for this reason, and accepted later."""
    emr = Emr(folder / "emr", {})
    cluster = emr.run()
    emr.wait(cluster, "WAITING")
    more: Any = [step("true", "x" * 10_000)] * 100
    with full(folder):
        with pytest.raises(ClientError, match="is full: make room") as refused:
            emr.client.add_job_flow_steps(JobFlowId=cluster, Steps=more)
        assert refused.value.response["Error"]["Code"] == "InternalServerError"
        assert emr.steps(cluster) == []
    emr.client.add_job_flow_steps(JobFlowId=cluster, Steps=more[:1])
    emr.wait(cluster, "WAITING", ["COMPLETED"])
    emr.stop()


def a_step_that_begins_then(folder: Path) -> None:
    """It fails for this reason, where that can be stored; the next one runs."""
    state = folder.parent / "emr"
    state.mkdir()
    (state / "clusters").symlink_to(folder)
    emr = Emr(state, {})
    cluster = emr.run()
    emr.wait(cluster, "WAITING")
    one: Any = [step("true")]
    with full(folder):
        emr.client.add_job_flow_steps(JobFlowId=cluster, Steps=one)
        emr.wait(cluster, "WAITING", ["FAILED"])
        [failed] = emr.client.list_steps(ClusterId=cluster)["Steps"]
        assert "No space left on device" in failed["Status"]["FailureDetails"]["Message"], failed
    emr.client.add_job_flow_steps(JobFlowId=cluster, Steps=one)
    emr.wait(cluster, "WAITING", ["FAILED", "COMPLETED"])
    emr.stop()


def a_cluster_that_ends_then(folder: Path) -> None:
    """Its processes end at once, and it ends when that can be stored."""
    emr = Emr(folder / "emr", {})
    pid = folder / "pid"
    cluster = emr.run(step("bash", "-c", f"echo $$ > {pid}; exec sleep 1000"))
    eventually(lambda: _assert(pid.exists() and pid.read_text() != ""))
    emr.client.terminate_job_flows(JobFlowIds=[cluster])
    with full(folder):
        wait_until(lambda: not Path(f"/proc/{pid.read_text().strip()}").exists())
    emr.wait(cluster, "TERMINATED", ["CANCELLED"])
    emr.stop()


def a_service_that_is_killed_then(folder: Path) -> None:
    """What ran is found again by one that starts when there is room."""
    emr = Emr(folder / "emr", {})
    go = folder / "go"
    cluster = emr.run(step("bash", "-c", f"echo up; until test -e {go}; do sleep 0.05; done"))
    emr.wait_for_steps(cluster, "RUNNING")
    [running] = emr.client.list_steps(ClusterId=cluster)["Steps"]
    run = emr.runtime.folder(cluster).step(running["Id"])
    wait_until(lambda: run.log("stdout").exists() and run.log("stdout").read_text())
    with full(folder):
        emr.crash()
        go.touch()
        wait_until(lambda: processes.observe(run.process).outcome is not None)
    emr.start()
    emr.wait(cluster, "WAITING", ["COMPLETED"])
    emr.stop()


def _assert(holds: bool) -> None:
    assert holds


DRILLS = {
    drill.__name__: drill
    for drill in (
        a_step_that_ends_then,
        a_request_that_comes_then,
        a_step_that_begins_then,
        a_cluster_that_ends_then,
        a_service_that_is_killed_then,
    )
}

if __name__ == "__main__":
    try:
        DRILLS[sys.argv[1]](Path(sys.argv[2]))
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
        os._exit(1)  # no thread of the service is waited for
