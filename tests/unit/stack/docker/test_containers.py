"""Containers, as Docker's own answers tell of them."""

import os
from datetime import UTC, datetime

import pytest

from tests.fake_docker import IMAGE_ID, FakeDocker, container
from windtunnel.stack.docker.containers import ONE_OFF, Container, Publisher, containers, who_publishes


def found(fake: FakeDocker, *told: dict[str, object]) -> dict[str, Container]:
    fake.has(*told)
    return containers("project-1", dict(os.environ))


def one(fake: FakeDocker, **other: object) -> Container:
    return found(fake, container("emr", **other))["emr"]  # type: ignore[arg-type]


def test_one_that_runs_and_is_healthy(fake: FakeDocker) -> None:
    started = datetime(2026, 11, 20, 10, tzinfo=UTC).timestamp() + 0.123456789
    assert one(fake, told="all is well") == Container(
        id="id-of-emr",
        service="emr",
        state="running",
        health="healthy",
        exit_code=0,
        out_of_memory=False,
        pid=4711,
        since=started,
        restarts=0,
        told="all is well",
        image="emr:1",
        image_id=IMAGE_ID,
    )


def test_only_the_project_is_asked_about_and_its_ended_containers_too(fake: FakeDocker) -> None:
    assert set(found(fake, container("emr"), container("postgres", "exited"))) == {"emr", "postgres"}
    [asked] = fake.calls("ps ")
    assert "--all" in asked
    assert "label=com.docker.compose.project=project-1" in asked


def test_there_may_be_none(fake: FakeDocker) -> None:
    assert found(fake) == {}


def test_what_was_run_once_beside_the_service_is_not_the_service(fake: FakeDocker) -> None:
    set_up = container("emr", id="once", labels={ONE_OFF: "True"})
    assert found(fake, container("emr"), set_up)["emr"].id == "id-of-emr"


def test_without_a_check_running_is_well(fake: FakeDocker) -> None:
    assert one(fake, health="").is_well
    assert one(fake, health="none").is_well


@pytest.mark.parametrize(
    ("health", "is_well"), [("healthy", True), ("starting", False), ("unhealthy", False)]
)
def test_with_a_check_only_healthy_is_well(fake: FakeDocker, health: str, is_well: bool) -> None:
    assert one(fake, health=health).is_well is is_well


@pytest.mark.parametrize(
    ("state", "is_up"),
    [
        ("running", True),
        ("restarting", True),
        ("paused", True),
        ("exited", False),
        ("created", False),
        ("dead", False),
    ],
)
def test_up_is_what_has_or_will_have_processes(fake: FakeDocker, state: str, is_up: bool) -> None:
    assert one(fake, state=state).is_up is is_up


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"exit_code": 3}, "exit code 3"),
        ({"exit_code": 255}, "exit code 255"),
        ({"exit_code": 137}, "exit code 137: killed by signal 9"),
        ({"exit_code": 137, "out_of_memory": True}, "it had no memory left"),
    ],
)
def test_how_one_ended_is_told_in_words(fake: FakeDocker, other: dict[str, object], words: str) -> None:
    assert one(fake, state="exited", **other).how_it_ended == words


def test_the_time_of_one_that_ended_is_when_it_ended_and_of_one_that_never_ran_none(fake: FakeDocker) -> None:
    ended = one(fake, state="exited", started="2026-11-20T10:00:00Z", finished="2026-11-20T11:00:00Z")
    assert ended.since == datetime(2026, 11, 20, 11, tzinfo=UTC).timestamp()
    assert ended.pid is None
    assert one(fake, state="created", health="").since == 0


def test_who_has_a_port_is_told_with_its_project_and_folder(fake: FakeDocker) -> None:
    fake.says("^ps --filter publish=4570", "other-2\t/home/me/other\tother-2-emr-1\n")
    assert who_publishes(4570, dict(os.environ)) == Publisher("other-2", "/home/me/other", "other-2-emr-1")
    assert who_publishes(4566, dict(os.environ)) is None


def test_a_container_of_no_stack_has_only_its_name(fake: FakeDocker) -> None:
    fake.says("^ps --filter publish=8080", "\t\tweb\n")
    assert who_publishes(8080, dict(os.environ)) == Publisher("", "", "web")
