"""What is kept of the calls of a run, however it ends."""

from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from windtunnel.cli import run
from windtunnel.stack import calls
from windtunnel.stack.calls import Call, Recording, RecordingError
from windtunnel.stack.errors import StackError
from windtunnel.stack.run import RunFailedError
from windtunnel.stack.settings import Settings, load_settings

BEGAN = datetime(2026, 1, 2, tzinfo=UTC)
CALL = Call("airflow", "emr", "RunJobFlow", {}, (), 1)


class Run:
    """One that was triggered, and ends as it is told."""

    dag_id = "one"
    triggered_at = BEGAN

    def __init__(self, end: BaseException | None = None) -> None:
        self._end = end

    def follow(self) -> None:
        if self._end:
            raise self._end


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "windtunnel.toml").write_text("")
    return load_settings(tmp_path, state=tmp_path / "state")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """Since when the services were asked; they have had one call."""
    found = []

    def collect(_: Settings, since: datetime) -> list[Call]:
        found.append(since)
        return [CALL]

    monkeypatch.setattr(calls, "collect", collect)
    return found


def follow(settings: Settings, end: BaseException | None = None) -> None:
    one: Any = Run(end)
    run._follow(settings, one)


def test_the_calls_of_a_run_are_kept_with_one_line(
    settings: Settings, asked: list[datetime], capsys: pytest.CaptureFixture[str]
) -> None:
    follow(settings)

    code = calls.code_digest(settings.home)
    assert calls.saved(settings) == {"one": Recording("one", BEGAN, True, code, True, (CALL,))}
    assert asked == [BEGAN]
    assert capsys.readouterr().out == "1 different calls to AWS were recorded.\n"


def test_a_failed_run_has_made_calls_too_and_stays_failed(settings: Settings, asked: list[datetime]) -> None:
    with pytest.raises(RunFailedError):
        follow(settings, RunFailedError("no"))
    assert calls.saved(settings)["one"].succeeded is False


@pytest.mark.parametrize("end", [KeyboardInterrupt(), StackError("Airflow does not answer")])
def test_of_a_run_that_may_go_on_nothing_is_kept(
    settings: Settings, asked: list[datetime], end: BaseException
) -> None:
    with pytest.raises(type(end)):
        follow(settings, end)
    assert calls.saved(settings) == {}


@pytest.mark.parametrize("end", [None, RunFailedError("no")])
def test_an_incomplete_recording_is_not_kept_and_says_why_and_the_run_is_what_it_was(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    end: RunFailedError | None,
) -> None:
    def refuse(*_: object) -> list[Call]:
        raise RecordingError("emr was started anew.")

    monkeypatch.setattr(calls, "collect", refuse)
    with pytest.raises(RunFailedError) if end else nullcontext():
        follow(settings, end)
    assert calls.saved(settings) == {}
    assert capsys.readouterr().out == "The run's calls to AWS are not kept: emr was started anew.\n"


def test_the_code_is_the_one_that_was_triggered(settings: Settings, asked: list[datetime]) -> None:
    before = calls.code_digest(settings.home)

    class Edited(Run):
        def follow(self) -> None:
            (settings.home / "dags").mkdir()
            (settings.home / "dags" / "one.py").write_text("")

    one: Any = Edited()
    run._follow(settings, one)
    assert calls.saved(settings)["one"].code == before != calls.code_digest(settings.home)
