"""The Docker stack's commands: what they ask of Docker, and what they say when it cannot do it."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.fake_docker import ALL, FakeDocker, Told, all_up, container
from tests.ports import free_range
from windtunnel.stack.docker import saved_logs
from windtunnel.stack.docker.compose import Compose
from windtunnel.stack.docker.containers import containers
from windtunnel.stack.docker.stack import DockerStack
from windtunnel.stack.errors import StackError
from windtunnel.stack.settings import Settings

NO_ENGINE = (
    "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
)
NOT_LET_IN = (
    "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock"
)


@contextmanager
def listener(port: int) -> Iterator[None]:
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(("127.0.0.1", port))
        one.listen()
        yield


@pytest.fixture
def was_up(settings: Settings, fake: FakeDocker) -> FakeDocker:
    """All containers run, and answer what they wrote."""
    (settings.state / "docker").mkdir(parents=True)
    fake.has(*all_up())
    fake.says(" (stop|down|rm) ")
    fake.says("^logs ", "what was written\n")
    return fake


def refused_up(settings: Settings, told: Told) -> str:
    with pytest.raises(StackError) as error:
        DockerStack(settings).up(told)
    return str(error.value)


def test_a_port_of_another_projects_container_is_told_with_its_folder(
    ready: FakeDocker, settings: Settings, told: Told
) -> None:
    ready.says(f"publish={settings.emr_port} ", "other-2\t/home/me/other\tother-2-emr-1\n")
    with listener(settings.emr_port):
        said = refused_up(settings, told)
    assert f"Port {settings.emr_port}, which emr needs, is taken by the stack of /home/me/other" in said
    assert "(container other-2-emr-1)" in said
    assert "WINDTUNNEL_EMR_PORT=" in said
    assert not ready.calls(" build ")


def test_a_port_of_a_container_that_is_no_stacks_is_told_by_its_name(
    ready: FakeDocker, settings: Settings, told: Told
) -> None:
    ready.says(f"publish={settings.airflow_port} ", "\t\tweb\n")
    with listener(settings.airflow_port):
        assert "is taken by container web. Stop that" in refused_up(settings, told)


def test_a_port_of_a_process_is_told_by_the_process(
    ready: FakeDocker, settings: Settings, told: Told
) -> None:
    with listener(settings.localstack_port):
        assert "which localstack needs, is taken by process " in refused_up(settings, told)


def test_a_port_of_this_projects_own_container_is_no_obstacle(
    ready: FakeDocker, settings: Settings, told: Told
) -> None:
    project = Compose(settings).project
    ready.says(f"publish={settings.emr_port} ", f"{project}\t{settings.home}\t{project}-emr-1\n")
    with listener(settings.emr_port):
        assert DockerStack(settings).up(told) is True


def test_a_web_port_of_another_project_is_told_with_a_range_that_is_free(
    ready: FakeDocker, settings: Settings, told: Told
) -> None:
    # All of them are published at once, so that one taken port would fail the start of the container.
    wanted = free_range(4)
    settings = settings.model_copy(update={"emr_web_ports": f"{wanted.start}-{wanted.stop - 1}"})
    ready.says(f"publish={wanted.start + 2} ", "other-2\t/home/me/other\tother-2-emr-1\n")
    with listener(wanted.start + 2):
        said = refused_up(settings, told)
    assert (
        f"Port {wanted.start + 2}, which a web page of Hadoop or Spark needs, is taken by the stack of /home/me/other"
        in said
    )
    assert "emr_web_ports = " in said
    assert f" {wanted.start}-" not in said


def test_without_an_engine_nothing_is_made(fake: FakeDocker, settings: Settings, told: Told) -> None:
    fake.says("", stderr=NO_ENGINE, code=1)
    assert "Start it (Docker Desktop" in refused_up(settings, told)
    assert not (settings.state / "docker").exists()


def test_down_stops_first_what_uses_the_others_and_keeps_the_logs(
    was_up: FakeDocker, settings: Settings, told: Told
) -> None:
    # The migration has ended, so it is not among those that were running.
    assert DockerStack(settings).down(told) == len(ALL) - 1
    first, second = (call.split(" stop ")[1].split() for call in was_up.calls(" stop "))
    assert {*first} == {"emr", "airflow-webserver", "airflow-scheduler"}
    assert {*second} == {"localstack", "postgres"}
    assert was_up.calls(" down --remove-orphans")
    assert {log.name for log in settings.logs.iterdir()} == {f"{name}.log" for name in ALL}
    assert "Stopping emr" in told.lines


def test_down_reaches_the_worker_whatever_the_executor_is_now(
    was_up: FakeDocker, settings: Settings, told: Told
) -> None:
    was_up.has(*all_up(container("airflow-worker")))
    DockerStack(settings).down(told)
    assert all("--profile * " in call for call in was_up.calls(" stop ") + was_up.calls(" down "))
    assert any("airflow-worker" in call for call in was_up.calls(" stop "))


def test_down_keeps_nothing_that_would_make_the_next_start_believe_that_all_is_up(
    was_up: FakeDocker, settings: Settings, told: Told
) -> None:
    revision = settings.state / "docker" / "revision"
    revision.write_text(Compose(settings).revision())
    DockerStack(settings).down(told)
    assert not revision.exists()


def test_down_of_what_never_was_up_asks_docker_once_and_says_nothing(
    fake: FakeDocker, settings: Settings, told: Told
) -> None:
    assert DockerStack(settings).down(told) == 0
    assert told.lines == []
    assert len(fake.calls()) == 1


def test_without_an_engine_nothing_runs_that_down_could_stop(
    was_up: FakeDocker, settings: Settings, told: Told
) -> None:
    was_up.says("^ps ", stderr=NO_ENGINE, code=1)
    assert DockerStack(settings).down(told) == 0
    assert told.lines == ["Docker's engine does not answer, so none of its containers runs."]


def test_without_docker_down_is_as_silent_as_the_stack_never_was(
    settings: Settings, told: Told, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert DockerStack(settings).down(told) == 0
    assert told.lines == []


def test_an_engine_that_lets_nobody_in_may_run_everything_so_down_says_so(
    was_up: FakeDocker, settings: Settings, told: Told
) -> None:
    was_up.says("^ps ", stderr=NOT_LET_IN, code=1)
    with pytest.raises(StackError, match="does not let you in"):
        DockerStack(settings).down(told)


def test_status_tells_each_service_with_its_port_memory_and_time(
    was_up: FakeDocker, settings: Settings
) -> None:
    started = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    was_up.has(
        container("localstack", "exited", exit_code=137),
        container("postgres"),
        container("emr", health="unhealthy", started=started),
        container("airflow-worker"),
    )
    was_up.says(
        "^stats ",
        "id-of-postgres\t100MiB / 15GiB\nid-of-emr\t1.5GiB / 15GiB\nid-of-airflow-worker\t512kB / 1GB\n",
    )
    found = {one.name: one for one in DockerStack(settings).status()}
    assert {name: one.state for name, one in found.items()} == {
        "localstack": "died (exit code 137: killed by signal 9)",
        "postgres": "healthy",
        "emr": "not healthy",
        "airflow-webserver": "down",
        "airflow-scheduler": "down",
        # Asked for or not: it runs.
        "airflow-worker": "healthy",
    }
    assert {name for name, one in found.items() if one.is_well} == {"postgres", "airflow-worker"}
    assert found["emr"].port == settings.emr_port
    assert [found[n].memory for n in ("emr", "postgres", "airflow-worker")] == [3 << 29, 100 << 20, 512000]
    assert found["localstack"].uptime is None
    assert (found["emr"].uptime or 1e9) < 600


def test_status_without_an_engine_says_how_to_start_one(fake: FakeDocker, settings: Settings) -> None:
    fake.says("", stderr=NO_ENGINE, code=1)
    with pytest.raises(StackError, match=r"does not answer\. Start it"):
        DockerStack(settings).status()


def test_a_log_is_the_containers_and_after_its_end_the_one_that_was_kept(
    was_up: FakeDocker, settings: Settings, told: Told
) -> None:
    stack = DockerStack(settings)
    was_up.says("^logs --tail 2 id-of-emr$", "one\ntwo\n")
    assert stack.tail("emr", 2) == ["one", "two"]
    stack.down(told)
    was_up.has()
    assert stack.tail("emr", 2) == ["what was written"]
    was_up.says("^ps ", stderr=NO_ENGINE, code=1)
    assert stack.tail("emr", 2) == ["what was written"]


def test_followed_lines_are_told_apart_by_their_service(was_up: FakeDocker, settings: Settings) -> None:
    was_up.says(
        " logs --no-color --follow ",
        "emr-1                | one | two\nairflow-scheduler-1  | three\nemr-1 | \n",
    )
    assert list(DockerStack(settings).follow(["emr", "airflow-scheduler"])) == [
        ("emr", "one | two"),
        ("airflow-scheduler", "three"),
        ("emr", ""),
    ]


def test_logs_of_three_earlier_containers_are_kept(was_up: FakeDocker, settings: Settings) -> None:
    compose = Compose(settings)
    emr = containers(compose.project, compose.caller())["emr"]
    for number in range(6):
        was_up.says("^logs ", f"of container {number}\n")
        log = saved_logs.save(compose, emr)
    assert {file.name: file.read_text() for file in log.parent.iterdir()} == {
        "emr.log": "of container 5\n",
        "emr.log.1": "of container 4\n",
        "emr.log.2": "of container 3\n",
        "emr.log.3": "of container 2\n",
    }


def test_what_docker_keeps_of_the_project_is_forgotten_but_no_downloads(
    was_up: FakeDocker, settings: Settings
) -> None:
    project = Compose(settings).project
    was_up.says("^volume ls", f"{project}_emr\n{project}_postgres\n")
    was_up.says("^image inspect", '[{"Id": "sha256:1"}]')
    was_up.says("^(volume|image) rm ")
    [removed] = DockerStack(settings).forget()
    assert f"{project}_emr, {project}_postgres" in removed
    assert was_up.calls("volume rm") == [f"volume rm {project}_emr {project}_postgres"]
    assert was_up.calls("image rm") == [f"image rm {' '.join(Compose(settings).images())}"]
    [asked] = was_up.calls("volume ls")
    assert f"label=com.docker.compose.project={project}" in asked


def test_without_an_engine_it_is_said_that_docker_keeps_what_it_has(
    was_up: FakeDocker, settings: Settings
) -> None:
    was_up.says("", stderr=NO_ENGINE, code=1)
    with pytest.raises(StackError, match="can only be removed while Docker's engine runs"):
        DockerStack(settings).forget()
