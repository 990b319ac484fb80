import io
import re
import time

import pytest
from rich.console import Console

from windtunnel.install.progress import SILENT, BarProgress, PlainProgress, WatchedProgress, amount


def test_a_task_without_a_terminal_is_a_line_at_its_start_and_one_at_its_end() -> None:
    stream = io.StringIO()
    with PlainProgress(stream).task("Jars", 88_000_000) as task:
        task.advance(88_000_000)
    first, last = stream.getvalue().splitlines()
    assert first == "Jars … (88 MB)"
    assert re.fullmatch(r"Jars done \(88 MB, \d+ s\)", last)


def test_a_long_task_without_a_terminal_tells_how_far_it_is() -> None:
    class Stream(io.StringIO):
        def write(self, text: str, /) -> int:
            if "3 of 9 packages" in text:
                told.set()
            return super().write(text)

    import threading

    told = threading.Event()
    with PlainProgress(Stream(), interval=0.01).task("Environment", 9, "packages") as task:
        task.advance(3)
        assert told.wait(30)


def test_a_task_that_fails_says_that_it_stopped() -> None:
    stream = io.StringIO()
    with pytest.raises(ValueError, match="no"), PlainProgress(stream).task("Jars"):
        raise ValueError("no")
    assert "Jars stopped" in stream.getvalue()
    assert "done" not in stream.getvalue()


def test_bars_of_a_terminal_show_each_task_and_lines_that_stay() -> None:
    stream = io.StringIO()
    progress = BarProgress(Console(file=stream, force_terminal=True, width=100))
    with progress.task("Jars", 2_000_000) as jars, progress.task("Environment"):
        jars.advance(2_000_000)
        progress.say("[not markup]")
    with progress.task("Later"):
        pass
    shown = stream.getvalue()
    for text in ("Jars", "2 of 2 MB", "Environment", "[not markup]", "Later"):
        assert text in shown


@pytest.mark.parametrize(
    ("done", "total", "unit", "text"),
    [
        (0, None, "bytes", ""),
        (1_500, None, "bytes", "2 kB"),
        (12_000_000, 88_000_000, "bytes", "12 of 88 MB"),
        (3, 9, "packages", "3 of 9 packages"),
    ],
)
def test_an_amount_reads_as_a_person_says_it(done: int, total: int | None, unit: str, text: str) -> None:
    assert amount(done, total, unit) == text


def test_what_is_under_way_is_told_in_words_and_shown_elsewhere_too(monkeypatch: pytest.MonkeyPatch) -> None:
    stream, now = io.StringIO(), 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    watched = WatchedProgress(PlainProgress(stream))
    assert watched.now() == ""
    with watched.task("Jars", 88_000_000) as jars, watched.task("Spark", unit="packages"):
        jars.advance(12_000_000)
        assert watched.now() == "Jars (12 of 88 MB); Spark"
        now += 29
        assert watched.now() == "Jars (12 of 88 MB); Spark (20 s)"
    watched.say("Waiting for another")
    assert watched.now() == "Waiting for another"
    assert "Jars done (12 MB, 29 s)" in stream.getvalue()


def test_a_task_that_failed_is_no_longer_under_way() -> None:
    watched = WatchedProgress(SILENT)
    with pytest.raises(ValueError, match="no"), watched.task("Jars"):
        raise ValueError("no")
    assert watched.now() == ""
