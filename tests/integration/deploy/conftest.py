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
from tests.own_localstack import own_localstack
from tests.project import ROOT
from windtunnel.deploy.target import Target, local_target
from windtunnel.stack.settings import Settings, load_settings

PARTS = ("dags", "spark", "infra", "plugins", "requirements.txt", "startup.sh", "windtunnel.toml")
WINDTUNNEL = Path(sys.executable).with_name("windtunnel")
UNCHECKED = (
    sys.executable,
    "-c",
    "import windtunnel.cli.deploy as one; one.check = lambda *_, **__: []; "
    "from windtunnel.cli.main import main; main()",
)
"""The same command without its first seconds, in which Airflow reads the DAGs."""
NUMBERS = itertools.count(1)


@pytest.fixture(scope="package")
def localstack(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[int]:
    """Its port."""
    home = tmp_path_factory.mktemp("localstack")
    service = own_localstack(home, cache)
    with running([service], home / "logs"):
        assert service.port
        yield service.port


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
        self, *arguments: str, shell: Mapping[str, str] | None = None, checked: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """`windtunnel …` as somebody calls it; no terminal is there. Without the check before it, unless `checked`."""
        own = {
            name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "WINDTUNNEL_"))
        }
        own |= {
            "WINDTUNNEL_LOCALSTACK_PORT": str(self.settings.localstack_port),
            "WINDTUNNEL_EMR_PORT": str(self.settings.emr_port),
        }
        return subprocess.run(
            [*([WINDTUNNEL] if checked else UNCHECKED), *arguments, "--name", self.name],
            cwd=self.home,
            env=own | dict(shell or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def deploy(self, *arguments: str, checked: bool = False) -> str:
        """What it says on standard output."""
        done = self.run("deploy", "--local", "--yes", *arguments, checked=checked)
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
