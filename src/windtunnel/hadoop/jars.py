"""Hadoop's jars: which ones, from a lock, and for whose class path."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from windtunnel.install.fetch import Artifact

HADOOP_VERSION = "3.4.2"


@dataclass(frozen=True)
class Jars:
    """The jars of one Hadoop version, in the order of a class path."""

    common: tuple[Artifact, ...]
    """The client libraries and S3A: for Hadoop's own processes and for Spark's."""
    hadoop: tuple[Artifact, ...]
    """The daemons, and the libraries that Spark brings in versions of its own."""
    mapreduce: tuple[Artifact, ...]
    """What MapReduce needs besides, and its tools; see hadoop/mapreduce.py."""
    jarjar: tuple[Artifact, ...]
    """The program that makes them fit."""
    compiler: tuple[Artifact, ...]
    """Eclipse's, for the few Java classes that are ours."""

    def all(self) -> tuple[Artifact, ...]:
        """Every artifact, for whoever downloads them."""
        return self.common + self.hadoop + self.mapreduce + self.jarjar + self.compiler


def folder(cache: Path) -> Path:
    """Where the jars are as they were published, once they are fetched."""
    return cache / "jars"


def published(artifacts: Iterable[Artifact], cache: Path) -> tuple[Path, ...]:
    """The files of these artifacts there."""
    return tuple(folder(cache) / artifact.file_name for artifact in artifacts)


def lock_file(version: str = HADOOP_VERSION) -> Traversable:
    """The lock of a Hadoop version: tables of `"group:artifact:version" = {sha256, size}`."""
    return files("windtunnel.hadoop") / "locks" / f"hadoop-{version}.toml"


def locked_jars(version: str = HADOOP_VERSION) -> Jars:
    """The jars that the lock of `version` lists."""
    tables = tomllib.loads(lock_file(version).read_text())
    parts = ("common", "hadoop", "mapreduce", "jarjar", "compiler")
    return Jars(**{name: _artifacts(tables[name]) for name in parts})


def _artifacts(table: dict[str, dict[str, str | int]]) -> tuple[Artifact, ...]:
    return tuple(
        Artifact(coordinates, str(file["sha256"]), int(file["size"])) for coordinates, file in table.items()
    )
