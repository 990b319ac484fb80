"""The programs on a node's PATH, run by a real shell on a real Python environment."""

import dataclasses
import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from tests.behaviours import behaviour
from windtunnel.hadoop.cluster_python import make_environment
from windtunnel.hadoop.launchers import OF_THE_SYSTEM, write_launchers
from windtunnel.hadoop.spec import ClusterSpec
from windtunnel.install.errors import InstallError

PROJECT = (
    '[project]\nname = "fromhere"\nversion = "1"\n[build-system]\nrequires = []\nbuild-backend = "backend"\n'
)
# A whole build backend, so that pip has something to install without any index.
BACKEND = """
import zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "fromhere-1-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        wheel.writestr("fromhere.py", "answer = 42\\n")
        wheel.writestr("fromhere-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: fromhere\\nVersion: 1\\n")
        wheel.writestr("fromhere-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
        wheel.writestr("fromhere-1.dist-info/RECORD", "")
    return name
"""


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that has pip, as a release's has, and a package of its own."""
    root = tmp_path_factory.mktemp("release") / "python"
    subprocess.run([sys.executable, "-m", "venv", root], check=True)
    [packages] = root.glob("lib/python*/site-packages")
    (packages / "of_the_release.py").write_text("")
    return root / "bin" / "python"


class Node:
    """Runs commands as a step or a bootstrap action does."""

    def __init__(self, spec: ClusterSpec, release: Path) -> None:
        self.spec = spec
        make_environment(spec.python.parent.parent, release)
        write_launchers(spec.launchers, spec)
        spec.home.mkdir(parents=True)
        path = os.pathsep.join((str(spec.launchers), str(spec.python.parent), os.environ["PATH"]))
        self.environment = {"PATH": path, "HOME": str(spec.home), "PIP_NO_INDEX": "1"}

    def start(self, script: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            ["bash", "-c", script],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, script: str) -> tuple[int, str, str]:
        process = self.start(script)
        stdout, stderr = process.communicate(timeout=120)
        return process.returncode, stdout, stderr

    def says(self, script: str) -> str:
        code, stdout, stderr = self.run(script)
        assert code == 0, stderr
        return stdout.strip()


@pytest.fixture
def node(spec: ClusterSpec, release: Path) -> Node:
    return Node(spec, release)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(PROJECT + 'backend-path = ["."]\n')
    (folder / "backend.py").write_text(BACKEND)
    return folder


@pytest.mark.parametrize(
    ("command", "printed"),
    [
        ("sudo echo a 'b  c'", "a b  c"),
        ("sudo -E -H -n echo x", "x"),
        ("sudo -EHn echo x", "x"),
        ("sudo -u hadoop echo x", "x"),
        ("sudo -uhadoop echo x", "x"),
        ("sudo -nu hadoop echo x", "x"),
        ("sudo --user=hadoop --preserve-env=PATH -- echo x", "x"),
        ("sudo --user hadoop echo x", "x"),
        ("sudo A=1 B='2 3' bash -c 'echo $A $B'", "1 2 3"),
        ("sudo -- echo -n x", "x"),
        ("sudo bash -c 'sudo echo x'", "x"),
        ("echo 'echo from stdin' | sudo -i", "from stdin"),
        ("echo 'echo from stdin' | sudo -s", "from stdin"),
        ("echo x | sudo tee there", "x"),
        ("sudo -v && echo x", "x"),
    ],
)
def test_sudo_runs_the_rest_of_the_line(node: Node, tmp_path: Path, command: str, printed: str) -> None:
    assert node.says(f"cd {tmp_path}; {command}") == printed


@behaviour("bootstrap", "sudo runs a command without a password, here as the same user.")
def test_sudo_runs_as_the_same_user_and_passes_on_how_it_ended(node: Node) -> None:
    assert node.says("sudo id -u") == str(os.getuid())
    assert node.run("sudo bash -c 'exit 7'")[0] == 7
    assert node.says("sudo -i pwd") == str(node.spec.home)
    assert node.run("sudo not-a-program")[0] == 127


@pytest.mark.parametrize("command", ["sudo", "sudo -u", "sudo --user", "sudo -Z ls", "sudo --zzz ls"])
def test_sudo_that_is_called_wrongly_says_so(node: Node, command: str) -> None:
    code, _, stderr = node.run(command)
    assert code == 1 and stderr.startswith("sudo: ")


@behaviour(
    "bootstrap", "yum, dnf, apt-get, rpm, systemctl and service change nothing here: they fail and say so."
)
@pytest.mark.parametrize("name", OF_THE_SYSTEM)
def test_what_would_change_this_machine_fails_with_a_sentence(node: Node, name: str) -> None:
    code, _, stderr = node.run(f"sudo {name} install -y jq")
    assert code == 1
    assert f"'{name} install -y jq'" in stderr and "WINDTUNNEL_EMR_SYSTEM_COMMANDS=warn" in stderr


def test_a_setting_makes_it_a_warning(spec: ClusterSpec, release: Path) -> None:
    node = Node(dataclasses.replace(spec, system_commands_warn=True), release)
    code, _, stderr = node.run("sudo yum install -y jq")
    assert code == 0 and "yum: not run here" in stderr


@pytest.mark.parametrize("scheme", ["", "file:", "file://"])
def test_a_script_of_the_node_runs_from_its_path_and_from_both_forms_of_its_address(
    node: Node, tmp_path: Path, scheme: str
) -> None:
    script = tmp_path / "boots.sh"
    script.write_text("echo booted $1\n")
    assert node.says(f"script-runner {tmp_path} {scheme}{script} here") == "booted here"
    code, _, stderr = node.run(f"script-runner {tmp_path} {scheme}{tmp_path}/missing.sh")
    assert (code, stderr) == (1, f"Cannot read {scheme}{tmp_path}/missing.sh.\n")


@pytest.mark.parametrize("command", ["python", "python3", "python3.9"])
def test_python_is_the_clusters_own_and_sees_the_releases_packages(node: Node, command: str) -> None:
    script = "import of_the_release, sys; print(sys.executable)"
    assert Path(node.says(f"{command} -c '{script}'")).parent == node.spec.python.parent


@pytest.mark.parametrize("pip", ["pip", "pip3", "python3 -m pip"])
def test_what_pip_installs_is_imported_by_the_clusters_python_alone(
    node: Node, release: Path, package: Path, pip: str
) -> None:
    # Every node runs its bootstrap actions, and all at once.
    started = [node.start(f"sudo {pip} install --user {package}") for _ in range(3)]
    for process in started:
        _, stderr = process.communicate(timeout=120)
        assert process.returncode == 0, stderr
    make_environment(node.spec.python.parent.parent, release)  # as a service does that was killed here
    asked = subprocess.run(
        [node.spec.python, "-c", "import fromhere; print(fromhere.answer)"], capture_output=True, check=False
    )
    assert asked.stdout == b"42\n"
    untouched = subprocess.run([release, "-c", "import fromhere"], capture_output=True, check=False)
    assert untouched.returncode == 1


def test_an_environment_over_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InstallError, match="no Python environment"):
        make_environment(tmp_path / "own", tmp_path / "bin" / "python")


def test_every_lock_of_a_releases_python_has_pip_and_boto3() -> None:
    locks = [
        one for one in (files("windtunnel.hadoop") / "locks").iterdir() if one.name.startswith("python-")
    ]
    assert locks
    for lock in locks:
        assert {"pip", "boto3"} <= {line.partition("==")[0] for line in lock.read_text().splitlines()}
