from dataclasses import replace
from pathlib import Path

from windtunnel.stack import records
from windtunnel.stack.records import Record, record_of
from windtunnel.stack.service import Service

STACK = {"WINDTUNNEL_HOME": "/home", "WINDTUNNEL_STATE": "/state"}


def service(name: str, *, after: tuple[str, ...] = (), uses: tuple[str, ...] = ()) -> Service:
    return Service(
        name=name,
        command=("true", "100%"),
        environment={"A": "it's\n%(b)s"},
        directory=Path("/"),
        healthy=lambda: True,
        after=after,
        uses=uses,
        links={"Page": "http://x"},
    )


def record(name: str, **order: tuple[str, ...]) -> Record:
    return record_of(service(name, **order), STACK)


def test_a_record_is_read_as_it_was_written_and_only_by_its_owner(tmp_path: Path) -> None:
    written = record("emr", after=("a",))

    records.save(tmp_path, written)

    assert records.load(tmp_path) == {"emr": written}
    assert (tmp_path / "emr.json").stat().st_mode & 0o777 == 0o600


def test_a_record_marks_the_processes_of_its_service_and_stack() -> None:
    assert record("emr").identity == {**STACK, "WINDTUNNEL_SERVICE": "emr"}


def test_services_stop_before_those_that_they_come_after_or_use() -> None:
    web = record("web", after=("db",))
    waves = records.stop_waves([record("s3"), record("db"), record("emr", uses=("s3",)), web])

    assert [[r.name for r in wave] for wave in waves] == [["emr", "web"], ["s3", "db"]]


def test_every_service_stops_even_when_they_wait_for_each_other() -> None:
    waves = records.stop_waves([record("a", uses=("b",)), record("b", uses=("a",))])

    assert sorted(r.name for wave in waves for r in wave) == ["a", "b"]


def test_another_shell_does_not_make_another_service_but_another_setting_does() -> None:
    one = record("emr")

    def with_variable(name: str) -> Record:
        return replace(one, environment={**one.environment, name: "other"})

    assert with_variable("PATH").definition == with_variable("LC_ALL").definition == one.definition
    assert with_variable("AWS_ENDPOINT_URL").definition != one.definition
