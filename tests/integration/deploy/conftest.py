"""The real LocalStack, an Amazon EMR whose clusters are up at once, and copies of this project to deploy."""

import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.emr import Emr
from tests.integration.stack.running import running
from tests.ports import free_port
from tests.project import ROOT
from windtunnel.deploy.target import Target, local_target
from windtunnel.install.progress import SILENT
from windtunnel.stack.localstack import HOOKS, install, localstack_service
from windtunnel.stack.settings import Settings, load_settings

PARTS = ("dags", "spark", "infra", "plugins", "requirements.txt", "startup.sh", "windtunnel.toml")
WINDTUNNEL = Path(sys.executable).with_name("windtunnel")
NUMBERS = itertools.count(1)


@pytest.fixture(scope="package")
def localstack(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[int]:
    """Its port."""
    install(cache=cache, progress=SILENT)
    home, port = tmp_path_factory.mktemp("localstack"), free_port()
    (home / HOOKS).mkdir(parents=True)
    service = localstack_service(
        project=home,
        state=home / "state",
        cache=cache,
        host="127.0.0.1",
        port=port,
        url=f"http://127.0.0.1:{port}",
        environment={"PATH": os.environ["PATH"], "HOME": str(home)},
    )
    with running([service], home / "logs"):
        yield port


@pytest.fixture(scope="package")
def emr(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emr]:
    service = Emr(tmp_path_factory.mktemp("emr"), {})
    yield service
    service.stop()


@dataclass
class Project:
    """A copy of this project, deployed under a name of its own."""

    home: Path
    name: str
    settings: Settings

    @property
    def target(self) -> Target:
        return local_target(self.settings)

    @property
    def bucket(self) -> str:
        return f"airflow-{self.name}-000000000000-us-east-1"

    def run(
        self, *arguments: str, shell: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """`windtunnel …` as somebody calls it; no terminal is there."""
        own = {
            name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "WINDTUNNEL_"))
        }
        own |= {
            "WINDTUNNEL_LOCALSTACK_PORT": str(self.settings.localstack_port),
            "WINDTUNNEL_EMR_PORT": str(self.settings.emr_port),
        }
        return subprocess.run(
            [WINDTUNNEL, *arguments, "--name", self.name],
            cwd=self.home,
            env=own | dict(shell or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def deploy(self, *arguments: str) -> str:
        """What it says on standard output."""
        done = self.run("deploy", "--local", "--yes", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def destroy(self, *arguments: str) -> str:
        """What it says on standard output."""
        done = self.run("destroy", "--local", "--confirm", self.name, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def project(tmp_path: Path, localstack: int, emr: Emr) -> Iterator[Project]:
    home = tmp_path / "project"
    home.mkdir()
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, home / part)
    port = urlsplit(emr.client.meta.endpoint_url).port
    settings = load_settings(home, localstack_port=localstack, emr_port=port, state=home / ".windtunnel")
    one = Project(home, f"test-{next(NUMBERS)}", settings)
    yield one
    one.destroy()
