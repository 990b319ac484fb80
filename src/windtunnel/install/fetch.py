"""Jars from Maven Central or a mirror, each downloaded once."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from windtunnel.install.files import locked
from windtunnel.install.progress import Progress

MAVEN_URL_VARIABLE = "WINDTUNNEL_MAVEN_URL"


@dataclass(frozen=True)
class Artifact:
    """A jar in a Maven repository; `coordinates` are `group:artifact:version`, `size` is in bytes."""

    coordinates: str
    sha256: str
    size: int

    @property
    def file_name(self) -> str:
        _, artifact, version = self.coordinates.split(":")
        return f"{artifact}-{version}.jar"

    @property
    def url_path(self) -> str:
        group, artifact, version = self.coordinates.split(":")
        return f"{group.replace('.', '/')}/{artifact}/{version}/{self.file_name}"


def maven_url() -> str:
    """The repository that jars come from: `WINDTUNNEL_MAVEN_URL`, else Maven Central."""
    named = os.environ.get(MAVEN_URL_VARIABLE, "").rstrip("/")
    if named:
        return named
    from jgo.constants import MAVEN_CENTRAL_URL

    return MAVEN_CENTRAL_URL


def fetch(artifacts: Iterable[Artifact], into: Path, progress: Progress, label: str = "Jars") -> None:
    """Make every artifact be in the folder `into`; what is there already is not asked for again.

    Raises InstallError that names the artifact; what was received stays for the next try.
    """
    wanted = tuple(artifacts)
    if not _missing(wanted, into):
        return
    waiting = f"{label}: waiting for another set-up that is downloading into {into}"
    with locked(into / ".lock", waiting=lambda: progress.say(waiting)):
        missing = _missing(wanted, into)
        if missing:
            from windtunnel.install.download import download

            download(missing, into, progress, label)


def _missing(artifacts: Iterable[Artifact], folder: Path) -> list[Artifact]:
    return [a for a in artifacts if not _has_size(folder / a.file_name, a.size)]


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False
