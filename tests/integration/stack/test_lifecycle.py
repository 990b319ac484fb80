"""Up and down with services that are small, but real processes under a real supervisord."""

import os
import shutil
import signal
import socket
import threading
from dataclasses import replace

import pytest

from tests.integration.stack.small import DIES, HOST, STUBBORN, Stack, environment_of
from tests.waiting import wait_until
from windtunnel.install.progress import Progress
from windtunnel.stack.errors import StackError
from windtunnel.stack.ports import is_taken
from windtunnel.stack.settings import load_settings
from windtunnel.stack.status import report
from windtunnel.stack.supervisor import Supervisor


def test_services_start_in_order_and_stop_without_a_trace(stack: Stack) -> None:
    first, second = stack.service("first"), stack.service("second", after=("first",))

    assert stack.up(second, first)

    assert [line.split()[0] for line in stack.said.lines] == ["first", "second"]
    assert first.healthy()
    assert second.healthy()
    assert stack.down() == 2
    assert stack.processes() == []
    assert not is_taken(HOST, first.port or 0)


def test_a_service_gets_exactly_its_environment_and_the_stacks_mark(stack: Stack) -> None:
    service = stack.service("one")

    stack.up(service)

    mark = {
        "WINDTUNNEL_HOME": str(stack.settings.home),
        "WINDTUNNEL_STATE": str(stack.settings.state),
        "WINDTUNNEL_SERVICE": "one",
    }
    added = {"LC_CTYPE", "__CF_USER_TEXT_ENCODING"}  # by Python and by macOS
    found = {n: v for n, v in environment_of(service).items() if n not in added}
    assert found == {n: v for n, v in {**service.environment, **mark}.items() if n not in added}


def test_a_second_up_does_nothing(stack: Stack) -> None:
    service = stack.service("one")
    stack.up(service)
    pid = stack.pid("one")

    assert not stack.up(service)

    assert stack.pid("one") == pid
    assert stack.installed == 1


def test_up_starts_only_what_is_missing(stack: Stack) -> None:
    dead, alive = stack.service("dead", restart=False), stack.service("alive")
    stack.up(dead, alive)
    pid = stack.pid("alive")
    os.kill(stack.pid("dead"), signal.SIGKILL)
    wait_until(lambda: stack.supervisor.state("dead").state == "EXITED", 10, "it is known to be dead")

    assert stack.up(dead, alive)

    assert dead.healthy()
    assert stack.pid("alive") == pid


def test_a_service_whose_settings_changed_is_started_anew_and_no_other(stack: Stack) -> None:
    one, other = stack.service("one"), stack.service("other")
    stack.up(one, other)
    pid = stack.pid("other")
    changed = replace(one, environment={**one.environment, "AIRFLOW__CORE__X": "new"})

    assert stack.up(changed, other)

    assert environment_of(one)["AIRFLOW__CORE__X"] == "new"
    assert stack.pid("other") == pid


def test_a_service_that_is_no_longer_wanted_is_stopped_by_the_next_start(stack: Stack) -> None:
    kept, gone = stack.service("kept"), stack.service("gone")
    stack.up(kept, gone)
    more = stack.service("more")

    stack.up(kept, more)

    assert not gone.healthy()
    assert set(stack.supervisor.states() or {}) == {"kept", "more"}


def test_a_service_that_is_to_be_stopped_otherwise_is_started_anew(stack: Stack) -> None:
    one, other = stack.service("one"), stack.service("other")
    stack.up(one, other)
    pids = stack.pid("one"), stack.pid("other")

    assert stack.up(replace(one, stop_signal="INT", environment={**one.environment, "A": "1"}), other)

    assert one.healthy()
    assert stack.pid("one") != pids[0]
    assert stack.pid("other") == pids[1]


def test_status_tells_of_a_service_that_is_well(stack: Stack) -> None:
    service = stack.service("one")
    assert [status.state for status in report(stack.supervisor, [service])] == ["down"]

    stack.up(service)

    (status,) = report(stack.supervisor, [service])
    assert (status.state, status.is_well, status.pid) == ("healthy", True, stack.pid("one"))
    assert status.memory


def test_a_service_that_dies_at_its_start_is_told_with_its_own_last_words(stack: Stack) -> None:
    fine, dying = stack.service("fine"), stack.service("dying", DIES, after=("fine",))
    log = stack.settings.logs / "dying.log"
    log.parent.mkdir(parents=True)
    log.write_text("words of an earlier start\n")

    with pytest.raises(StackError) as error:
        stack.up(fine, dying)

    assert "dying ended while it started (exit status 3)" in str(error.value)
    assert "no such table: jobs" in str(error.value)
    assert "earlier" not in str(error.value)
    assert str(log) in str(error.value)
    assert not fine.healthy()
    assert stack.processes() == []


