"""Work that nobody has to wait for."""

import subprocess
import sys
import threading

import pytest

from windtunnel.install.background import in_background, side_by_side


def test_the_result_and_the_error_of_a_call_are_handed_on() -> None:
    assert in_background(lambda: 7).result(60) == 7
    with pytest.raises(ZeroDivisionError):
        in_background(lambda: 1 // 0).result(60)


def test_all_calls_are_made_at_once_and_waited_for() -> None:
    meet = threading.Barrier(3)
    side_by_side([lambda: meet.wait(60)] * 3)
    assert not meet.broken


def test_an_error_is_told_while_the_others_still_work() -> None:
    go = threading.Event()
    with pytest.raises(ZeroDivisionError):
        side_by_side([lambda: go.wait(600), lambda: 1 // 0])
    go.set()


def test_the_end_of_the_process_waits_for_none() -> None:
    code = (
        "import time; from windtunnel.install.background import in_background;"
        "in_background(lambda: time.sleep(600))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
