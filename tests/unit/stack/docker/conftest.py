"""A project with a Docker stack, and a `docker` that answers what a test says."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fake_docker import ALL, IMAGE_ID, FakeDocker, Told, all_up
from tests.ports import free_ports
from tests.project import PORTS, ROOT
from windtunnel.stack.docker import start
from windtunnel.stack.settings import Settings, load_settings


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


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A start asks Docker again at once."""
    monkeypatch.setattr(start, "POLL_SECONDS", 0.01)


@pytest.fixture
def ready(fake: FakeDocker) -> FakeDocker:
    """A machine with all images and downloads, and an engine that brings everything up at once."""
    fake.says("^volume inspect", '[{"CreatedAt": "2026-11-20"}]')
    fake.says("^image inspect", json.dumps([{"Id": IMAGE_ID}]))
    images = {name: {"image": f"{name}:1"} for name in (*ALL, "airflow-worker")}
    fake.says(" config --format json", json.dumps({"services": images}))
    fake.says(" (build|pull|run|rm|down|stop) ")
    fake.says("^logs ", "first\nlast\n")
    fake.says(" up --detach", containers=all_up())
    return fake
