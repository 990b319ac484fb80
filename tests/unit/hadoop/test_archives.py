import os
import time
from pathlib import Path

import psutil
import pytest
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from windtunnel.hadoop import archives
from windtunnel.hadoop.archives import Archive, make_in_background


def _java(folder: Path, body: str) -> Path:
    """A Java whose `$part` is the archive that it is asked for."""
    java = folder / "java"
    java.write_text(f"#!/bin/sh\nfor a; do case $a in *ArchiveFile=*) part=${{a#*=}};; esac; done\n{body}\n")
    java.chmod(0o755)
    return java


def _archive(folder: Path, java: Path) -> Archive:
    return archives.of_hadoop(folder / "archives", "3.4.2", 17, java, "a.jar:b.jar")


def test_an_archive_is_made_once_and_nothing_else_stays(tmp_path: Path) -> None:
    archive = _archive(tmp_path, _java(tmp_path, f'echo made >> {tmp_path}/runs; echo archive > "$part"'))
    archive.make()
    archive.make()
    assert Path(archive.path).read_text() == "archive\n"
    assert (tmp_path / "runs").read_text() == "made\n"
    assert {p.suffix for p in Path(archive.path).parent.iterdir()} == {".jsa", ".lock"}


def test_an_archive_that_cannot_be_made_is_told_in_a_file_and_not_tried_again(tmp_path: Path) -> None:
    archive = _archive(tmp_path, _java(tmp_path, f"echo run >> {tmp_path}/runs; echo no room >&2; exit 3"))
    archive.make()
    archive.make()
    failed = Path(archive.path).with_suffix(".failed")
    assert failed.read_text() == "exit code 3\nno room\n"
    assert (tmp_path / "runs").read_text() == "run\n"
    assert not archive.wanted
    failed.unlink()
    assert archive.wanted


@pytest.mark.parametrize(
    ("spark", "java", "wanted"), [("3.5.0", 17, True), ("3.5.0", 11, False), ("3.0.0", 11, False)]
)
def test_a_spark_or_a_java_without_a_list_of_classes_wants_no_archive(
    tmp_path: Path, spark: str, java: int, wanted: bool
) -> None:
    archive = archives.of_spark(tmp_path, spark, java, tmp_path / "java", tmp_path / "home")
    assert archive.wanted == wanted
    if not wanted:
        archive.make()
        assert not Path(archive.path).exists()


def test_archives_are_made_by_a_process_that_no_project_owns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WINDTUNNEL_HOME", str(tmp_path))
    go = tmp_path / "go"
    os.mkfifo(go)
    body = f'echo $PPID $WINDTUNNEL_HOME $(ps -o ni= -p $$) > {tmp_path}/said; read line < {go}; echo x > "$part"'
    archive = _archive(tmp_path, _java(tmp_path, body))
    make_in_background([archive])
    assert not Path(archive.path).exists()
    go.write_text("go\n")
    _until_made(archive)
    maker, niceness = (tmp_path / "said").read_text().split()
    assert int(niceness) == 19
    assert int(maker) not in [child.pid for child in psutil.Process().children(recursive=True)]


@retry(retry=retry_if_result(lambda made: not made), stop=stop_after_delay(60), wait=wait_fixed(0.02))
def _until_made(archive: Archive) -> bool:
    return Path(archive.path).exists()


def test_other_times_of_a_jar_are_another_folder(tmp_path: Path) -> None:
    jar, java = tmp_path / "a.jar", tmp_path / "home" / "bin" / "java"
    java.parent.mkdir(parents=True)
    for file in (jar, java):
        file.write_text("")
    first = archives.folder(tmp_path, tmp_path / "home", [jar])
    assert archives.folder(tmp_path, tmp_path / "home", [jar]) == first
    os.utime(jar, (0, time.time() + 100))
    assert archives.folder(tmp_path, tmp_path / "home", [jar]) != first
