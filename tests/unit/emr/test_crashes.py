"""The service dies at any moment: what it started lives on, and is found again."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.behaviours import behaviour
from tests.emr import Emr, is_alive, step
from tests.waiting import eventually
from windtunnel.emr.step_ends import StepEnds
from windtunnel.hadoop import processes


class Crash(BaseException):
    """The service is gone: nothing after this line runs."""


@behaviour("steps", "A step runs once, whatever becomes of the service meanwhile.", "believed")
def test_a_running_step_is_found_again_and_has_run_once(emr: Emr, tmp_path: Path) -> None:
    out, go = tmp_path / "out", tmp_path / "go"
    cluster = emr.run(step("bash", "-c", f"echo ran >> {out}; until test -e {go}; do sleep 0.05; done"))
    emr.wait_for_steps(cluster, "RUNNING")
    emr.crash()
    emr.start()
    emr.wait_for_steps(cluster, "RUNNING")
    go.touch()
    emr.wait(cluster, "WAITING", ["COMPLETED"])
    assert out.read_text() == "ran\n"


def test_a_step_that_ended_while_the_service_was_down_has_its_outcome(emr: Emr, tmp_path: Path) -> None:
    go, done = tmp_path / "go", tmp_path / "done"
    program = f"until test -e {go}; do sleep 0.05; done; touch {done}; exit 7"
    cluster = emr.run(step("bash", "-c", program))
    emr.wait_for_steps(cluster, "RUNNING")
    emr.crash()
    go.touch()
    eventually(lambda: _assert(done.exists()))
    emr.start()
    emr.wait(cluster, "WAITING", ["FAILED"])


@pytest.mark.parametrize("moment", ["before the launch", "after the launch"])
def test_a_crash_around_the_launch_of_a_step_runs_it_once(
    emr: Emr, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    out = tmp_path / "out"
    real = processes.launch

    reached = threading.Event()

    def launch(folder: Path, request: processes.Request) -> None:
        if moment == "after the launch":
            real(folder, request)
        reached.set()
        raise Crash

    with monkeypatch.context() as broken:
        broken.setattr("windtunnel.emr.step_runs.processes.launch", launch)
        cluster = emr.run(step("bash", "-c", f"echo ran >> {out}"))
        assert reached.wait(60)
        emr.crash()
    emr.start()
    emr.wait(cluster, "WAITING", ["COMPLETED"])
    assert out.read_text() == "ran\n"


def test_a_crash_before_the_end_is_stored_concludes_the_step_again(
    emr: Emr, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = threading.Event()

    def crash(*_: Any, **__: Any) -> None:
        reached.set()
        raise Crash

    with monkeypatch.context() as broken:
        broken.setattr(StepEnds, "_store_end", crash)
        cluster = emr.run(step("bash", "-c", "exit 2", action="TERMINATE_CLUSTER"), step("true"))
        assert reached.wait(60)
        emr.crash()
    emr.start()
    emr.wait(cluster, "TERMINATED_WITH_ERRORS", ["FAILED", "CANCELLED"])


def test_a_step_whose_process_was_lost_fails_and_says_so(emr: Emr) -> None:
    cluster = emr.run(step("sleep", "1000"))
    emr.wait_for_steps(cluster, "RUNNING")
    [running] = emr.client.list_steps(ClusterId=cluster)["Steps"]
    folder = emr.runtime.folder(cluster).step(running["Id"]).process
    shim = eventually(_shim_of(folder))
    shim.kill()
    emr.wait(cluster, "WAITING", ["FAILED"])
    details = emr.client.list_steps(ClusterId=cluster)["Steps"][0]["Status"]["FailureDetails"]
    assert "was lost" in details["Message"]


def test_a_step_that_ended_before_its_cluster_is_stopped_is_told_as_it_ended(
    emr: Emr, tmp_path: Path
) -> None:
    go, done = tmp_path / "go", tmp_path / "done"
    program = f"until test -e {go}; do sleep 0.05; done; touch {done}"
    cluster = emr.run(step("bash", "-c", program), step("sleep", "1000"), StepConcurrencyLevel=2)
    emr.wait_for_steps(cluster, "RUNNING", "RUNNING")
    first = emr.client.list_steps(ClusterId=cluster)["Steps"][-1]["Id"]
    emr.reconciler.halt()
    go.touch()
    process = emr.runtime.folder(cluster).step(first).process
    eventually(lambda: _assert(processes.observe(process).outcome is not None))
    emr.stop()
    emr.start()
    assert emr.cluster(cluster)[0] == "TERMINATED"
    assert emr.steps(cluster) == ["COMPLETED", "CANCELLED"]


@behaviour("life", "A cluster that can't go on can still be terminated.", "believed")
def test_a_cluster_whose_release_is_gone_can_still_be_terminated(emr: Emr, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    cluster = emr.run(step("bash", "-c", f"echo $$ > {pid}; exec sleep 1000"))
    eventually(lambda: _assert(pid.exists() and pid.read_text().strip() != ""))
    emr.crash()
    emr.health.cannot_install = "there is no network"
    emr.start()
    emr.client.terminate_job_flows(JobFlowIds=[cluster])
    emr.wait(cluster, "TERMINATED", ["CANCELLED"])
    assert not is_alive(int(pid.read_text()))


def test_a_termination_is_finished_after_a_crash(emr: Emr) -> None:
    cluster = emr.run(step("sleep", "1000"))
    emr.wait_for_steps(cluster, "RUNNING")
    emr.reconciler.halt()
    emr.client.terminate_job_flows(JobFlowIds=[cluster])
    emr.crash()
    emr.start()
    emr.wait(cluster, "TERMINATED", ["CANCELLED"])


def _assert(holds: bool) -> None:
    assert holds


def _shim_of(folder: Path) -> Callable[[], Any]:
    import psutil

    def find() -> Any:
        status = processes.observe(folder)
        assert status.pid is not None
        return psutil.Process(psutil.Process(status.pid).ppid())

    return find
