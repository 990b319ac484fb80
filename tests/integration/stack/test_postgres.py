"""The real PostgreSQL, out of its wheel."""

import multiprocessing
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.integration.stack.running import Running
from tests.waiting import wait_until
from windtunnel.install.progress import SILENT
from windtunnel.stack.postgres import DATABASE, USER, install, postgres_service, sql_alchemy_url
from windtunnel.stack.service import Service


@pytest.fixture(scope="session")
def programs(cache: Path) -> Path:
    return install(cache=cache, progress=SILENT)


@pytest.fixture
def service(tmp_path: Path, cache: Path, sockets: Path, programs: Path) -> Service:
    return postgres_service(state=tmp_path / "state", cache=cache, sockets=sockets)


@pytest.fixture
def postgres(service: Service, tmp_path: Path) -> Iterator[Running]:
    one = Running(service, tmp_path / "logs")
    one.start()
    try:
        one.wait_healthy()
        yield one
    finally:
        one.stop()


def query(programs: Path, sockets: Path, statement: str) -> str:
    command = (programs / "psql", "-h", sockets, "-U", USER, "-d", DATABASE, "-Atc", statement)
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_what_was_written_survives_a_kill_and_a_stop(
    postgres: Running, programs: Path, sockets: Path
) -> None:
    query(programs, sockets, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (42)")
    postgres.kill()
    assert not postgres.service.healthy()
    # Its children hold the shared memory for an instant more; a supervisor tries again, this tries once.
    wait_until(lambda: postgres.session() == [], 30, "its children have seen that it is dead")

    postgres.launch()
    postgres.wait_healthy()
    assert query(programs, sockets, "SELECT n FROM kept") == "42"

    postgres.stop()
    assert not postgres.service.healthy()
    postgres.start()
    postgres.wait_healthy()
    assert query(programs, sockets, "SELECT n FROM kept") == "42"


def test_nothing_listens_but_the_socket(postgres: Running, sockets: Path) -> None:
    server = psutil.Process(postgres.process.pid)

    assert not [c for c in server.net_connections("inet") if c.status == psutil.CONN_LISTEN]
    assert (sockets / ".s.PGSQL.5432").is_socket()
    assert server.uids().real != 0
    assert sql_alchemy_url(sockets).endswith(f"?host={sockets}")


def test_a_server_that_outlived_its_supervisor_is_ended_before_the_next_start(postgres: Running) -> None:
    assert postgres.service.prepare
    postgres.service.prepare(SILENT)

    assert postgres.process.wait(10) == 0


def test_a_pid_file_that_names_another_program_does_not_prevent_the_start(
    postgres: Running, tmp_path: Path
) -> None:
    postgres.end()
    pid_file = tmp_path / "state" / "postgres" / "data" / "postmaster.pid"
    _, rest = pid_file.read_text().split("\n", 1)
    pid_file.write_text(f"{os.getpid()}\n{rest}")
    assert not postgres.service.healthy()

    postgres.start()
    postgres.wait_healthy()


def test_a_set_up_that_is_killed_in_the_middle_is_done_again(service: Service, tmp_path: Path) -> None:
    folder = tmp_path / "state" / "postgres"
    assert service.prepare
    # A fork, since what a service prepares by cannot be sent to a new interpreter.
    making = multiprocessing.get_context("fork").Process(target=service.prepare, args=(SILENT,))
    making.start()
    wait_until(lambda: bool(list(folder.glob("data-*/PG_VERSION"))), 30, "initdb has begun")
    making.kill()
    making.join()
    assert not (folder / "data").exists()

    service.prepare(SILENT)

    assert (folder / "data" / "PG_VERSION").exists()
    assert not list(folder.glob("data-*"))


def test_preparing_again_leaves_the_database_alone(service: Service, tmp_path: Path) -> None:
    assert service.prepare
    service.prepare(SILENT)
    version = tmp_path / "state" / "postgres" / "data" / "PG_VERSION"
    made = version.stat().st_ino

    service.prepare(SILENT)

    assert version.stat().st_ino == made
