"""Process folders, with real processes."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.waiting import wait_until
from windtunnel.hadoop import processes
from windtunnel.hadoop.processes import Outcome, ProcessState, Request, kill, kill_all, launch, observe

SECONDS = 30
VARIABLE = "WINDTUNNEL_TEST_PROCESSES"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "process"
    kill_all(VARIABLE, str(tmp_path))


def request_of(folder: Path, *argv: str) -> Request:
    parent = folder.parent
    environment = {"PATH": os.environ["PATH"], VARIABLE: str(parent)}
    return Request(argv, environment, parent, parent / "logs" / "stdout", parent / "logs" / "stderr")


def sh(folder: Path, script: str) -> Request:
    return request_of(folder, "sh", "-c", script)


def outcome(folder: Path) -> Outcome:
    wait_until(lambda: observe(folder).state is not ProcessState.RUNNING)
    found = observe(folder).outcome
    assert found
    return found


def shim(folder: Path) -> psutil.Process:
    pid = observe(folder).pid
    assert pid
    parent = psutil.Process(pid).parent()
    assert parent
    return parent


def test_a_folder_in_which_nothing_was_started_is_absent(folder: Path) -> None:
    assert observe(folder).state is ProcessState.ABSENT
    kill(folder)


def test_output_and_exit_code_are_kept(folder: Path) -> None:
    before = time.time()
    launch(folder, sh(folder, "echo out; echo err >&2; pwd; exit 7"))

    ended = outcome(folder)
    assert (ended.exit_code, ended.signal) == (7, None)
    assert before <= ended.started_at <= ended.ended_at <= time.time()
    logs = folder.parent / "logs"
    assert (logs / "stdout").read_text() == f"out\n{folder.parent}\n"
    assert (logs / "stderr").read_text() == "err\n"


def test_a_process_killed_by_a_signal_has_the_signal_and_no_exit_code(folder: Path) -> None:
    launch(folder, sh(folder, "kill -KILL $$"))
    assert (outcome(folder).exit_code, outcome(folder).signal) == (None, signal.SIGKILL)


def test_it_runs_while_it_runs_and_interrupt_sends_it_sigterm(folder: Path) -> None:
    launch(folder, sh(folder, "trap 'exit 3' TERM; echo ready; while :; do sleep 0.02; done"))
    assert observe(folder).state is ProcessState.RUNNING
    wait_until((folder.parent / "logs" / "stdout").read_text)

    processes.interrupt(folder)

    assert outcome(folder).exit_code == 3


def test_launching_again_runs_nothing_again(folder: Path) -> None:
    launch(folder, sh(folder, "echo once"))
    outcome(folder)
    launch(folder, sh(folder, "echo twice"))
    assert (folder.parent / "logs" / "stdout").read_text() == "once\n"


def test_of_many_launches_at_once_one_runs(folder: Path) -> None:
    program = f"""
