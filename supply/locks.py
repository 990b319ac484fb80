"""The locks of this repository: which files they are, and what they pin."""

import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
FOLDERS = ("locks", "src", "tests")
HASHED = "--hash=sha256:"
"""What only a lock has: a file of constraints pins versions, not files."""


@dataclass(frozen=True, order=True)
class Pin:
    """One version of one Python distribution, and for which Pythons and systems ("" for all)."""

    name: str
    version: str
    marker: str = ""


@dataclass(frozen=True, order=True)
class Jar:
    """One jar of a Maven repository."""

    group: str
    artifact: str
    version: str
    sha256: str


def tracked(root: Path = ROOT) -> list[str]:
    """The files that git keeps, relative to `root`."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True)
    return sorted(name for name in listed.stdout.split("\0") if name and (root / name).is_file())


def python_locks(root: Path = ROOT) -> list[str]:
    """Every lock of Python distributions. None has to be registered, so none can be forgotten."""
    found = (
        path for folder in FOLDERS for path in (root / folder).rglob("*.txt") if HASHED in path.read_text()
    )
    return sorted(str(path.relative_to(root)) for path in found)


def jar_locks(root: Path = ROOT) -> list[str]:
    """Every lock of jars."""
    found = (root / "src" / "windtunnel" / "hadoop" / "locks").glob("hadoop-*.toml")
    return sorted(str(path.relative_to(root)) for path in found)


def pins(lock: Path) -> list[Pin]:
    """What a lock of Python distributions pins. Raises ValueError for a line that pins no version."""
    lines = (line.removesuffix("\\").strip() for line in lock.read_text().splitlines())
    return sorted({_pin(line, lock) for line in lines if line and not line.startswith(("#", "--hash="))})


def _pin(line: str, lock: Path) -> Pin:
    one = Requirement(line.partition(" --hash=")[0])
    versions = list(one.specifier)
    if len(versions) != 1 or versions[0].operator != "==":
        raise ValueError(f"{lock} does not pin a version in its line {line!r}.")
    return Pin(canonicalize_name(one.name), versions[0].version, str(one.marker or ""))


def jars(lock: Path) -> list[Jar]:
    """What a lock of jars pins."""
    files = {name: file for table in tomllib.loads(lock.read_text()).values() for name, file in table.items()}
    return sorted(_jar(coordinates, str(file["sha256"])) for coordinates, file in files.items())


def _jar(coordinates: str, sha256: str) -> Jar:
    group, artifact, version = coordinates.split(":")
    return Jar(group, artifact, version, sha256)
