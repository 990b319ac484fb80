"""Amazon EMR's releases: what each label holds there, and which of them run here."""

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

from windtunnel.hadoop.distribution import Versions
from windtunnel.hadoop.jars import HADOOP_VERSION


@dataclass(frozen=True)
class Release:
    """What a release label holds on Amazon EMR; versions as its release guide tells them."""

    label: str
    spark: str
    hadoop: str
    java: int
    python: str

    @property
    def versions(self) -> Versions:
        """What runs for it here. Java 8 is substituted: by 11 for Spark before 3.3, else by 17."""
        spark = tuple(int(part) for part in self.spark.split(".")[:2])
        java = self.java if self.java >= 17 else (17 if spark >= (3, 3) else 11)
        return Versions(spark=self.spark, java=java, python=self.python)


# By label without the last digit, as maintenance releases hold the same: Spark, Hadoop.
_EMR_7 = {
    "7.13": ("3.5.6", "3.4.2"),
    "7.12": ("3.5.6", "3.4.1"),
    "7.11": ("3.5.6", "3.4.1"),
}


@cache
def release_labels() -> tuple[str, ...]:
    """Every label that Amazon EMR knows, newest first."""
    return tuple(json.loads(resources.files(__package__).joinpath("release_labels.json").read_text()))


def find_release(label: str) -> Release | None:
    """What runs for a label, None for one that is unknown or can't be provided here."""
    found = re.fullmatch(r"emr-(\d+\.\d+)\.\d+", label)
    if label not in release_labels() or not found or found[1] not in _EMR_7:
        return None
    spark, hadoop = _EMR_7[found[1]]
    return Release(label, spark, hadoop, java=17, python="3.9")


def runnable_labels() -> list[str]:
    """The labels that a cluster can be made of here, newest first."""
    return [label for label in release_labels() if find_release(label)]


def substitutions(label: str) -> list[str]:
    """What runs here in the place of what the release holds on Amazon EMR, a sentence each."""
    release = find_release(label)
    if release is None:
        return []
    here = {"Hadoop": HADOOP_VERSION, "Java": str(release.versions.java)}
    there = {"Hadoop": release.hadoop, "Java": str(release.java)}
    return [
        f"{label} has {name} {there[name]} on Amazon EMR; here {name} {version} runs in its place."
        for name, version in here.items()
        if version != there[name]
    ]
