"""Which Python a Spark runs on here: its release's, or the next newer one where that can't be had."""

import re
import threading
from collections.abc import Iterator
from importlib.resources import files

from windtunnel.install.errors import InstallError
from windtunnel.install.interpreters import download_python, present_python
from windtunnel.install.progress import Progress

NEWEST = {
    "3.0": "3.8",
    "3.1": "3.9",
    "3.2": "3.9",
    "3.3": "3.10",
    "3.4": "3.11",
    "3.5": "3.11",
    "4.0": "3.13",
}
"""The newest Python that is named by the package of a Spark among those that it runs on."""

# What could not be downloaded, and has a substitute, is not asked for again while this process lives: clusters that
# could start would wait for the same failure each time. Whoever has no substitute is told, and may try again.
_replaced: set[str] = set()
_one_at_a_time = threading.Lock()


def python_here(spark: str, python: str, progress: Progress) -> str:
    """The Python ("3.9") that Spark `spark` ("3.5.6") of a release with `python` runs on.

    When `python` is not on this machine and can't be downloaded, it is the next newer one that this Spark supports,
    that has a lock and that needs no download. Raises InstallError where there is none.
    """
    with _one_at_a_time:
        if present_python(python):
            return python
        substitute = next(_substitutes(spark, python), None)
        if substitute is None or python not in _replaced:
            try:
                with progress.task(f"Python {python}"):
                    download_python(python)
            except InstallError:
                if substitute is None:
                    raise
            else:
                return python
        _replaced.add(python)
    progress.say(f"Python {python} can't be had here: Python {substitute} takes its place for Spark {spark}.")
    return substitute


def _substitutes(spark: str, python: str) -> Iterator[str]:
    newest = NEWEST[spark.rpartition(".")[0]]
    for minor in sorted(_locked(), key=_number):
        if _number(python) < _number(minor) <= _number(newest) and present_python(minor):
            yield minor


def _locked() -> Iterator[str]:
    for lock in (files("windtunnel.hadoop") / "locks").iterdir():
        if found := re.fullmatch(r"python-(\d+\.\d+)\.txt", lock.name):
            yield found[1]


def _number(minor: str) -> tuple[int, ...]:
    return tuple(map(int, minor.split(".")))
