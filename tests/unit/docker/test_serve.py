"""docker/emr/serve.sh: the EMR service, and once more when it is killed. Each test has a `python` of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.programs import program
from tests.project import ROOT

SERVE = ROOT / "docker" / "emr" / "serve.sh"
STAYS = f"""exec {sys.executable} -IS -c '
import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
print("up", flush=True)
signal.sigwait([signal.SIGTERM])
print("asked", flush=True)
sys.exit(CODE)'
"""
"""It says when it is up and when it was asked to end."""
Serving = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def serving(tmp_path: Path) -> Serving:
    """Starts serve.sh, whose `python` does this; `$count` is 1 when it runs first, 2 the next time, and so on."""

    def start(body: str, **environment: str) -> "subprocess.Popen[str]":
        runs = tmp_path / "runs"
        count = f'echo "$@" >> {runs}; count=$(grep -c . {runs})'
        fake = program(tmp_path / "bin" / "python", f"{count}\n{body}")
        return subprocess.Popen(
            ["sh", str(SERVE)],
            env={"PATH": f"{fake.parent}{os.pathsep}{os.environ['PATH']}", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


@pytest.fixture
def runs(tmp_path: Path) -> Callable[[], list[str]]:
    """What each of its runs was told."""
    return lambda: (tmp_path / "runs").read_text().splitlines()


def end(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.mark.parametrize("code", [0, 1, 3, 127])
def test_when_the_service_ends_by_itself_the_container_does_with_its_code(
    serving: Serving, runs: Callable[[], list[str]], code: int
) -> None:
    assert end(serving(f"exit {code}"))[0] == code
    assert runs() == ["-I -m windtunnel.cli.main serve"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_when_it_is_killed_it_is_started_again_and_that_is_said(
    serving: Serving, runs: Callable[[], list[str]], number: int
) -> None:
    code, _, said = end(serving(f"[ $count = 3 ] && exit 5; kill -{int(number)} $$"))
    assert code == 5
    assert len(runs()) == 3
    assert said.count(f"The EMR service was killed (signal {int(number)}); it is started again.") == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("code", [0, 4])
def test_asked_to_end_it_asks_the_service_and_ends_as_that_does(
    serving: Serving, runs: Callable[[], list[str]], number: int, code: int
) -> None:
    with serving(STAYS.replace("CODE", str(code))) as process:
        assert process.stdout
        assert process.stdout.readline() == "up\n"
        process.send_signal(number)
        assert end(process)[:2] == (code, "asked\n")
    assert len(runs()) == 1


def test_a_service_that_takes_its_time_to_end_is_waited_for(serving: Serving, tmp_path: Path) -> None:
    # The signal ends the shell's first `wait`, not the service.
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    body = STAYS.replace("sys.exit(CODE)", f'open("{gate}").read()\nsys.exit(6)')
    with serving(body) as process:
        assert process.stdout
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "asked\n"
        assert process.poll() is None
        gate.write_text("go\n")
        assert end(process)[0] == 6


def test_the_second_service_is_asked_to_end_as_the_first_would_have_been(serving: Serving) -> None:
    body = "[ $count = 1 ] && kill -9 $$\n" + STAYS.replace("CODE", "0")
    with serving(body) as process:
        assert process.stdout
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGTERM)
        assert end(process)[:2] == (0, "asked\n")


def test_one_that_is_killed_while_it_was_asked_to_end_is_not_started_again(
    serving: Serving, runs: Callable[[], list[str]]
) -> None:
    code, _, said = end(serving("trap '' TERM; kill -TERM $PPID; kill -9 $$"))
    assert code == 128 + signal.SIGKILL
    assert len(runs()) == 1
    assert "started again" not in said


def test_a_variable_of_the_containers_own_does_not_stand_for_having_been_asked(
    serving: Serving, runs: Callable[[], list[str]]
) -> None:
    code, *_ = end(serving("[ $count = 2 ] && exit 0; kill -9 $$", stopped="1"))
    assert code == 0
    assert len(runs()) == 2