def test_a_service_that_never_gets_healthy_is_told_within_its_time_and_undone(stack: Stack) -> None:
    never = stack.service("never", healthy=lambda: False, start_seconds=1)

    with pytest.raises(StackError, match="never is not healthy after 1 s") as error:
        stack.up(never)

    assert "serving" in str(error.value)
    assert stack.processes() == []


def test_what_ran_before_a_failed_up_goes_on(stack: Stack) -> None:
    old = stack.service("old")
    stack.up(old)
    pid = stack.pid("old")

    with pytest.raises(StackError, match="dying"):
        stack.up(old, stack.service("dying", DIES))

    assert stack.pid("old") == pid
    assert old.healthy()


def test_a_preparation_that_fails_starts_nothing(stack: Stack) -> None:
    def fail(_: Progress) -> None:
        raise StackError("no space left")

    with pytest.raises(StackError, match="no space left"):
        stack.up(stack.service("one", prepare=fail))

    assert stack.processes() == []


def test_an_interrupted_up_is_undone(stack: Stack) -> None:
    fine = stack.service("fine")
    interrupted: list[bool] = []

    def interrupt() -> bool:
        wait_until(fine.healthy, 20, "the other is healthy")
        if not interrupted:  # a second one would interrupt the undoing
            interrupted.append(True)
            os.kill(os.getpid(), signal.SIGINT)
        return False

    with pytest.raises(KeyboardInterrupt):
        stack.up(fine, stack.service("slow", healthy=interrupt))

    assert stack.processes() == []


def test_a_taken_port_is_told_before_anything_is_installed_or_started(stack: Stack) -> None:
    taken = stack.service("taken")
    other = Stack(load_settings(stack.settings.home, state=stack.settings.home / "other"))
    other.up(taken)

    with pytest.raises(StackError) as error:
        stack.up(stack.service("fine"), taken)

    assert f"Port {taken.port}, which taken needs, is taken by the stack of" in str(error.value)
    assert "WINDTUNNEL_TAKEN_PORT=" in str(error.value)
    assert (stack.installed, stack.processes()) == (0, [])
    assert other.down() == 1


def test_down_kills_what_does_not_want_to_end(stack: Stack) -> None:
    service = stack.service("stubborn", STUBBORN, stop_seconds=1)
    stack.up(service)

    stack.down()

    assert stack.processes() == []


def test_down_leaves_another_stack_of_the_same_project_alone(stack: Stack) -> None:
    other = Stack(load_settings(stack.settings.home, state=stack.settings.home / "other"))
    mine, theirs = stack.service("one"), other.service("one")
    stack.up(mine)
    other.up(theirs)

    stack.down()

    assert theirs.healthy()
    assert other.down() == 1


def test_down_of_what_was_never_up_does_nothing(stack: Stack) -> None:
    assert stack.down() == 0
    assert not stack.settings.state.exists()


def test_two_ups_at_once_start_each_service_once(stack: Stack) -> None:
    service = stack.service("one")
    errors: list[BaseException] = []

    def bring_up() -> None:
        try:
            stack.up(service)
        except BaseException as error:  # noqa: BLE001 (told by the test)
            errors.append(error)

    both = [threading.Thread(target=bring_up) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()

    assert errors == []
    assert stack.prepared == ["one"]


def test_services_wait_for_each_other_in_vain(stack: Stack) -> None:
    with pytest.raises(StackError, match="wait for each other"):
        stack.up(stack.service("a", after=("b",)), stack.service("b", after=("a",)))


def test_services_that_need_not_wait_start_side_by_side(stack: Stack) -> None:
    meeting = threading.Barrier(2, timeout=20)

    def meet(_: Progress) -> None:
        meeting.wait()

    assert stack.up(stack.service("one", prepare=meet), stack.service("other", prepare=meet))


def test_a_port_that_another_has_stops_nothing_that_runs(stack: Stack) -> None:
    running = stack.service("one")
    stack.up(running)
    pid = stack.pid("one")
    with socket.create_server((HOST, 0)) as other:
        moved = replace(running, port=other.getsockname()[1], environment={**running.environment, "A": "1"})
        with pytest.raises(StackError, match="is taken by"):
            stack.up(moved)
    assert stack.pid("one") == pid
    assert running.healthy()


@pytest.mark.parametrize("command", ["down", "up"])
def test_a_stack_whose_state_was_removed_is_still_found(stack: Stack, command: str) -> None:
    service = stack.service("one")
    stack.up(service)
    pid = stack.pid("one")
    shutil.rmtree(stack.settings.state)
    if command == "up":
        assert stack.up(service)
        assert stack.pid("one") != pid and service.healthy()
    assert stack.down() == 1
    assert stack.processes() == []


def test_an_up_that_was_killed_before_the_supervisor_knew_its_services_is_mended_by_the_next(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = stack.service("one"), stack.service("other")
    stack.up(one)

    def killed(_: Supervisor) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(Supervisor, "_reread", killed)
        with pytest.raises(KeyboardInterrupt):
            stack.up(one, other)
    assert stack.up(one, other)
    assert other.healthy()
