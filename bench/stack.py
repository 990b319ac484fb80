"""The stack itself: how long `up` takes, and what it needs while it idles."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.report import Report
from tests.project import copy_project, own_settings
from windtunnel.stack.environment import identity
from windtunnel.stack.leftovers import find
from windtunnel.stack.settings import Settings, setting_variables
from windtunnel.stack.status import memory_of

MIB = 1 << 20


@contextmanager
def running(folder: Path, rows: int, report: Report) -> Iterator[Settings]:
    """A stack on ports of its own, with so many rows of data; down again at the end."""
    report.say(f"generating {rows} rows")
    settings = own_settings(copy_project(folder, rows), spare_minutes=10)
    try:
        report.say("up")
        report.add("up, everything installed", f"{_windtunnel(settings, 'up'):.1f} s")
        yield settings
    finally:
        _windtunnel(settings, "down")


def measure(settings: Settings, report: Report) -> None:
    """`up` of a stack that is up, and the memory of one that idles."""
    warm = min(_windtunnel(settings, "up") for _ in range(3))
    report.add("up when up", f"{warm:.2f} s", "< 1 s")
    memory = sum(memory_of(process) for process in find(identity(settings)))
    report.add("idle stack, PSS", f"{memory / MIB:.0f} MiB")


def _windtunnel(settings: Settings, verb: str) -> float:
    """Seconds that the verb takes."""
    began = time.monotonic()
    subprocess.run(
        [Path(sys.executable).with_name("windtunnel"), verb],
        cwd=settings.home,
        env={**os.environ, **setting_variables(settings)},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.monotonic() - began
