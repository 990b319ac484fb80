"""Python interpreters of the versions that Airflow, LocalStack and Spark ask for."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from windtunnel.install.errors import InstallError
from windtunnel.install.uv import uv

# An interpreter built without these cannot run what we put on it.
PROBE = "import sys, ssl, sqlite3, ctypes, zlib; print('%d.%d' % sys.version_info[:2])"


DOWNLOAD_SECONDS = 300
"""How long uv may take for the 30 MB of an interpreter: behind some firewalls it would wait for ever."""
OF_UV = ("--managed-python", "--no-project")


def find_python(minor: str) -> Path:
    """The path of a working interpreter of version `minor` ("3.12"), downloaded by uv where there is none.

    Raises InstallError when none can be had.
    """
    return present_python(minor) or download_python(minor)


def present_python(minor: str) -> Path | None:
    """That of the running one, the PATH, pyenv's versions or uv's own: without any download."""
    for candidate in _candidates(minor):
        if _works(candidate, minor):
            return candidate
    try:
        return Path(uv("python", "find", *OF_UV, "--no-python-downloads", minor, purpose="uv").strip())
    except InstallError:
        return None


def download_python(minor: str) -> Path:
    """Have uv download one. Raises InstallError with what to do instead."""
    purpose = f"Python {minor}"
    try:
        uv("python", "install", minor, purpose=purpose, seconds=DOWNLOAD_SECONDS)
        return Path(uv("python", "find", *OF_UV, minor, purpose=purpose).strip())
    except InstallError as error:
        raise InstallError(
            f"No Python {minor} was found on the PATH, under {_pyenv_root() / 'versions'} or in uv's folder, "
            f"and uv could not download one. Install Python {minor} by your package manager or pyenv "
            f"(`pyenv install {minor}`), then try again.\n{error}"
        ) from error


def _candidates(minor: str) -> Iterator[Path]:
    if minor == f"{sys.version_info.major}.{sys.version_info.minor}":
        yield Path(getattr(sys, "_base_executable", "") or sys.executable)
    for name in (f"python{minor}", "python3"):
        for folder in os.get_exec_path():
            found = shutil.which(name, path=folder)
            if found:
                yield Path(found)
    for version in sorted(_pyenv_root().glob(f"versions/{minor}.*"), reverse=True):
        yield version / "bin" / "python"


def _pyenv_root() -> Path:
    return Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")


def _works(python: Path, minor: str) -> bool:
    """Whether it runs and is that version: pyenv's shims on the PATH are there and fail."""
    try:
        done = subprocess.run(
            (python, "-I", "-c", PROBE), capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and done.stdout.strip() == minor
