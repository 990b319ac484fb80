"""Amazon EMR's releases: what each label holds there, and which of them run here."""

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

from windtunnel.hadoop.distribution import Versions

NEAR = 3
"""How many labels are told to whoever asks for one that can't be provided."""


@dataclass(frozen=True)
class Release:
    """What a release label holds on Amazon EMR; versions as its release guide tells them."""

    label: str
    spark: str
    hadoop: str | None
    """None for the releases that have no application of this name."""
    java: int
    python: str

    @property
    def applications(self) -> dict[str, str]:
        """The versions of the applications that run here too, by name."""
        return {**({"Hadoop": self.hadoop} if self.hadoop else {}), "Spark": self.spark}

    @property
    def versions(self) -> Versions:
        """What runs for it here: its own Spark, on a Java and a Python that can be had everywhere.

        Java 8 cannot: 11 takes its place for Spark before 3.3, which does not run on 17; 17 does for the
        others. Nor can Python 3.7: 3.8 takes its place. What a machine lacks besides, its Distribution tells.
        """
        spark = tuple(int(part) for part in self.spark.split(".")[:2])
        java = self.java if self.java >= 17 else (17 if spark >= (3, 3) else 11)
        return Versions(spark=self.spark, java=java, python="3.8" if self.python == "3.7" else self.python)


# By label without the last digit, as maintenance releases hold the same: Spark, Hadoop.
_EMR_7 = {
    "7.13": ("3.5.6", "3.4.2"),
    "7.12": ("3.5.6", "3.4.1"),
    "7.11": ("3.5.6", "3.4.1"),
    "7.10": ("3.5.5", "3.4.1"),
    "7.9": ("3.5.5", "3.4.1"),
    "7.8": ("3.5.4", "3.4.1"),
    "7.7": ("3.5.3", "3.4.0"),
    "7.6": ("3.5.3", "3.4.0"),
    "7.5": ("3.5.2", "3.4.0"),  # ~
    "7.4": ("3.5.2", "3.4.0"),
    "7.3": ("3.5.1", "3.3.6"),
    "7.2": ("3.5.1", "3.3.6"),  # ~
    "7.1": ("3.5.0", "3.3.6"),
    "7.0": ("3.5.0", "3.3.6"),
}
# ~ their Hadoop, but for that of 6.14 and 6.15.
_EMR_6 = {
    "6.15": ("3.4.1", "3.3.6"),
    "6.14": ("3.4.1", "3.3.3"),
    "6.13": ("3.4.1", "3.3.3"),  # ~
    "6.12": ("3.4.0", "3.3.3"),
    "6.11": ("3.3.2", "3.3.3"),  # ~
    "6.10": ("3.3.1", "3.3.3"),
    "6.9": ("3.3.0", "3.3.3"),  # ~
    "6.8": ("3.3.0", "3.2.1"),
    "6.7": ("3.2.1", "3.2.1"),  # ~
    "6.6": ("3.2.0", "3.2.1"),  # ~
    "6.5": ("3.1.2", "3.2.1"),
    "6.4": ("3.1.2", "3.2.1"),
    "6.3": ("3.1.1", "3.2.1"),
    "6.2": ("3.0.1", "3.2.1"),
    "6.1": ("3.0.0", "3.2.1"),
}
# ~ the first of the Pythons that its release guide names is the default.
_EMR_SPARK = Release("emr-spark-8.0.0", spark="4.0.2", hadoop=None, java=17, python="3.11")


@cache
def release_labels() -> tuple[str, ...]:
    """Every label that Amazon EMR knows, newest first."""
    return tuple(json.loads(resources.files(__package__).joinpath("release_labels.json").read_text()))


def find_release(label: str) -> Release | None:
    """What runs for a label, None for one that is unknown or can't be provided here."""
    if label not in release_labels():
        return None
    if label == _EMR_SPARK.label:
        return _EMR_SPARK
    found = re.fullmatch(r"emr-(\d+\.\d+)\.\d+", label)
    number = found[1] if found else ""
    if number in _EMR_7:
        spark, hadoop = _EMR_7[number]
        return Release(label, spark, hadoop, java=17, python="3.9")
    if number in _EMR_6:
        spark, hadoop = _EMR_6[number]
        return Release(label, spark, hadoop, java=8, python="3.7")
    return None


@cache
def runnable_labels() -> tuple[str, ...]:
    """The labels that a cluster can be made of here, newest first."""
    return tuple(label for label in release_labels() if find_release(label))


def near_labels(label: str) -> list[str]:
    """The labels that can be provided here and are nearest to `label`, in the order of all labels."""
    labels = [one for one in release_labels() if one != _EMR_SPARK.label]  # it stands behind the oldest
    at = labels.index(label)
    runnable = [one for one in labels if one in runnable_labels()]
    nearest = sorted(runnable, key=lambda one: abs(labels.index(one) - at))[:NEAR]
    return sorted(nearest, key=labels.index)


def substitutions(label: str, installed: Versions, hadoop: str) -> list[str]:
    """What runs here in the place of what the release holds on Amazon EMR, a sentence each.

    `installed` and the version of `hadoop` are those of its Distribution.
    """
    release = find_release(label)
    if release is None:
        return []
    here = {"Hadoop": hadoop, "Java": str(installed.java), "Python": installed.python}
    there = {"Hadoop": release.hadoop or hadoop, "Java": str(release.java), "Python": release.python}
    return [
        f"{label} has {name} {there[name]} on Amazon EMR; here {name} {version} runs in its place."
        for name, version in here.items()
        if version != there[name]
    ]
