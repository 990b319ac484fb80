"""kill -9 of services and of their supervisor."""

import os
import signal

import psutil
import pytest

from tests.integration.stack.small import LEAVES_A_CHILD, TALKS_IN_A_CHILD, Stack
from tests.waiting import wait_until
from windtunnel.stack import leftovers
from windtunnel.stack.status import report


def test_a_killed_service_comes_back_without_what_it_left_behind(stack: Stack) -> None:
    service = stack.service("one", LEAVES_A_CHILD)
    stack.up(service)
    pid = stack.pid("one")
    child = next(p for p in stack.processes() if "sleep(600)" in leftovers.command_line(p) and p.pid != pid)

    os.kill(pid, signal.SIGKILL)

    wait_until(lambda: stack.supervisor.state("one").pid not in (pid, None), 10, "it was started again")
    wait_until(service.healthy, 10, "it is healthy again")
    assert child not in stack.processes()
    stack.down()
    assert stack.processes() == []


def test_what_a_killed_service_leaves_behind_can_write_to_its_log_until_it_is_ended(stack: Stack) -> None:
    service = stack.service("one", TALKS_IN_A_CHILD)
    stack.up(service)
    pid = stack.pid("one")
    (child,) = psutil.Process(pid).children()

    os.kill(pid, signal.SIGKILL)

    wait_until(lambda: not child.is_running(), 10, "its child was ended")
    assert not (stack.settings.home / "nobody-listens").exists()


def test_a_killed_service_that_must_not_come_back_is_told_of(stack: Stack) -> None:
    service = stack.service("one", restart=False)
    stack.up(service)

    os.kill(stack.pid("one"), signal.SIGKILL)

    wait_until(lambda: stack.supervisor.state("one").state == "EXITED", 10, "it is known to be dead")
    (status,) = report(stack.supervisor, [service])
    assert (status.state, status.is_well) == ("died (terminated by SIGKILL)", False)


def test_clusters_are_ended_for_an_emr_that_was_killed_and_only_then(stack: Stack) -> None:
    stack.up(stack.service("emr"))
    stack.down()
    assert stack.ended_clusters == 0

    stack.up(stack.service("emr", restart=False))
    os.kill(stack.pid("emr"), signal.SIGKILL)
    wait_until(lambda: stack.supervisor.state("emr").state == "EXITED", 10, "it is known to be dead")
    stack.down()
    assert stack.ended_clusters == 1


@pytest.fixture(params=["down", "up"])
def after_a_killed_supervisor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_killed_supervisor_leaves_nothing_that_down_or_up_cannot_end(
    stack: Stack, after_a_killed_supervisor: str
) -> None:
    service = stack.service("one", LEAVES_A_CHILD)
    stack.up(service)
    orphan = psutil.Process(stack.pid("one"))
    stack.kill_supervisor()

    (status,) = report(stack.supervisor, [service])
    assert status.state == "runs, but its supervisor was killed"

    if after_a_killed_supervisor == "up":
        assert stack.up(service)
        assert stack.pid("one") != orphan.pid
        assert service.healthy()
        assert stack.down() == 1
    else:
        assert stack.down() == 1
    assert stack.processes() == []


def test_a_supervisor_that_hangs_counts_as_one_that_does_not_answer(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.up(stack.service("one"))
    [supervisor] = [p for p in stack.processes() if "supervisor.supervisord" in leftovers.command_line(p)]
    supervisor.suspend()
    monkeypatch.setattr("windtunnel.stack.supervisor.ANSWER_SECONDS", 0.5)
    assert stack.supervisor.states() is None
    assert stack.down() == 1
    assert stack.processes() == []
