"""Processes that end together. Each test runs them in a process of its own, whose signals are theirs."""

import signal
import subprocess
import sys

PROGRAM = """
import sys
from windtunnel.stack.airflow.together import run_together
commands = [["sh", "-c", command] for command in sys.argv[1:]]
sys.exit(run_together(commands, {"PATH": "/usr/bin:/bin"}, 5))
"""
STAYS = "echo stays; exec sleep 600"


def start(*commands: str) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-c", PROGRAM, *commands], stdout=subprocess.PIPE, text=True)


def end(process: "subprocess.Popen[str]") -> tuple[int, str]:
    said, _ = process.communicate(timeout=60)
    return process.returncode, said


def test_one_that_fails_ends_the_others_and_gives_its_exit_code() -> None:
    code, said = end(start(STAYS, "exit 3"))
    assert code == 3
    assert "ended with exit code 3, and the container with it" in said


def test_one_that_ends_well_is_a_failure_too_since_nobody_asked() -> None:
    assert end(start(STAYS, "exit 0"))[0] == 1


def test_one_that_is_killed_is_told_as_a_shell_does() -> None:
    code, said = end(start(STAYS, "kill -9 $$"))
    assert code == 128 + signal.SIGKILL
    assert "was killed by SIGKILL" in said


def test_whoever_does_not_end_when_asked_is_killed() -> None:
    stubborn = "trap '' TERM; echo stays; while :; do sleep 0.1; done"
    with start(stubborn, "exit 3") as process:
        assert end(process)[0] == 3


def test_asked_to_end_all_end_and_that_is_no_failure() -> None:
    with start(STAYS, STAYS) as process:
        assert process.stdout
        assert [process.stdout.readline() for _ in range(2)] == ["stays\n"] * 2
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
