"""What is wrong with an engine, told in a sentence that says what to do."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.fake_docker import FakeDocker
from windtunnel.stack.docker.engine import DockerError, check_engine, docker, inspect
from windtunnel.stack.errors import StackError

NO_ENGINE = (
    "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
)
NOT_LET_IN = (
    "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock"
)


def environment() -> dict[str, str]:
    return dict(os.environ)


def refused() -> str:
    with pytest.raises(StackError) as error:
        check_engine(environment())
    return str(error.value)


def test_an_engine_that_can_do_it_is_not_remarked_on(fake: FakeDocker) -> None:
    check_engine(environment())


def test_without_docker_it_says_what_to_install_or_to_leave_out(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="there is no command `docker`") as error:
        check_engine({"PATH": str(tmp_path)})
    assert "Install Docker Desktop or Docker Engine" in str(error.value)
    assert "leave STACK=docker out" in str(error.value)


@pytest.mark.parametrize("told", [{"ServerErrors": [NO_ENGINE], "ServerVersion": "", "MemTotal": 0}, None])
def test_without_an_engine_it_says_how_to_start_one(fake: FakeDocker, told: dict[str, Any] | None) -> None:
    # The client answers and tells of it; older ones fail.
    if told:
        fake.info(**told)
    else:
        fake.says("^info ", stderr=f"{NO_ENGINE}\n", code=1)
    said = refused()
    assert "does not answer. Start it (Docker Desktop, or on Linux `sudo systemctl start docker`)" in said
    assert said.endswith(f"It said: {NO_ENGINE}")


@pytest.mark.parametrize("as_answer", [True, False])
def test_whoever_is_not_let_in_is_told_of_the_group(fake: FakeDocker, as_answer: bool) -> None:
    if as_answer:
        fake.info(ServerErrors=[NOT_LET_IN], ServerVersion="")
    else:
        fake.says("^info ", stderr=NOT_LET_IN, code=1)
    said = refused()
    assert "does not let you in" in said
    assert "usermod --append --groups docker" in said
    assert NOT_LET_IN in said


@pytest.mark.parametrize("plugins", [None, [], [{"Name": "buildx", "Version": "0.13.1"}]])
def test_without_the_plugin_of_compose_its_package_is_named(fake: FakeDocker, plugins: Any) -> None:
    fake.info(ClientInfo={"Plugins": plugins})
    assert "docker-compose-plugin" in refused()


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (
            {"ServerVersion": "24.0.9"},
            "Docker Engine is 24.0.9, and the stack needs 25.0 or newer: update it.",
        ),
        (
            {"ClientInfo": {"Plugins": [{"Name": "compose", "Version": "v2.23.3"}]}},
            "Docker Compose is v2.23.3, and the stack needs 2.24 or newer: update it.",
        ),
        ({"ServerVersion": "9.99"}, "Docker Engine is 9.99"),
    ],
)
def test_what_is_too_old_is_named_with_what_it_takes(
    fake: FakeDocker, told: dict[str, Any], sentence: str
) -> None:
    fake.info(**told)
    assert sentence in refused()


@pytest.mark.parametrize("version", ["25.0.0", "v25.0.0-rc.1", "100.1", "dev"])
def test_versions_are_compared_as_numbers_and_one_without_a_number_is_let_through(
    fake: FakeDocker, version: str
) -> None:
    fake.info(
        ServerVersion=version, ClientInfo={"Plugins": [{"Name": "compose", "Version": "v2.100.0-desktop.1"}]}
    )
    check_engine(environment())


def test_too_little_memory_is_told_with_how_much_it_takes_and_where_to_give_it(fake: FakeDocker) -> None:
    fake.info(MemTotal=2 << 30)
    said = refused()
    assert "Docker has 2.1 GB of memory, and the stack needs 5 GB" in said
    assert "Settings, Resources" in said


@pytest.mark.parametrize("answer", ["an answer that is no JSON\n", '{"host": {"arch": "amd64"}}\n', "[]\n"])
def test_another_program_by_the_name_of_docker_is_told_as_that(fake: FakeDocker, answer: str) -> None:
    fake.says("^info ", answer)
    said = refused()
    assert "not Docker's own" in said
    assert said.endswith(answer.strip())


def test_a_command_that_hangs_is_ended_and_named(fake: FakeDocker) -> None:
    fake.says("^volume ls", hangs=600)
    with pytest.raises(DockerError, match="`docker volume ls` has not ended within 1 s") as error:
        docker("volume", "ls", "--quiet", environment=environment(), seconds=1)
    assert "Start it anew" in str(error.value)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ({"stderr": "no such volume\n"}, "no such volume"),
        ({"stdout": "told on the wrong stream\n"}, "told on the wrong stream"),
        ({}, "`docker volume` failed."),
    ],
)
def test_a_failure_says_what_docker_said(fake: FakeDocker, answer: dict[str, str], sentence: str) -> None:
    fake.says("^volume rm", code=1, **answer)  # type: ignore[arg-type]
    with pytest.raises(DockerError) as error:
        docker("volume", "rm", "one", environment=environment())
    assert str(error.value) == sentence


def test_what_is_gone_meanwhile_is_left_out_of_what_is_told(fake: FakeDocker) -> None:
    fake.says("^image inspect", stderr="No such image: two", code=1)
    fake.says("^image inspect (one|three)$", '[{"Id": "an id"}]')
    assert inspect("image", ["one", "two", "three"], environment()) == [{"Id": "an id"}] * 2
    assert inspect("image", ["two"], environment()) == []


def test_nothing_is_asked_about_nothing(fake: FakeDocker) -> None:
    assert inspect("image", [], environment()) == []
    assert fake.calls() == []
