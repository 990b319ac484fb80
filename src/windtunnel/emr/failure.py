"""Why a step failed, in the words of its own logs: FailureDetails."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

UNKNOWN = "Unknown Error."
MOST_OF_A_LOG = 1 << 20
"""Bytes at the end of a log that are looked through."""
LONGEST_MESSAGE = 1000

# A line that names an exception: Python's last line of a traceback, Java's first.
_PYTHON = re.compile(r"^(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Exit|Interrupt|Warning)\b(?:: .*)?$")
_JAVA = re.compile(
    r'(?:^Exception in thread "[^"]*" |^Caused by: |\bERROR \S+ )?'
    r"((?:[a-z_]\w*\.)+[A-Z]\w*(?:Error|Exception)\b(?:: .*)?)$"
)
_TRACEBACK = re.compile(r"^(?:Traceback \(most recent call last\):|\s+File \".*\", line \d+)")
# What spark-submit says in cluster mode, where the driver alone knows more.
_ONLY_THAT_IT_FAILED = ("finished with failed status", "SparkUserAppException: User application exited")
_SUBMITTED = re.compile(r"Submitted application (application_\d+_\d+)")


@dataclass(frozen=True)
class Cause:
    """The exception's own line, and the log that it stands in."""

    message: str
    log: Path


def explain(step_logs: Iterable[Path], driver_logs: Iterable[Path]) -> Cause | None:
    """Why a step failed; None where no log names an exception.

    In cluster mode the step's own logs say only that the application failed: the driver's tell why.
    """
    cause = _find_cause(step_logs)
    if cause is None or any(words in cause.message for words in _ONLY_THAT_IT_FAILED):
        return _find_cause(driver_logs) or cause
    return cause


def _find_cause(logs: Iterable[Path]) -> Cause | None:
    for log in logs:
        message = exception_line(_tail(log))
        if message:
            return Cause(message[:LONGEST_MESSAGE], log)
    return None


def exception_line(text: str) -> str | None:
    """The line of the last Python traceback, else of the first Java exception's deepest cause."""
    lines = [line.rstrip() for line in text.splitlines()]
    python = _last_traceback(lines)
    if python:
        return python
    java = None
    for line in lines:
        found = _JAVA.search(line)
        if found and (java is None or line.startswith("Caused by: ")):
            java = found[1]
    return java


def submitted_applications(log: Path) -> list[str]:
    """The YARN applications that a step's own log says it submitted, in order."""
    return list(dict.fromkeys(_SUBMITTED.findall(_tail(log))))


def last_line(log: Path) -> str:
    """The last line of a log that is not blank, empty if there is none."""
    lines = [line.strip() for line in _tail(log).splitlines() if line.strip()]
    return lines[-1][:LONGEST_MESSAGE] if lines else ""


def _last_traceback(lines: list[str]) -> str | None:
    starts = [number for number, line in enumerate(lines) if _TRACEBACK.match(line)]
    if not starts:
        return None
    for line in lines[starts[-1] :]:
        if _PYTHON.match(line):
            return line
    return None


def _tail(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - MOST_OF_A_LOG))
            return file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
