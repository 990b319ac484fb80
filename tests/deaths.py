"""Death at any action: a process that kills itself with SIGKILL just before it acts, wherever that is in windtunnel.

Nothing in windtunnel knows of it. Python's audit hooks tell of every act on files and processes, and the store's
transactions are wrapped: what acts in a new place is a new point, without a list that somebody has to keep.
"""

import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session, object_session

import windtunnel
from windtunnel.emr.schema import Event
from windtunnel.emr.store import Store

HOME = f"{Path(windtunnel.__file__).parent}{os.sep}"
ACTS = {
    *("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.utime", "os.truncate"),
    *("os.chmod", "os.kill", "os.killpg", "subprocess.Popen", "os.fork", "os.posix_spawn", "shutil.rmtree"),
}
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
LOOKS = {"_is_locked"}
"""What opens a file for writing only to look at it."""


class Deaths:
    """Where this process dies: at every point, the first `times` that any process of the journal gets there.

    A point is an act and the way that led to it: the functions of windtunnel with their lines, `depth` of them.
    """

    def __init__(self, journal: Path, times: int, depth: int) -> None:
        self._depth = depth
        self._times = times
        self._died = Counter(died_at(journal))
        self._journal = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._lock = threading.RLock()

    def watch(self) -> None:
        """From now on: there is no way back, as for any audit hook."""
        sys.dont_write_bytecode = True
        sys.addaudithook(self._heard)
        event.listen(Event, "after_insert", _remember)
        deaths, real = self, Store.transaction

        @contextmanager
        def transaction(self: Store) -> Iterator[Session]:
            with real(self) as session:
                yield session
                session.flush()
                changes = "; ".join(session.info.get("changes", []))
                deaths._reach(f"before commit [{changes}]")
            deaths._reach(f"after commit [{changes}]")

        Store.transaction = transaction  # type: ignore[method-assign]

    def _heard(self, act: str, arguments: tuple[Any, ...]) -> None:
        if act in ACTS or (act == "open" and isinstance(arguments[2], int) and arguments[2] & WRITES):
            self._reach(act)

    def _reach(self, act: str) -> None:
        way = _way()
        if not way or way[0].partition(":")[0] in LOOKS:
            return
        point = f"{act} @ {' < '.join(way[: self._depth])}"
        with self._lock:
            if self._died[point] >= self._times:
                return
            self._times = 0  # what follows is the end itself
            os.write(self._journal, f"{point}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)
            signal.pause()


def died_at(journal: Path) -> list[str]:
    """The points at which processes of this journal have died, in order."""
    return journal.read_text().splitlines() if journal.exists() else []


def _way() -> list[str]:
    """windtunnel's functions and lines that are being executed, the innermost first."""
    way, frame = [], sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename.startswith(HOME):
            way.append(f"{frame.f_code.co_name}:{frame.f_lineno}")
        frame = frame.f_back  # type: ignore[assignment]
    return way


def _remember(_mapper: Any, _connection: Any, change: Event) -> None:
    session = object_session(change)
    assert session is not None
    kind = change.subject.partition("-")[0]
    session.info.setdefault("changes", []).append(f"{kind} {change.before} -> {change.after}")
