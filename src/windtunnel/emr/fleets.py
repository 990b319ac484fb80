"""Instance fleets: a request's, checked and turned into rows; added and changed."""

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from windtunnel.emr import ids, members, resizing, store
from windtunnel.emr.capacity import TARGETS, chosen_type, weight_of
from windtunnel.emr.configurations import flatten
from windtunnel.emr.errors import invalid_request, of_other_kind, validation_exception
from windtunnel.emr.instance_checks import ROLES, check_classifications, check_instance_type, check_volumes
from windtunnel.emr.schema import Cluster, InstanceGroup
from windtunnel.emr.transitions import add_new

MOST_TYPES = 30
SPOT_TIMEOUT = range(5, 1441)
"""Minutes."""


def new_instance_fleets(cluster: Cluster, configs: Sequence[Mapping[str, Any]]) -> list[InstanceGroup]:
    """The rows of a new cluster's fleets, MASTER first. Raises ValidationException."""
    _check_roles([config["InstanceFleetType"] for config in configs])
    ordered = sorted(configs, key=lambda config: ROLES.index(config["InstanceFleetType"]))
    return [_new_fleet(cluster, config) for config in ordered]


def add_instance_fleet(session: Session, cluster: Cluster, config: Mapping[str, Any]) -> str:
    """Adds a fleet to a cluster that takes changes; its id. Raises ValidationException."""
    fleets = store.instance_groups(session, cluster.id)
    if not fleets[0].fleet:
        raise of_other_kind("groups", "AddInstanceFleet", "AddInstanceGroups")
    if len(fleets) == 1:
        raise validation_exception(
            "windtunnel can't add an instance fleet to a cluster of a single node: its master does a worker's work. "
            "Create the cluster with a CORE instance fleet."
        )
    _check_roles([*(fleet.role for fleet in fleets), config["InstanceFleetType"]])
    fleet = _new_fleet(cluster, config)
    fleet.created_at = time.time()
    add_new(session, fleet)
    return fleet.id


def modify_instance_fleet(session: Session, cluster: Cluster, config: Mapping[str, Any]) -> None:
    """Changes a fleet's targets or what it may consist of. Raises InvalidRequestException."""
    fleets = {fleet.id: fleet for fleet in store.instance_groups(session, cluster.id)}
    if not next(iter(fleets.values())).fleet:
        raise of_other_kind("groups", "ModifyInstanceFleet", "ModifyInstanceGroups")
    fleet = fleets.get(config["InstanceFleetId"])
    if fleet is None:
        raise invalid_request(f"Instance fleet id '{config['InstanceFleetId']}' is not valid.")
    resizing.check_resizable(fleet)
    changes = {name: value for name, value in config.items() if name != "InstanceFleetId"}
    if not changes:
        raise invalid_request(
            f"Give what is to change of the instance fleet {fleet.id}: its target capacities."
        )
    set_fleet(cluster, fleet, {**fleet.fleet, **changes})
    resizing.begin(session, fleet)


def set_fleet(cluster: Cluster, fleet: InstanceGroup, config: Mapping[str, Any]) -> None:
    """Have a fleet be what `config` (an InstanceFleetConfig) says. Raises ValidationException."""
    _check(fleet.role, config, cluster.release_label)
    chosen = chosen_type(config)
    units = sum(config.get(target, 0) for target in TARGETS.values())
    fleet.fleet = dict(config)
    fleet.instance_type = chosen["InstanceType"]
    fleet.requested = math.ceil(units / weight_of(chosen))


def _check_roles(roles: Sequence[str]) -> None:
    for role in ROLES:
        if roles.count(role) > 1:
            raise validation_exception(f"A cluster takes at most one {role} instance fleet.")
    if "MASTER" not in roles:
        raise validation_exception("A cluster needs a MASTER instance fleet.")
    if "TASK" in roles and "CORE" not in roles:
        raise validation_exception("A TASK instance fleet needs a CORE instance fleet beside it.")


def _new_fleet(cluster: Cluster, config: Mapping[str, Any]) -> InstanceGroup:
    role = config["InstanceFleetType"]
    fleet = InstanceGroup(
        id=ids.instance_fleet_id(),
        cluster_id=cluster.id,
        name=config.get("Name") or "",
        role=role,
        market="ON_DEMAND",
        created_at=cluster.created_at,
        configurations=[],
        applied_configurations=[],
        attributes={},
        auto_scaling={},
        shrink_policy={},
    )
    set_fleet(cluster, fleet, config)
    return fleet


def _check(role: str, config: Mapping[str, Any], release_label: str) -> None:
    members.refuse_what_is_not_executed(config, "Fleet.")
    types = config.get("InstanceTypeConfigs") or []
    if not 1 <= len(types) <= MOST_TYPES:
        raise validation_exception(
            f"The {role} instance fleet needs 1 to {MOST_TYPES} InstanceTypeConfigs, not {len(types)}."
        )
    for kind in types:
        _check_type(role, kind, release_label)
    units = [config.get(target, 0) for target in TARGETS.values()]
    if role == "MASTER" and sorted(units) != [0, 1]:
        raise validation_exception(
            "The MASTER instance fleet needs a target capacity of 1, on demand or spot: "
            f"not {units[0]} on demand and {units[1]} spot."
        )
    if role == "CORE" and not sum(units):
        raise validation_exception("The CORE instance fleet needs a target capacity of at least 1.")
    spot = (config.get("LaunchSpecifications") or {}).get("SpotSpecification")
    if spot and spot["TimeoutDurationMinutes"] not in SPOT_TIMEOUT:
        raise validation_exception(
            f"TimeoutDurationMinutes {spot['TimeoutDurationMinutes']} is invalid: it must be from 5 to 1440."
        )


def _check_type(role: str, kind: Mapping[str, Any], release_label: str) -> None:
    members.refuse_what_is_not_executed(kind, "TypeConfig.")
    check_instance_type(kind["InstanceType"], release_label)
    check_volumes(kind.get("EbsConfiguration") or {})
    check_classifications(role, flatten(kind.get("Configurations") or []))
    weight = weight_of(kind)
    if weight < 1 or (role == "MASTER" and weight != 1):
        raise validation_exception(
            f"WeightedCapacity {weight} of {kind['InstanceType']} is invalid: it must be "
            f"{'1 in a MASTER instance fleet' if role == 'MASTER' else 'at least 1'}."
        )
    if "BidPrice" in kind and "BidPriceAsPercentageOfOnDemandPrice" in kind:
        raise validation_exception(
            f"Give BidPrice or BidPriceAsPercentageOfOnDemandPrice for {kind['InstanceType']}, not both."
        )
