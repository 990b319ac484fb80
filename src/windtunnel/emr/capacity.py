"""What a group or a fleet asks for: instances of a type, in units of capacity, on demand or spot."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from windtunnel.emr.schema import InstanceGroup

TARGETS: Mapping[str, str] = {"ON_DEMAND": "TargetOnDemandCapacity", "SPOT": "TargetSpotCapacity"}
"""By market, the member of an InstanceFleetConfig that asks for units of it."""
PRIORITIZED = "prioritized"


def chosen_type(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The InstanceTypeConfig that new instances take: nothing is ever out of stock or dearer on a laptop.

    ~: the first by Priority where the on-demand strategy is `prioritized`, else the first in the list.
    """
    types: Sequence[Mapping[str, Any]] = config["InstanceTypeConfigs"]
    on_demand = (config.get("LaunchSpecifications") or {}).get("OnDemandSpecification") or {}
    if on_demand.get("AllocationStrategy") == PRIORITIZED:
        return min(types, key=lambda kind: kind.get("Priority", math.inf))
    return types[0]


def weight_of(kind: Mapping[str, Any]) -> int:
    """Units of capacity that an instance of an InstanceTypeConfig counts for."""
    weight: int = kind.get("WeightedCapacity", 1)
    return weight


def weight_of_new(group: InstanceGroup) -> int:
    """Units that an instance which is added now counts for."""
    return weight_of(chosen_type(group.fleet)) if group.fleet else 1


def demands(group: InstanceGroup) -> list[tuple[str, int, int]]:
    """By market: the units asked for, and for how many of them a new instance counts."""
    if not group.fleet:
        return [(group.market, group.requested, 1)]
    weight = weight_of_new(group)
    return [(market, group.fleet.get(target, 0), weight) for market, target in TARGETS.items()]


def configurations_of(group: InstanceGroup, instance_type: str) -> list[dict[str, Any]]:
    """The Configurations of a group's instances; in a fleet each type has its own."""
    if not group.fleet:
        return group.configurations
    kinds = {kind["InstanceType"]: kind for kind in group.fleet["InstanceTypeConfigs"]}
    return list(kinds.get(instance_type, {}).get("Configurations") or [])
