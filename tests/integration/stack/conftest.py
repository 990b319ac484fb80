"""Folders for services, a short one for sockets since a test's own path can be too long; and a small stack."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.stack.small import Stack
from windtunnel.stack import leftovers
from windtunnel.stack.project import FILE_NAME
from windtunnel.stack.settings import load_settings


@pytest.fixture(scope="module")
def sockets() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="wt-", dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    # Paths that would not survive the quoting of an ini file.
    home = tmp_path / 'it\'s 100% #1; a "project"'
    home.mkdir()
    (home / FILE_NAME).write_text("")
    made = Stack(load_settings(home, state=home / "the state"))
    yield made
    leftovers.end(made.supervisor.identity)
    made.supervisor.remove_traces()
