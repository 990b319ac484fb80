"""Airflow as services: what a start of them depends on."""

from pathlib import Path

import pytest

from windtunnel.stack.airflow.services import airflow_services
from windtunnel.stack.service import Service


def services(project: Path, **changed: str) -> list[Service]:
    return airflow_services(
        project=project,
        state=project / "state",
        cache=project / "cache",
        host="127.0.0.1",
        port=1,
        url="http://127.0.0.1:1",
        options={},
        environment={"PATH": "/usr/bin", **changed},
        database_url="postgresql+psycopg2://airflow@/airflow?host=/tmp/x",
    )


def test_they_are_mwaas_processes_and_come_after_the_database(tmp_path: Path) -> None:
    made = services(tmp_path)

    assert [s.name for s in made] == [
        "airflow-api-server",
        "airflow-scheduler",
        "airflow-dag-processor",
        "airflow-triggerer",
    ]
    assert {s.after for s in made} == {("postgres",)}
    assert [s.port for s in made] == [1, None, None, None]


def test_asking_for_them_writes_nothing(tmp_path: Path) -> None:
    services(tmp_path)

    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("file", ["requirements.txt", "startup.sh", "plugins/mine.py"])
def test_a_change_of_what_is_read_at_the_start_only_makes_them_other_services(
    tmp_path: Path, file: str
) -> None:
    (tmp_path / "plugins").mkdir()
    before = services(tmp_path)
    (tmp_path / file).write_text("humanize\n")

    assert all(a.environment != b.environment for a, b in zip(before, services(tmp_path), strict=True))


def test_a_change_of_a_dag_leaves_them_as_they_are(tmp_path: Path) -> None:
    before = [s.environment for s in services(tmp_path)]
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "a.py").write_text("")

    assert [s.environment for s in services(tmp_path)] == before
