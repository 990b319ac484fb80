"""Why a step failed, in the words of its own logs: FailureDetails."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

UNKNOWN = "Unknown Error."
MOST_OF_A_LOG = 1 << 20
"""Bytes at the end of a log that are looked through."""
LONGEST_LINE = 1 << 13
"""Characters of a line that are looked at, and bytes of one piece of it that are read at once."""
LONGEST_MESSAGE = 1000

_TRACEBACK = re.compile(r"^(?:Traceback \(most recent call last\):|\s+File \".*\", line \d+)")
# What ends a traceback: an exception's name, with or without a message. Not every name ends in Error.
_PYTHON = re.compile(r"^[A-Za-z_][\w.]*(?::.*)?$")
_PY4J = "py4j.protocol.Py4JJavaError: "
_JAVA = re.compile(r"(?<![\w.$])((?:[a-z_]\w*\.)+[A-Z][\w$]*(?:Error|Exception)\b(?:: .*)?)$")
_IN_THREAD = re.compile(r'^Exception in thread "[^"]*" ')
_CAUSED_BY = "Caused by: "
_OTHER_LEVELS = re.compile(r"\b(?:WARN|INFO|DEBUG|TRACE)\b")
# What spark-submit says in cluster mode, where the driver alone knows more.
_ONLY_THAT_IT_FAILED = ("finished with failed status", "SparkUserAppException: User application exited")
_SUBMITTED = re.compile(rb"Submitted application (application_\d+_\d+)")


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
    """The line of the last Python traceback, else the deepest cause of the Java exception that ended it all."""
    lines = [line[:LONGEST_LINE].rstrip() for line in text.splitlines()]
    return _of_python(lines) or _of_java(lines)


def _of_python(lines: Sequence[str]) -> str | None:
    starts = [number for number, line in enumerate(lines) if _TRACEBACK.match(line)]
    if not starts:
        return None
    for number in range(starts[-1] + 1, len(lines)):
        if _PYTHON.match(lines[number]):
            return _of_py4j(lines, number) or lines[number]
    return None


def _of_py4j(lines: Sequence[str], number: int) -> str | None:
    """What Java threw, where Python only says that it did: the line below, which begins with a colon."""
    if not lines[number].startswith(_PY4J) or number + 1 == len(lines):
        return None
    thrown = lines[number + 1]
    return _deepest(lines, number + 1, thrown[2:]) if thrown.startswith(": ") else None


def _of_java(lines: Sequence[str]) -> str | None:
    """What ended a thread comes first, then what was logged as an error, then a trace that was just printed."""
    found = [(number, match) for number, line in enumerate(lines) if (match := _JAVA.search(line))]
    ended = [one for one in found if _IN_THREAD.match(lines[one[0]])]
    logged = [one for one in found if " ERROR " in lines[one[0]]]
    printed = [one for one in found if not _OTHER_LEVELS.search(lines[one[0]][: one[1].start()])]
    for number, match in (*ended, *logged, *printed):
        return _deepest(lines, number, match[1])
    return None


def _deepest(lines: Sequence[str], number: int, message: str) -> str:
    """The last cause in the stack trace that begins at this line, `message` when it names none."""
    for line in lines[number + 1 :]:
        if line.startswith(_CAUSED_BY):
            message = line.removeprefix(_CAUSED_BY)
        elif line and not line[0].isspace():
            break
    return message


def submitted_applications(log: Path) -> list[str]:
    """The YARN applications that a step's own log says it submitted, in order."""
    found: dict[str, None] = {}
    try:
        with log.open("rb") as file:
            while line := file.readline(LONGEST_LINE):
                if b"Submitted" in line:
                    found |= dict.fromkeys(one.decode() for one in _SUBMITTED.findall(line))
    except FileNotFoundError:
        return []
    return list(found)


def last_line(log: Path) -> str:
    """The last line of a log that is not blank, empty if there is none."""
    lines = [line.strip() for line in _tail(log).splitlines() if line.strip()]
    return lines[-1][:LONGEST_MESSAGE] if lines else ""


def _tail(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - MOST_OF_A_LOG))
            return file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
