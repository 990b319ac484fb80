import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import serving
from tests.unit.install.recording import Recording, Repository
from windtunnel.install.errors import InstallError
from windtunnel.install.fetch import MAVEN_URL_VARIABLE, fetch
from windtunnel.install.progress import SILENT

JAR = bytes(range(256)) * 4096


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    repository = Repository()
    with serving(repository.app()) as port:
        monkeypatch.setenv(MAVEN_URL_VARIABLE, f"http://127.0.0.1:{port}/maven/")
        yield repository


def test_every_artifact_arrives_and_the_progress_counts_every_byte(
    repository: Repository, tmp_path: Path
) -> None:
    artifacts = [repository.add(f"jar{n}", JAR[n:]) for n in range(9)]
    progress = Recording()
    fetch(artifacts, tmp_path, progress)
    for n, artifact in enumerate(artifacts):
        assert (tmp_path / artifact.file_name).read_bytes() == JAR[n:]
    (task,) = progress.tasks
    assert task.done == task.total == sum(a.size for a in artifacts)
    assert not list(tmp_path.glob("*.part"))


def test_only_what_is_missing_is_asked_for(repository: Repository, tmp_path: Path) -> None:
    first, second = repository.add("first", JAR), repository.add("second", JAR)
    fetch([first], tmp_path, SILENT)
    repository.asked.clear()
    fetch([first, second], tmp_path, SILENT)
    assert repository.asked == [(second.url_path, None)]
    fetch([first, second], tmp_path, SILENT)
    assert len(repository.asked) == 1


def test_an_interrupted_download_goes_on_where_it_stopped(repository: Repository, tmp_path: Path) -> None:
    artifact = repository.add("big", JAR)
    (tmp_path / f"{artifact.file_name}.part").write_bytes(JAR[:1000])
    progress = Recording()
    fetch([artifact], tmp_path, progress)
    assert repository.asked == [(artifact.url_path, "bytes=1000-")]
    assert (tmp_path / artifact.file_name).read_bytes() == JAR
    assert progress.tasks[0].done == len(JAR)


def test_a_server_without_ranges_makes_the_download_begin_anew(
    repository: Repository, tmp_path: Path
) -> None:
    repository.ranges = False
    artifact = repository.add("big", JAR)
    (tmp_path / f"{artifact.file_name}.part").write_bytes(b"x" * 1000)
    progress = Recording()
    fetch([artifact], tmp_path, progress)
    assert (tmp_path / artifact.file_name).read_bytes() == JAR
    assert progress.tasks[0].done == len(JAR)


@pytest.mark.parametrize("left", [b"x" * len(JAR), b"x" * (len(JAR) + 1), b"x" * 10])
def test_a_file_with_another_digest_is_removed_and_named(
    repository: Repository, tmp_path: Path, left: bytes
) -> None:
    artifact = repository.add("altered", JAR)
    part = tmp_path / f"{artifact.file_name}.part"
    part.write_bytes(left)
    with pytest.raises(InstallError, match=r"org\.example:altered:1\.0.*expected sha256 " + artifact.sha256):
        fetch([artifact], tmp_path, SILENT)
    assert not part.exists()
    assert not (tmp_path / artifact.file_name).exists()
    fetch([artifact], tmp_path, SILENT)
    assert (tmp_path / artifact.file_name).read_bytes() == JAR


def test_a_server_that_fails_for_a_moment_is_asked_again(repository: Repository, tmp_path: Path) -> None:
    artifact = repository.add("late", JAR)
    repository.failures = [503, 500]
    fetch([artifact], tmp_path, SILENT)
    assert len(repository.asked) == 3
    assert (tmp_path / artifact.file_name).read_bytes() == JAR


def test_an_artifact_that_the_repository_lacks_is_named_at_once(
    repository: Repository, tmp_path: Path
) -> None:
    artifact = repository.add("gone", JAR)
    repository.jars.clear()
    with pytest.raises(InstallError, match=r"org\.example:gone:1\.0 could not be downloaded.*answered 404"):
        fetch([artifact], tmp_path, SILENT)
    assert len(repository.asked) == 1


def test_a_machine_that_is_offline_is_told_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("windtunnel.install.download.ATTEMPTS", 2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setenv(MAVEN_URL_VARIABLE, f"http://127.0.0.1:{port}")
    artifact = Repository().add("far", JAR)
    with pytest.raises(InstallError, match=r"org\.example:far:1\.0.*HTTPS_PROXY.*run the same command again"):
        fetch([artifact], tmp_path, SILENT)


def test_two_set_ups_with_one_cache_download_each_artifact_once(
    repository: Repository, tmp_path: Path
) -> None:
    artifacts = [repository.add(f"jar{n}", JAR) for n in range(4)]
    both = [threading.Thread(target=fetch, args=(artifacts, tmp_path, SILENT)) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join(timeout=60)
    assert sorted(path for path, _ in repository.asked) == sorted(a.url_path for a in artifacts)
