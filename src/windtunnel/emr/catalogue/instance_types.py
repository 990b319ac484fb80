"""The EC2 instance types that Amazon EMR offers, and what YARN gets of a node of each."""

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal


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
        return _number(self.first_release) <= _number(release_label) <= _number(self.last_release)


def _number(release_label: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release_label.removeprefix("emr-").split("."))


@cache
def instance_types() -> dict[str, InstanceType]:
    """All types by name."""
    data = resources.files(__package__).joinpath("instance_types.json").read_text()
    return {name: InstanceType(**facts) for name, facts in json.loads(data).items()}
