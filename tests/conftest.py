"""What tests of several rooms share: the environments that the stack installs, in the user's own cache."""

import signal
from pathlib import Path

import pytest
from xdist.remote import Producer  # type: ignore[import-untyped]
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from windtunnel.install.progress import terminal_progress
from windtunnel.stack.airflow.install import install
from windtunnel.stack.settings import load_settings

ROOT = Path(__file__).parents[1]
STACKS = ("tests/e2e", "tests/integration")
"""Folders of tests that start services and clusters, which those of a folder share."""


def pytest_configure() -> None:
    """Ctrl-C is tested too; whoever runs the tests in the background of a shell has it ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Which tests stay together when two processes share them: those of a folder of STACKS, else those of a file."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return file.rpartition("/")[0] if file.startswith(STACKS) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Asked by pytest-xdist."""
    return Scheduling(config, log)


@pytest.fixture(scope="session")
def cache() -> Path:
    """The cache that `windtunnel up` uses: what is installed there once is shared by every test run."""
    return load_settings(ROOT).cache


@pytest.fixture(scope="session")
def airflow_python(cache: Path) -> Path:
    """The interpreter of the pinned Airflow, with this repository's requirements.txt."""
    return install(project=ROOT, cache=cache, progress=terminal_progress())
