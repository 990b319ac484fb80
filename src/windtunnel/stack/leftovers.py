"""Processes by what is in their environment: found and ended even when nobody remembers their numbers."""

import os
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TypeVar

import psutil

from windtunnel.hadoop.processes import with_variables

T = TypeVar("T")
POLL_SECONDS = 0.05


def find(environment: Mapping[str, str]) -> list[psutil.Process]:
    """Every live process that has all these variables, but this one and its ancestors."""
    spared = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return [process for process in with_variables(environment) if process.pid not in spared]


def end(environment: Mapping[str, str], *, ask: int = signal.SIGTERM, seconds: float = 0) -> int:
    """End every process that `find` finds, and what they start meanwhile; the number of them.

    The eldest are asked with the signal `ask` and have `seconds` to go, their children with them; then
    all that is left is killed.
    """
    ended = find(environment)
    if seconds:
        _send(_eldest(ended), ask)
        psutil.wait_procs(ended, timeout=seconds)
    while left := _find_twice(environment):
        # All at once, as a container ends: a parent that sees its child die first would still tell of a failure.
        _send(left, signal.SIGSTOP)
        _send(left, signal.SIGKILL)
        psutil.wait_procs(left, timeout=POLL_SECONDS)
        ended += left
    return len(set(ended))


def _find_twice(environment: Mapping[str, str]) -> list[psutil.Process]:
    """`find`, and once more when nothing is found: what executes another program has no environment for an instant."""
    found = find(environment)
    if not found:
        time.sleep(POLL_SECONDS)
        found = find(environment)
    return found


def command_line(process: psutil.Process) -> str:
    """The command line, empty when the process has ended."""
    return " ".join(_quietly(process.cmdline) or ())


def kill(process: psutil.Process) -> None:
    """Kill this one process at once and wait until it is gone."""
    _quietly(process.kill)
    psutil.wait_procs([process], timeout=5)


def _eldest(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Those whose parent is not among them."""
    pids = {p.pid for p in processes}
    return [p for p in processes if _quietly(p.ppid) not in pids]


def _send(processes: Iterable[psutil.Process], number: int) -> None:
    for process in processes:
        # psutil compares the time of creation first: a number that was used again is left alone.
        _quietly(partial(process.send_signal, number))


def _quietly(call: Callable[[], T]) -> T | None:
    try:
        return call()
    except psutil.NoSuchProcess:
        return None
