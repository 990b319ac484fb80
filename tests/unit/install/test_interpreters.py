import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.programs import program
from windtunnel.install import interpreters
from windtunnel.install.errors import InstallError
from windtunnel.install.interpreters import find_python

NEVER = "3.97"


@pytest.fixture
def pyenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pyenv whose shims are on the PATH and fail, as they do when no version is chosen."""
    root = tmp_path / "pyenv"
    program(root / "shims" / f"python{NEVER}", "echo 'pyenv: command not found' >&2; exit 127")
    monkeypatch.setenv("PYENV_ROOT", str(root))
    monkeypatch.setenv("PATH", f"{root / 'shims'}{os.pathsep}{os.environ['PATH']}")
    return root


def test_the_running_version_is_found_and_runs() -> None:
    minor = f"{sys.version_info.major}.{sys.version_info.minor}"
    found = find_python(minor)
    said = subprocess.run(
        (found, "-c", "import sys; print(sys.version_info[1])"), capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == str(sys.version_info.minor)


def test_a_shim_of_pyenv_that_fails_is_passed_over_for_pyenvs_own_version(pyenv: Path) -> None:
    real = program(pyenv / "versions" / f"{NEVER}.4" / "bin" / "python", f"echo {NEVER}")
    assert find_python(NEVER) == real


def test_an_interpreter_of_another_version_by_the_right_name_is_not_taken(pyenv: Path) -> None:
    program(pyenv / "shims" / f"python{NEVER}", "echo 3.1")
    real = program(pyenv / "versions" / f"{NEVER}.4" / "bin" / "python", f"echo {NEVER}")
    assert find_python(NEVER) == real


def test_none_to_be_had_is_said_with_what_to_install(pyenv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: str, purpose: str, seconds: float | None = None) -> str:
        raise InstallError(f"{purpose}: no download")

    monkeypatch.setattr(interpreters, "uv", refuse)
    with pytest.raises(
        InstallError, match=rf"No Python {NEVER} was found.*pyenv install {NEVER}.*\n.*no download"
    ):
        find_python(NEVER)
