"""The services' logs: their ends, and what is written from now on, across rotation and restarts."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

POLL_SECONDS = 0.2
BLOCK = 64 * 1024


def tail(log: Path, count: int) -> list[str]:
    """The last `count` lines, reaching into the rotated files (`<log>.1`, …) when the log is shorter."""
    lines: list[str] = []
    for file in (log, *(log.with_name(f"{log.name}.{n}") for n in range(1, 10))):
        if len(lines) >= count or not file.exists():
            break
        lines = _last_lines(file, count - len(lines)) + lines
    return lines


def _last_lines(file: Path, count: int) -> list[str]:
    with file.open("rb") as stream:
        position = stream.seek(0, 2)
        content = b""
        while position and content.count(b"\n") <= count:
            step = min(BLOCK, position)
            position -= step
            stream.seek(position)
            content = stream.read(step) + content
    return content.decode(errors="replace").splitlines()[-count:] if count else []


class Follower:
    """Reads what is appended to a log, whole lines only, wherever rotation puts the file."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._stream: BinaryIO | None = self._open()
        self._rest = b""
        if self._stream:
            self._stream.seek(0, 2)

    def lines(self) -> list[str]:
        """What was written since the last call."""
        content = self._rest + self._read()
        if self._was_replaced():
            if self._stream:
                content += self._stream.read()
                self._stream.close()
            self._stream = self._open()
            content += self._read()
        *whole, self._rest = content.split(b"\n")
        return [line.decode(errors="replace") for line in whole]

    def _open(self) -> BinaryIO | None:
        try:
            return self._log.open("rb")
        except FileNotFoundError:
            return None

    def _read(self) -> bytes:
        return self._stream.read() if self._stream else b""

    def _was_replaced(self) -> bool:
        try:
            now = self._log.stat()
        except FileNotFoundError:
            return False
        if self._stream is None:
            return True
        own = os.fstat(self._stream.fileno())
        return not os.path.samestat(own, now) or now.st_size < self._stream.tell()


def follow(logs: dict[str, Path], going_on: Callable[[], bool] = lambda: True) -> Iterator[tuple[str, str]]:
    """`(service, line)` of everything that is written from now on, until `going_on` says no."""
    followers = {name: Follower(log) for name, log in logs.items()}
    while going_on():
        quiet = True
        for name, follower in followers.items():
            for line in follower.lines():
                quiet = False
                yield name, line
        if quiet:
            time.sleep(POLL_SECONDS)
