"""Requests with templates (`{{ … }}`), which nobody can judge before a run renders them: something valid stands in."""

from collections.abc import Mapping
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from windtunnel.emr.catalogue.releases import runnable_labels

A_TYPE = "m5.xlarge"
STANDING_IN: Mapping[str, Any] = {
    "LogUri": "s3://bucket/",
    "InstanceType": A_TYPE,
    "MasterInstanceType": A_TYPE,
    "SlaveInstanceType": A_TYPE,
    "Jar": "s3://bucket/any.jar",
    "Path": "s3://bucket/script.sh",
    "InstanceRole": "CORE",
    "InstanceFleetType": "CORE",
    "VolumeType": "gp3",
    "IdleTimeout": 3600,
    "Instances": {"MasterInstanceType": A_TYPE, "InstanceCount": 1},
    "Ec2SubnetId": "subnet-1",
}
"""By a member's name, where not any value of its type would do."""


def is_template(value: Any) -> bool:
    """Whether a value, or a part of it, is only known when a run renders it."""
    return isinstance(value, str) and ("{{" in value or "{%" in value)


def filled_in(value: Any, shape: Shape, name: str = "") -> Any:
    """The value with something of its shape in the place of each template."""
    if is_template(value):
        return _stand_in(value, shape, name)
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        return {
            key: filled_in(inner, shape.members[key], key) if key in shape.members else inner
            for key, inner in value.items()
        }
    if isinstance(shape, ListShape) and isinstance(value, list | tuple):
        return [filled_in(inner, shape.member, name) for inner in value]
    if isinstance(shape, MapShape) and isinstance(value, Mapping):
        return {key: filled_in(inner, shape.value) for key, inner in value.items()}
    return value


def _stand_in(value: str, shape: Shape, name: str) -> Any:
    if name == "ReleaseLabel":
        return runnable_labels()[0]
    if name in STANDING_IN:
        return STANDING_IN[name]
    if isinstance(shape, StringShape):
        return shape.enum[0] if shape.enum else value
    if isinstance(shape, StructureShape):
        return {one: _stand_in(value, shape.members[one], one) for one in shape.required_members}
    simple: dict[str, Any] = {"list": [], "map": {}, "boolean": False}
    return simple.get(shape.type_name, shape.metadata.get("min", 1))


def are_nodes_known(request: Mapping[str, Any]) -> bool:
    """Whether a request says itself which groups or fleets of nodes a cluster has, and of which roles."""
    instances = request.get("Instances")
    if not isinstance(instances, Mapping):
        return False
    given: list[Any] = [instances.get(name) or [] for name in ("InstanceGroups", "InstanceFleets")]
    groups = [one for some in given for one in ([some] if isinstance(some, str) else some)]
    roles = [one.get(name) for one in groups if isinstance(one, Mapping) for name in _ROLES]
    return not any(map(is_template, [*groups, *roles]))


_ROLES = ("InstanceRole", "InstanceFleetType")
