"""Managed scaling and automatic scaling policies: a request's, checked."""

from collections.abc import Mapping
from typing import Any

from windtunnel.emr import members
from windtunnel.emr.errors import validation_exception

UNITS_OF_FLEETS = "InstanceFleetUnits"
METRICS: Mapping[str, str] = {
    "AppsPending": "appsPending",
    "AppsRunning": "appsRunning",
    "ContainerAllocated": "containersAllocated",
    "ContainerPending": "pendingContainers",
    "ContainerReserved": "reservedContainers",
    "MemoryAllocatedMB": "allocatedMB",
    "MemoryAvailableMB": "availableMB",
    "MemoryReservedMB": "reservedMB",
    "MemoryTotalMB": "totalMB",
    "MRActiveNodes": "activeNodes",
    "MRTotalNodes": "totalNodes",
}
"""CloudWatch's metrics of EMR that YARN tells under another name."""
DERIVED_METRICS = frozenset({"ContainerPendingRatio", "IsIdle", "YARNMemoryAvailablePercentage"})


def managed_scaling(policy: Mapping[str, Any] | None, *, of_fleets: bool) -> dict[str, Any]:
    """A ManagedScalingPolicy as it is kept, {} for none. Raises ValidationException."""
    if policy is None:
        return {}
    members.refuse_what_is_not_executed(policy, "ManagedScalingPolicy.")
    if policy.get("ScalingStrategy", "DEFAULT") != "DEFAULT":
        raise validation_exception("windtunnel executes only the DEFAULT ScalingStrategy of managed scaling.")
    limits = policy.get("ComputeLimits")
    if not limits:
        raise validation_exception("Give the ComputeLimits of the ManagedScalingPolicy.")
    if (limits["UnitType"] == UNITS_OF_FLEETS) != of_fleets:
        way = (
            f"fleets is scaled in {UNITS_OF_FLEETS}" if of_fleets else "groups is scaled in Instances or VCPU"
        )
        raise validation_exception(
            f"The UnitType {limits['UnitType']} is invalid: a cluster of instance {way}."
        )
    low, high = limits["MinimumCapacityUnits"], limits["MaximumCapacityUnits"]
    if not 1 <= low <= high:
        raise validation_exception(
            f"MinimumCapacityUnits {low} and MaximumCapacityUnits {high} are invalid: "
            "the minimum must be at least 1, the maximum not below it."
        )
    for name, lowest in (("MaximumOnDemandCapacityUnits", 0), ("MaximumCoreCapacityUnits", 1)):
        if not lowest <= limits.get(name, high) <= high:
            raise validation_exception(
                f"{name} {limits[name]} is invalid: it must be from {lowest} to MaximumCapacityUnits, {high}."
            )
    return dict(policy)


def auto_scaling(role: str, policy: Mapping[str, Any] | None) -> dict[str, Any]:
    """An AutoScalingPolicy of an instance group as it is kept, {} for none. Raises ValidationException."""
    if policy is None:
        return {}
    if role == "MASTER":
        raise validation_exception("The MASTER instance group takes no AutoScalingPolicy.")
    low, high = policy["Constraints"]["MinCapacity"], policy["Constraints"]["MaxCapacity"]
    if not 0 <= low <= high:
        raise validation_exception(
            f"MinCapacity {low} and MaxCapacity {high} are invalid: "
            "the minimum must not be negative, the maximum not below it."
        )
    if not policy["Rules"]:
        raise validation_exception("An AutoScalingPolicy needs at least one of the Rules.")
    names = [rule["Name"] for rule in policy["Rules"]]
    if len(set(names)) < len(names):
        raise validation_exception("The Rules of an AutoScalingPolicy need Names of their own.")
    for rule in policy["Rules"]:
        _check_rule(rule)
    return dict(policy)


def _check_rule(rule: Mapping[str, Any]) -> None:
    alarm = rule["Trigger"]["CloudWatchAlarmDefinition"]
    if alarm["MetricName"] not in {*METRICS, *DERIVED_METRICS}:
        can = ", ".join(sorted({*METRICS, *DERIVED_METRICS}))
        raise validation_exception(
            f"windtunnel does not measure '{alarm['MetricName']}' of the rule '{rule['Name']}'. It measures: {can}."
        )
    if alarm["Period"] < 1 or alarm.get("EvaluationPeriods", 1) < 1:
        raise validation_exception(
            f"Period and EvaluationPeriods of the rule '{rule['Name']}' must be at least 1."
        )
    if rule["Action"]["SimpleScalingPolicyConfiguration"].get("CoolDown", 0) < 0:
        raise validation_exception(f"The CoolDown of the rule '{rule['Name']}' must not be negative.")
