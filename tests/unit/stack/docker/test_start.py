"""A start of the Docker stack: told as it goes, and undone, with the reason, when one service fails."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.fake_docker import ALL, JUST_NOW, FakeDocker, Told, all_up, container
from windtunnel.stack.docker.stack import DockerStack
from windtunnel.stack.errors import StackError
from windtunnel.stack.settings import Settings


@pytest.fixture
def failed(ready: FakeDocker, settings: Settings, told: Told) -> Callable[..., str]:
    """The sentence of a start that ends with these containers in the place of healthy ones."""

    def start(*containers: dict[str, Any], **answer: Any) -> str:
        ready.says(" up --detach", containers=all_up(*containers), **answer)
        with pytest.raises(StackError) as error:
            DockerStack(settings).up(told)
        return str(error.value)

    return start


def becomes_well_when_asked_often(fake: FakeDocker) -> None:
    listed = "\n".join(one["Id"] for one in all_up())
    fake.says("^ps --all", listed, containers=all_up())
    fake.says("^ps --all", listed, times=8)


def test_a_start_says_what_is_up_once_and_is_done_when_all_are(
    ready: FakeDocker, settings: Settings, told: Told
) -> None:
    assert DockerStack(settings).up(told) is True
    assert "airflow-migrate-db is done" in told.lines
    for name in ("localstack", "postgres", "emr", "airflow-webserver", "airflow-scheduler"):
        assert len([line for line in told.lines if line.startswith(f"{name} is up after ")]) == 1, name
    assert not ready.calls(" down ")


def test_a_start_of_what_is_up_already_does_nothing(
    ready: FakeDocker, settings: Settings, told: Told
) -> None:
    DockerStack(settings).up(told)
    assert DockerStack(settings).up(told) is False
    assert len(ready.calls(" up --detach")) == 1


def test_after_a_change_a_start_is_made_and_only_what_is_new_is_told(
    ready: FakeDocker, settings: Settings, told: Told
) -> None:
    DockerStack(settings).up(told)
    (settings.home / "requirements.txt").write_text("two==2\n")
    ready.says(" up --detach", containers=all_up(container("airflow-scheduler", id="another")))
    told.lines.clear()
    assert DockerStack(settings).up(told) is True
    assert [line for line in told.lines if " is up after " in line] == [
        line for line in told.lines if line.startswith("airflow-scheduler is up after ")
    ]


def test_a_container_that_died_since_is_removed_before_the_next_start(
    ready: FakeDocker, settings: Settings, told: Told
) -> None:
    DockerStack(settings).up(told)
    ready.has(*all_up(container("localstack", "exited", exit_code=137)))
    assert DockerStack(settings).up(told) is True
    # Started again, it would look healthy, with an S3 of before.
    [removed] = ready.calls(" rm ")
    assert removed.endswith("rm --force localstack airflow-migrate-db")
    assert "Starting anew, since they had ended: localstack" in told.lines
    assert (settings.logs / "localstack.log").read_text() == "first\nlast\n"


def test_a_container_that_would_be_made_otherwise_now_is_stopped_and_made_anew(
    ready: FakeDocker, settings: Settings, told: Told
) -> None:
    DockerStack(settings).up(told)
    made = {name: {"image": f"{name}:1"} for name in ALL} | {"airflow-scheduler": {"image": "other"}}
    ready.says(" config --format json", json.dumps({"services": made}))
    ready.has(*all_up(container("emr", image_id="sha256:0")), container("airflow-worker"))
    (settings.home / "requirements.txt").write_text("two==2\n")
    assert DockerStack(settings).up(told) is True
    [stopped] = ready.calls(" stop ")
    [removed] = ready.calls(" rm ")
    for command in (stopped, removed):
        assert command.endswith("emr airflow-scheduler airflow-worker")
    assert (
        "Starting anew, since their settings or their images have changed: emr, airflow-scheduler"
        in told.lines
    )
    assert "Stopping what is not asked for: airflow-worker" in told.lines
    assert (settings.logs / "emr.log").read_text() == "first\nlast\n"


def test_a_service_that_ends_fails_the_start_with_its_reason_last_lines_and_log(
    failed: Callable[..., str], ready: FakeDocker, settings: Settings, told: Told
) -> None:
    ready.says("^logs id-of-emr$", "a line before\njava.lang.OutOfMemoryError\n")
    said = failed(container("emr", "exited", exit_code=1))
    log = settings.logs / "emr.log"
    assert said.startswith("emr ended while it started (exit code 1). Its last lines:\n")
    assert "    java.lang.OutOfMemoryError\n" in said
    assert said.endswith(f"The whole log: {log}")
    assert log.read_text() == "a line before\njava.lang.OutOfMemoryError\n"
    assert ready.calls(" down --remove-orphans")
    assert not (settings.state / "docker" / "revision").exists()


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (
            container("postgres", "exited", exit_code=137, out_of_memory=True),
            "postgres ended while it started (it had no memory left)",
        ),
        (
            container("airflow-migrate-db", "exited", health="", exit_code=1),
            "airflow-migrate-db ended while it started (exit code 1)",
        ),
        (
            container("emr", "restarting", exit_code=2, restarts=1),
            "emr ended while it started (exit code 2)",
        ),
        (
            container("airflow-webserver", health="unhealthy", started=JUST_NOW, told="does not answer"),
            "s: does not answer. Its last lines",
        ),
        (container("airflow-scheduler", health="starting"), "airflow-scheduler is not healthy after "),
        (container("airflow-migrate-db", health=""), "airflow-migrate-db is not healthy after "),
    ],
)
def test_each_way_to_fail_is_told_as_what_it_is(
    failed: Callable[..., str], bad: dict[str, Any], why: str
) -> None:
    assert why in failed(bad)


def test_what_takes_its_time_is_waited_for(ready: FakeDocker, settings: Settings, told: Told) -> None:
    beginning = [
        container("emr", health="starting", started=JUST_NOW),
        container("airflow-migrate-db", health="", started=JUST_NOW),
        container("airflow-webserver", "created", health=""),
    ]
    ready.says(" up --detach", containers=all_up(*beginning))
    becomes_well_when_asked_often(ready)
    assert DockerStack(settings).up(told) is True
    waited_for = {"emr is up after", "airflow-webserver is up after", "airflow-migrate-db is done"}
    assert {said for said in waited_for if any(line.startswith(said) for line in told.lines)} == waited_for


def test_what_ran_before_a_failed_start_runs_on(
    failed: Callable[..., str], ready: FakeDocker, settings: Settings, told: Told
) -> None:
    ready.has(*[one for one in all_up() if "airflow" not in one["Id"]])
    said = failed(container("airflow-scheduler", "exited", exit_code=3))
    assert "airflow-scheduler ended" in said
    [undone] = ready.calls(" rm --stop")
    removed = undone.split(" rm --stop --force ")[1].split()
    assert {*removed} == {"airflow-webserver", "airflow-migrate-db", "airflow-scheduler"}
    assert not ready.calls(" down ")


def test_one_that_was_started_again_long_ago_has_not_failed_now(
    ready: FakeDocker, settings: Settings, told: Told
) -> None:
    earlier = container("emr", restarts=2, health="starting", started=JUST_NOW)
    ready.has(earlier)
    ready.says(" up --detach", containers=all_up(earlier))
    becomes_well_when_asked_often(ready)
    assert DockerStack(settings).up(told) is True
    assert [line for line in told.lines if line.startswith("emr is up after")]


def test_what_docker_refuses_is_in_the_sentence(failed: Callable[..., str], settings: Settings) -> None:
    said = failed(stderr="Error response from daemon: no space left on device\n", code=1)
    assert said.startswith("`docker compose up` failed. Its last lines:\n")
    assert "no space left on device" in said
    assert said.endswith(f"The whole log: {settings.logs / 'docker-up.log'}")


def test_an_engine_that_goes_away_meanwhile_does_not_hide_what_went_wrong(
    failed: Callable[..., str], ready: FakeDocker
) -> None:
    ready.says(" down ", stderr="Cannot connect to the Docker daemon", code=1)
    ready.says("^logs id-of-postgres$", stderr="Cannot connect to the Docker daemon", code=1)
    assert failed(container("emr", "exited", exit_code=1)).startswith("emr ended while it started")


def test_a_build_that_fails_is_told_and_nothing_is_started(
    ready: FakeDocker, settings: Settings, told: Told
) -> None:
    ready.says(" build ", "step 1\n", stderr="failed to solve: no such image\n", code=17)
    with pytest.raises(StackError) as error:
        DockerStack(settings).up(told)
    said = str(error.value)
    assert "`docker compose build` failed" in said
    assert "failed to solve: no such image" in said
    assert said.endswith(f"The whole log: {settings.logs / 'docker-build.log'}")
    assert not ready.calls(" up --detach")


def test_downloads_that_fail_are_told_and_nothing_is_started(
    ready: FakeDocker, settings: Settings, told: Told
) -> None:
    ready.says(" run .*cli.set_up", "no network\n", code=1)
    with pytest.raises(StackError, match="cannot be installed into its volume"):
        DockerStack(settings).up(told)
    assert "no network" in told.lines
    assert not ready.calls(" up --detach")


def test_downloads_are_made_once_for_an_image_and_a_volume(
    ready: FakeDocker, settings: Settings, told: Told
) -> None:
    for change in (
        None,
        ("^image inspect", '[{"Id": "sha256:2"}]'),
        ("^volume inspect", '[{"CreatedAt": "now"}]'),
    ):
        if change:
            ready.says(*change)
        for _ in range(2):
            (settings.state / "docker" / "revision").unlink(missing_ok=True)
            DockerStack(settings).up(told)
    assert len(ready.calls("cli.set_up")) == 3


def test_a_machine_without_the_volume_of_downloads_gets_one(
    ready: FakeDocker, settings: Settings, told: Told
) -> None:
    ready.says("^volume inspect", stderr="no such volume", code=1, times=1)
    ready.says("^volume create")
    DockerStack(settings).up(told)
    assert ready.calls("volume create") == ["volume create windtunnel-cache"]


@pytest.mark.parametrize("named", ["", "mwaa:3.0.6"])
def test_only_images_that_are_not_there_are_fetched_and_a_named_one_is_not_built(
    ready: FakeDocker, settings: Settings, told: Told, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    monkeypatch.setenv("AIRFLOW_IMAGE", named)
    ready.says("^image inspect (postgres|airflow-webserver):1", stderr="No such image", code=1)
    DockerStack(settings).up(told)
    [pulled], [built] = ready.calls(" pull "), ready.calls(" build ")
    assert pulled.split(" pull --quiet ")[1] == ("postgres airflow-webserver" if named else "postgres")
    assert built.split(" plain ")[1] == ("emr" if named else "emr airflow-webserver")


def test_with_all_images_there_nothing_is_fetched(ready: FakeDocker, settings: Settings, told: Told) -> None:
    DockerStack(settings).up(told)
    assert not ready.calls(" pull ")