from pathlib import Path
from windtunnel.hadoop.processes import Request, launch
folder = Path({str(folder)!r})
log = folder.parent / "logs" / "stdout"
environment = {{"PATH": {os.environ["PATH"]!r}, {VARIABLE!r}: {str(folder.parent)!r}}}
launch(folder, Request(("sh", "-c", "echo once; sleep 0.2"), environment, folder.parent, log, log))
"""
    callers = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(4)]
    assert [caller.wait(SECONDS) for caller in callers] == [0] * 4
    outcome(folder)
    assert (folder.parent / "logs" / "stdout").read_text() == "once\n"


@pytest.mark.parametrize("everything", [False, True], ids=["caller", "caller and shim"])
@pytest.mark.parametrize("delay", [0, 0.01, 0.02, 0.03, 0.04, 0.06, 0.1])
def test_killed_at_any_time_and_launched_again_it_runs_once_at_most(
    folder: Path, delay: float, everything: bool
) -> None:
    request = sh(folder, "echo once")
    folder.mkdir()
    command = {"argv": request.argv, "directory": str(folder)}
    logs = {"stdout": str(request.stdout), "stderr": str(request.stderr)}
    (folder / "request.json").write_text(json.dumps({**command, **logs}))
    caller = subprocess.Popen(
        [sys.executable, "-I", "-S", str(processes.SHIM), str(folder)],
        env=request.environment,
        start_new_session=True,
    )
    end = time.monotonic() + delay
    while time.monotonic() < end:
        pass
    with contextlib.suppress(ProcessLookupError):
        os.killpg(caller.pid, signal.SIGKILL) if everything else caller.kill()
    caller.wait()
    wait_until(lambda: not everything or observe(folder).state is not ProcessState.RUNNING)

    launch(folder, request)

    wait_until(lambda: observe(folder).state is not ProcessState.RUNNING)
    said = request.stdout.read_text()
    if observe(folder).state is ProcessState.EXITED:
        assert said == "once\n"
    else:
        assert everything
        assert observe(folder).state is ProcessState.LOST
        assert said in ("", "once\n")


def test_a_shim_that_died_between_started_and_fork_is_lost_and_never_run_again(folder: Path) -> None:
    folder.mkdir()
    (folder / "started").touch()
    assert observe(folder).state is ProcessState.LOST
    launch(folder, sh(folder, "echo never"))
    assert observe(folder).state is ProcessState.LOST
    assert not (folder.parent / "logs").exists()


def test_when_the_shim_is_killed_the_process_is_lost_and_kill_finds_what_remains(folder: Path) -> None:
    script = "setsid sh -c 'echo $$; exec sleep 600' & exec sleep 600"
    launch(folder, sh(folder, script))
    stdout = folder.parent / "logs" / "stdout"
    wait_until(lambda: stdout.read_text().endswith("\n"))
    detached = psutil.Process(int(stdout.read_text()))
    shim(folder).kill()
    wait_until(lambda: observe(folder).state is ProcessState.LOST)
    assert detached.is_running()

    kill(folder)

    wait_until(lambda: is_gone(detached))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_a_command_does_not_outlive_its_shim(folder: Path) -> None:
    launch(folder, sh(folder, "exec sleep 600"))
    command = psutil.Process(observe(folder).pid)
    shim(folder).kill()
    wait_until(lambda: is_gone(command))


def test_kill_finds_descendants_that_left_the_session_and_their_parent(folder: Path) -> None:
    launch(folder, sh(folder, "(setsid sh -c 'echo $$; exec sleep 600' &) ; sleep 600"))
    stdout = folder.parent / "logs" / "stdout"
    wait_until(lambda: stdout.read_text().endswith("\n"))
    detached = psutil.Process(int(stdout.read_text()))

    kill(folder)

    assert observe(folder).outcome == outcome(folder)
    assert outcome(folder).signal == signal.SIGKILL
    wait_until(lambda: is_gone(detached))


def test_kill_leaves_a_process_alone_that_has_the_pid_of_one_that_ended(folder: Path) -> None:
    launch(folder, sh(folder, "true"))
    outcome(folder)
    with subprocess.Popen(["sleep", "600"]) as stranger:
        (folder / "pid").write_text(str(stranger.pid))
        kill(folder)
        processes.interrupt(folder)
        assert stranger.poll() is None
        stranger.kill()


def test_a_program_that_is_not_there_ends_with_127_and_a_sentence(folder: Path) -> None:
    launch(folder, request_of(folder, "no-such-program"))
    assert outcome(folder).exit_code == 127
    said = (folder.parent / "logs" / "stderr").read_text()
    assert said.startswith("Cannot run 'no-such-program' in ")
    assert "No such file" in said


def test_a_file_that_is_no_program_ends_with_126(folder: Path) -> None:
    program = folder.parent / "data"
    program.write_text("1,2,3")
    launch(folder, request_of(folder, str(program)))
    assert outcome(folder).exit_code == 126


def test_a_request_that_cannot_be_carried_out_says_where_to_look_and_may_be_tried_again(folder: Path) -> None:
    in_the_way = folder.parent / "logs"
    in_the_way.write_text("")
    with pytest.raises(processes.ProcessError, match=r"shim\.log"):
        launch(folder, sh(folder, "echo once"))
    wait_until(lambda: observe(folder).state is ProcessState.ABSENT)  # the shim has told, and then ends

    in_the_way.unlink()
    launch(folder, sh(folder, "echo once"))
    assert outcome(folder).exit_code == 0


def test_the_command_gets_the_environment_asked_for_and_the_name_of_its_folder(folder: Path) -> None:
    launch(folder, request_of(folder, "env"))
    outcome(folder)
    names = {line.partition("=")[0] for line in (folder.parent / "logs" / "stdout").read_text().splitlines()}
    assert names - {"PWD", "LC_CTYPE"} == {"PATH", VARIABLE, "WINDTUNNEL_PROCESS"}


def test_no_file_holds_the_environment_since_it_holds_credentials(folder: Path) -> None:
    request = request_of(folder, "true")
    secret = {"AWS_SECRET_ACCESS_KEY": "very-secret"}
    launch(
        folder, Request(request.argv, {**request.environment, **secret}, *list(vars(request).values())[2:])
    )
    outcome(folder)
    assert not [path for path in folder.iterdir() if b"very-secret" in path.read_bytes()]


@pytest.mark.parametrize("name", ["PIPE", "TERM", "HUP"])
def test_the_command_has_the_default_signals_back(folder: Path, name: str) -> None:
    launch(folder, sh(folder, f"kill -{name} $$"))
    assert outcome(folder).signal == signal.Signals[f"SIG{name}"]


def test_the_command_has_no_files_of_the_shim_open(folder: Path) -> None:
    program = "import os; print([fd for fd in range(3, 64) if os.path.exists(f'/dev/fd/{fd}')])"
    launch(folder, request_of(folder, sys.executable, "-I", "-S", "-c", program))
    outcome(folder)
    assert (folder.parent / "logs" / "stdout").read_text() == "[]\n"


def test_kill_all_kills_what_has_the_variable_and_lets_shims_write_what_happened(folder: Path) -> None:
    folders = [folder.with_name(f"process-{number}") for number in range(3)]
    for one in folders:
        launch(one, sh(one, "exec sleep 600"))

    assert kill_all(VARIABLE, str(folder.parent)) == 3

    assert [outcome(one).signal for one in folders] == [signal.SIGKILL] * 3
    assert kill_all(VARIABLE, str(folder.parent)) == 0


def test_kill_all_spares_its_caller(folder: Path) -> None:
    program = (
        "from windtunnel.hadoop.processes import kill_all; import sys; "
        f"print(kill_all({VARIABLE!r}, {str(folder.parent)!r}))"
    )
    environment = {**os.environ, VARIABLE: str(folder.parent)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "0\n"


def is_gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
