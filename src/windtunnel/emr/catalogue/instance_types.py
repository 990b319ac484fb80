"""The EC2 instance types that Amazon EMR offers, and what YARN gets of a node of each."""

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

SAME_TYPES = {"emr-spark-8.0.0": "emr-7.13.0"}
"""~ Releases that the facts do not tell of, by the one of their time whose types they offer."""


@dataclass(frozen=True)
class InstanceType:
    """One type; memory in MiB (`yarn_memory_mb`: what a NodeManager advertises)."""

    vcpus: int
    memory_mib: int
    yarn_memory_mb: int
    yarn_memory_source: Literal["documented", "derived"]
    architecture: str
    first_release: str
    last_release: str

    def is_offered_by(self, release_label: str) -> bool:
        """Whether Amazon EMR offers the type in this release (`emr-7.13.0`)."""
        number = _number(release_label)
        return bool(number) and _number(self.first_release) <= number <= _number(self.last_release)


def _number(release_label: str) -> tuple[int, ...]:
    """Empty for a label without one, such as emr-6.0.0-beta."""
    found = re.fullmatch(r"emr-(\d+)\.(\d+)\.(\d+)", SAME_TYPES.get(release_label, release_label))
    return tuple(map(int, found.groups())) if found else ()


@cache
def instance_types() -> dict[str, InstanceType]:
    """All types by name."""
    data = resources.files(__package__).joinpath("instance_types.json").read_text()
    return {name: InstanceType(**facts) for name, facts in json.loads(data).items()}
