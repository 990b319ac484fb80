"""How long work shows itself: bars on a terminal, plain lines everywhere else."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from rich.console import Console

PLAIN_INTERVAL = 10.0
"""Seconds between two plain lines of one task."""
AGE_STEP = 10.0
"""Seconds by which the age of a watched task is told."""


class Task(Protocol):
    """One piece of work under way."""

    def advance(self, n: int) -> None:
        """Say that `n` more units are done; from any thread."""


class Progress(Protocol):
    """Where work under way is shown."""

    def say(self, line: str) -> None:
        """Show one line that stays."""

    def task(self, label: str, total: int | None = None, unit: str = "bytes") -> AbstractContextManager[Task]:
        """Show a piece of work from now until the context is left; `total` and `advance` count in `unit`."""


def terminal_progress() -> Progress:
    """The progress for a person or a log on standard error, so that standard output holds results only."""
    if not sys.stderr.isatty():
        return PlainProgress(sys.stderr)
    from rich.console import Console

    return BarProgress(Console(stderr=True))


def amount(done: int, total: int | None, unit: str) -> str:
    """How much is done, for a person: `12 of 88 MB`, `3 of 9 packages`, "" when nothing is counted."""
    if not done and total is None:
        return ""
    if unit == "bytes":
        scale, unit = (1e6, "MB") if max(done, total or 0) >= 1e6 else (1e3, "kB")
        done, total = round(done / scale), None if total is None else round(total / scale)
    return f"{done} {unit}" if total is None else f"{done} of {total} {unit}"


class _Silent:
    def say(self, line: str) -> None:
        pass

    def task(
        self,
        label: str,  # noqa: ARG002
        total: int | None = None,  # noqa: ARG002
        unit: str = "bytes",  # noqa: ARG002
    ) -> AbstractContextManager[Task]:
        return nullcontext(self)

    def advance(self, n: int) -> None:
        pass


SILENT: Progress = _Silent()


class _Count:
    """A task's counter, safe to advance from several threads."""

    def __init__(self) -> None:
        self.done = 0
        self._lock = threading.Lock()

    def advance(self, n: int) -> None:
        with self._lock:
            self.done += n


class PlainProgress:
    """Lines of text: when a task begins, every few seconds while it lasts, when it ends."""

    def __init__(self, stream: TextIO, interval: float = PLAIN_INTERVAL) -> None:
        self._stream = stream
        self._interval = interval

    def say(self, line: str) -> None:
        self._stream.write(f"{line}\n")
        self._stream.flush()

    @contextmanager
    def task(self, label: str, total: int | None = None, unit: str = "bytes") -> Iterator[Task]:
        count = _Count()
        ended = threading.Event()
        began = time.monotonic()

        def report(word: str, done: int, total: int | None) -> None:
            details = (amount(done, total, unit), f"{time.monotonic() - began:.0f} s")
            self.say(f"{label} {word} ({', '.join(filter(None, details))})")

        def keep_reporting() -> None:
            while not ended.wait(self._interval):
                report("…", count.done, total)

        self.say(f"{label} … ({size})" if (size := amount(0, total, unit)[5:]) else f"{label} …")
        reporter = threading.Thread(target=keep_reporting, daemon=True)
        reporter.start()
        try:
            yield count
        except BaseException:
            ended.set()
            report("stopped", count.done, total)
            raise
        finally:
            ended.set()
            reporter.join()
        report("done", count.done, None)


class WatchedProgress:
    """Shows work where `shown` does, and tells in words what is under way."""

    def __init__(self, shown: Progress) -> None:
        self._shown = shown
        self._tasks: list[_WatchedTask] = []
        self._said = ""

    def now(self) -> str:
        """What is under way and how far it is, `Jars (12 of 88 MB); Spark (20 s)`, or what was said last."""
        return "; ".join(task.told() for task in list(self._tasks)) or self._said

    def say(self, line: str) -> None:
        self._said = line
        self._shown.say(line)

    @contextmanager
    def task(self, label: str, total: int | None = None, unit: str = "bytes") -> Iterator[Task]:
        with self._shown.task(label, total, unit) as shown:
            task = _WatchedTask(shown, label, total, unit)
            self._said = ""
            self._tasks.append(task)
            try:
                yield task
            finally:
                self._tasks.remove(task)


class _WatchedTask(_Count):
    def __init__(self, shown: Task, label: str, total: int | None, unit: str) -> None:
        super().__init__()
        self._shown = shown
        self._label, self._total, self._unit = label, total, unit
        self._began = time.monotonic()

    def advance(self, n: int) -> None:
        super().advance(n)
        self._shown.advance(n)

    def told(self) -> str:
        # Of work that counts nothing its age is told, in steps: who keeps it need not keep each second.
        age = int((time.monotonic() - self._began) // AGE_STEP * AGE_STEP)
        far = amount(self.done, self._total, self._unit) or (f"{age} s" if age else "")
        return f"{self._label} ({far})" if far else self._label


class BarProgress:
    """Bars of rich, several at once when several threads work."""

    def __init__(self, console: "Console") -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[amount]}"),
            TimeElapsedColumn(),
            console=console,
        )
        self._running = 0
        self._lock = threading.Lock()

    def say(self, line: str) -> None:
        self._bars.console.print(line, markup=False, highlight=False)

    @contextmanager
    def task(self, label: str, total: int | None = None, unit: str = "bytes") -> Iterator[Task]:
        self._enter()
        bars = self._bars
        identity = bars.add_task(label, total=total, amount=amount(0, total, unit))

        class Bar(_Count):
            def advance(self, n: int) -> None:
                super().advance(n)
                bars.update(identity, completed=self.done, amount=amount(self.done, total, unit))

        try:
            yield Bar()
            bars.update(identity, total=1, completed=1)
        finally:
            self._leave()

    def _enter(self) -> None:
        with self._lock:
            if self._running == 0:
                for finished in self._bars.task_ids:
                    self._bars.remove_task(finished)
                self._bars.start()
            self._running += 1

    def _leave(self) -> None:
        with self._lock:
            self._running -= 1
            if self._running == 0:
                self._bars.stop()
