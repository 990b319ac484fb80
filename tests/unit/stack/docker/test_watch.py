"""Whether containers that were there at the start of a run still are."""

import pytest

from tests.fake_docker import FakeDocker, all_up, container
from windtunnel.stack.docker.stack import DockerStack
from windtunnel.stack.docker.watch import DockerWatch
from windtunnel.stack.settings import Settings

LATER = "2026-11-20T12:00:00Z"


@pytest.fixture
def watch(fake: FakeDocker, settings: Settings) -> DockerWatch:
    fake.has(*all_up())
    return DockerStack(settings).watch()


def test_as_long_as_all_is_well_there_is_nothing_to_say(watch: DockerWatch) -> None:
    assert watch.lost() == ""
    assert watch.restarted() == []


def test_the_migration_has_ended_which_is_no_loss(fake: FakeDocker, watch: DockerWatch) -> None:
    fake.has(*[one for one in all_up() if "migrate" not in one["Id"]])
    assert watch.lost() == ""


def test_one_that_was_started_again_is_told_once(fake: FakeDocker, watch: DockerWatch) -> None:
    fake.has(*all_up(container("airflow-scheduler", started=LATER, restarts=1)))
    assert watch.restarted() == ["airflow-scheduler"]
    assert watch.restarted() == []


def test_one_that_is_being_started_again_is_told_only_when_it_is_well(
    fake: FakeDocker, watch: DockerWatch
) -> None:
    for state, health in (("restarting", "unhealthy"), ("running", "starting")):
        fake.has(*all_up(container("emr", state, health=health, started=LATER, finished=LATER)))
        assert (watch.restarted(), watch.lost()) == ([], "")
    fake.has(*all_up(container("emr", started=LATER)))
    assert watch.restarted() == ["emr"]


def test_one_that_died_is_told_with_how_and_where_its_log_is(fake: FakeDocker, watch: DockerWatch) -> None:
    fake.has(*all_up(container("emr", "exited", exit_code=137, out_of_memory=True)))
    assert watch.lost() == (
        "emr died (it had no memory left). `make up STACK=docker` starts it again; "
        "its log: `make logs STACK=docker SERVICE=emr`"
    )


def test_with_localstack_all_of_s3_is_lost(fake: FakeDocker, watch: DockerWatch) -> None:
    fake.has(*all_up(container("localstack", "exited", exit_code=137)))
    assert watch.lost().startswith(
        "localstack died (exit code 137: killed by signal 9) and everything in S3 is lost with it. "
        "`make up STACK=docker`"
    )


def test_containers_that_are_gone_are_named(fake: FakeDocker, watch: DockerWatch) -> None:
    fake.has(*[one for one in all_up() if "airflow" not in one["Id"]])
    assert watch.lost() == (
        "The containers of airflow-scheduler, airflow-webserver are gone. `make up STACK=docker` starts them anew."
    )


def test_an_engine_that_is_gone_is_told(fake: FakeDocker, watch: DockerWatch) -> None:
    fake.says("^ps ", stderr="Cannot connect to the Docker daemon", code=1)
    assert watch.lost() == "Docker's engine does not answer: Cannot connect to the Docker daemon"


def test_whether_something_was_started_again_cannot_be_told_without_an_engine(
    fake: FakeDocker, watch: DockerWatch
) -> None:
    # `lost` is what says so; a traceback would hide it.
    fake.says("^ps ", stderr="Cannot connect to the Docker daemon", code=1)
    assert watch.restarted() == []


def test_the_log_of_the_dags_is_the_schedulers(watch: DockerWatch) -> None:
    assert watch.log_of_dags() == "`make logs STACK=docker SERVICE=airflow-scheduler`"
