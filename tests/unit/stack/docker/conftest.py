"""A project with a Docker stack, and a `docker` that answers what a test says."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fake_docker import FakeDocker
from tests.ports import free_ports
from tests.project import PORTS, ROOT
from windtunnel.stack.settings import Settings, load_settings


class Told:
    """A progress that keeps what was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    made = FakeDocker.made(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{made.folder}{os.pathsep}{os.environ['PATH']}")
    return made


@pytest.fixture
def settings(project: Callable[[str], Path]) -> Settings:
    """The Docker stack's, of a project with everything that its files name."""
    folder = project("")
    shutil.copytree(ROOT / "docker", folder / "docker")
    for name in ("src", "locks", "plugins", "dags", "spark", "data"):
        (folder / name).mkdir()
    (folder / "locks" / "runtime.txt").write_text("uv==1\n")
    (folder / "requirements.txt").write_text("one==1\n")
    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    return load_settings(folder, stack="docker", **ports)
