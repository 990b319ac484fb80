"""What is collected of a run's calls, and kept."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.ports import free_port
from tests.serving import serving
from windtunnel.stack import calls
from windtunnel.stack.calls import Call, Recording, RecordingError
from windtunnel.stack.errors import StackError
from windtunnel.stack.settings import Settings, load_settings

BEGAN = datetime(2026, 1, 2, 3, tzinfo=UTC)


def at(seconds: float) -> str:
    return (BEGAN + timedelta(seconds=seconds)).isoformat()


def call(service: str, last: float, **others: Any) -> dict[str, Any]:
    one = {"principal": "airflow", "service": service, "operation": "Do", "resource": {"Name": "n"}}
    return one | {"members": ["Name"], "first": at(-50), "last": at(last), "count": 3} | others


class Services:
    """Both recorders: `answers` of localstack and of emr."""

    def __init__(self) -> None:
        self.answers: dict[str, dict[str, Any]] = {
            name: {"since": at(-60), "calls": []} for name in ("localstack", "emr")
        }

    def app(self, name: str) -> Starlette:
        def page(_: Request) -> JSONResponse:
            return JSONResponse(self.answers[name])

        return Starlette(routes=[Route("/_windtunnel/calls", page)])


@pytest.fixture
def services() -> Services:
    return Services()


@pytest.fixture
def settings(services: Services, project: Callable[[str], Path]) -> Iterator[Settings]:
    with serving(services.app("localstack")) as localstack, serving(services.app("emr")) as emr:
        yield load_settings(project(""), localstack_port=localstack, emr_port=emr)


def test_what_both_services_saw_since_the_run_began_is_collected_and_nothing_older(
    services: Services, settings: Settings
) -> None:
    services.answers["localstack"]["calls"] = [call("s3", 0), call("s3", -0.001, operation="Old")]
    services.answers["emr"]["calls"] = [call("emr", 9)]

    assert calls.collect(settings, BEGAN) == [
        Call("airflow", service, "Do", {"Name": "n"}, ("Name",), 3) for service in ("s3", "emr")
    ]


@pytest.mark.parametrize("name", ["localstack", "emr"])
def test_a_service_that_was_started_after_the_run_began_makes_the_recording_incomplete(
    services: Services, settings: Settings, name: str
) -> None:
    services.answers[name]["since"] = at(0)
    calls.collect(settings, BEGAN)
    services.answers[name]["since"] = at(0.001)
    with pytest.raises(RecordingError, match=f"^{name} has the calls from .* the run began before"):
        calls.collect(settings, BEGAN)


@pytest.mark.parametrize("name", ["localstack", "emr"])
def test_a_service_without_a_recorder_is_not_one_without_calls(
    services: Services, settings: Settings, name: str
) -> None:
    services.answers[name] = {"message": "Not Found"}
    with pytest.raises(RecordingError, match=f"^{name} tells of none"):
        calls.collect(settings, BEGAN)


def test_a_recorder_that_missed_a_call_says_so(services: Services, settings: Settings) -> None:
    services.answers["localstack"]["failure"] = "A call could not be recorded: KeyError."
    with pytest.raises(RecordingError, match=r"localstack could not record all calls: A call .* KeyError"):
        calls.collect(settings, BEGAN)


def test_nobody_there_is_an_incomplete_recording(project: Callable[[str], Path]) -> None:
    settings = load_settings(project(""), localstack_port=free_port())
    with pytest.raises(RecordingError, match=r"^localstack tells of none"):
        calls.collect(settings, BEGAN)


def test_what_was_saved_is_read_again_by_dag_and_a_later_run_takes_the_place(
    services: Services, settings: Settings
) -> None:
    assert calls.saved(settings) == {}
    services.answers["localstack"]["calls"] = [call("s3", 1)]
    for dag_id in ("one", "other.dag"):
        calls.save(settings, calls.recorded(settings, dag_id, BEGAN, "abc", succeeded=False))
    later = calls.recorded(settings, "one", BEGAN + timedelta(seconds=1), "abc", succeeded=True)
    calls.save(settings, later)

    found = calls.saved(settings)
    made = (Call("airflow", "s3", "Do", {"Name": "n"}, ("Name",), 3),)
    assert found == {"one": later, "other.dag": Recording("other.dag", BEGAN, False, "abc", True, made)}
    assert [path.name for path in sorted((settings.state / "calls").iterdir())] == [
        "one.json",
        "other.dag.json",
    ]


def test_s3_elsewhere_has_no_recorder_and_the_file_says_so(services: Services, settings: Settings) -> None:
    elsewhere = settings.model_copy(update={"aws_endpoint_url": "http://minio.lan:9000"})
    calls.save(settings, calls.recorded(elsewhere, "one", BEGAN, "abc", succeeded=True))

    assert json.loads((settings.state / "calls" / "one.json").read_text())["s3"] is False
    assert not calls.saved(settings)["one"].s3


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"began": 1}', '{"began": "2026-01-01", "calls": [{}]}'])
def test_a_file_that_is_no_recording_is_named(settings: Settings, text: str) -> None:
    path = settings.state / "calls" / "one.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(StackError, match=f"{path} is no recording of calls"):
        calls.saved(settings)


def test_the_code_is_another_when_a_file_of_the_dags_or_of_spark_is(tmp_path: Path) -> None:
    seen = [calls.code_digest(tmp_path)]
    for name in ("dags/a.py", "spark/a.py", "spark/lib/b.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1")
        seen.append(calls.code_digest(tmp_path))
    (tmp_path / "dags" / "a.py").write_text("2")
    seen.append(calls.code_digest(tmp_path))
    (tmp_path / "dags" / "a.py").rename(tmp_path / "dags" / "c.py")
    seen.append(calls.code_digest(tmp_path))
    assert len({*seen}) == len(seen)

    for name in ("dags/__pycache__/a.pyc", "data/a.csv"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("1")
    assert calls.code_digest(tmp_path) == seen[-1]
