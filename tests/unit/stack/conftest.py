"""A project folder to read settings from, and an environment that says nothing."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from windtunnel.stack.project import FILE_NAME


@pytest.fixture(autouse=True)
def silent_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("WINDTUNNEL_", "AWS_", "AIRFLOW")):
            monkeypatch.delenv(name)


@pytest.fixture
def project(tmp_path: Path) -> Callable[[str], Path]:
    """Makes a project folder whose windtunnel.toml has the given text."""

    def make(text: str = "") -> Path:
        folder = tmp_path.resolve() / "project"
        folder.mkdir(exist_ok=True)
        (folder / FILE_NAME).write_text(text)
        return folder

    return make
