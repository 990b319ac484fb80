"""How a running instance group comes to have other configurations: node after node, and back where that fails."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from windtunnel.emr import store
from windtunnel.emr.configurations import flatten
from windtunnel.emr.instance_checks import check_classifications
from windtunnel.emr.schema import InstanceGroup
from windtunnel.emr.states import InstanceGroupState
from windtunnel.emr.transitions import change_state

MOST_TRIES = 3
"""Failures after which a group that can't be reconfigured, nor back, is left alone."""


def begin(
    session: Session, group: InstanceGroup, configurations: Sequence[Mapping[str, Any]], *, merging: bool
) -> None:
    """A group is RECONFIGURING until all its nodes run with these. Raises ValidationException."""
    wished = _merged(group.configurations, configurations) if merging else list(configurations)
    check_classifications(group.role, flatten(wished))
    group.failures, group.taken_back = 0, ""
    _set(session, group, wished)


def is_under_way(group: InstanceGroup) -> bool:
    """Whether not all nodes of a group were seen to run with its configurations."""
    return group.configurations_version != group.applied_version


def applied(group: InstanceGroup) -> None:
    """All nodes were seen to run with the group's configurations."""
    group.applied_configurations = group.configurations
    group.applied_version = group.configurations_version


def go_back(session: Session, group: InstanceGroup, why: str) -> None:
    """A node does not run with what was asked for: all get again what they last ran with."""
    untouched = [
        one
        for one in store.instances(session, group.cluster_id)
        if one.group_id == group.id and one.configurations_version == group.applied_version
    ]
    group.failures += 1
    group.taken_back = f"The reconfiguration failed and was taken back: {why}"
    if group.failures >= MOST_TRIES:
        applied(group)
        change_state(session, group, InstanceGroupState.SUSPENDED)
    else:
        _set(session, group, group.applied_configurations)
    for instance in untouched:
        instance.configurations_version = group.configurations_version


def is_seen_by_steps_only(group: InstanceGroup) -> bool:
    """Whether what changes is read by programs when they start, by no daemon that runs."""
    before, after = flatten(group.applied_configurations), flatten(group.configurations)
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    return all(name.startswith("spark") for name in changed)


def _set(session: Session, group: InstanceGroup, configurations: Sequence[Any]) -> None:
    group.configurations = list(configurations)
    group.configurations_version += 1
    if group.state is not InstanceGroupState.RECONFIGURING:
        change_state(session, group, InstanceGroupState.RECONFIGURING)


def _merged(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """MERGE: classification by classification, property by property; what is not named stays."""
    merged = {entry["Classification"]: dict(entry) for entry in old}
    for entry in new:
        name = entry.get("Classification") or ""
        before = merged.get(name, {"Classification": name})
        nested = _merged(before.get("Configurations") or [], entry.get("Configurations") or [])
        merged[name] = {
            **before,
            "Properties": {**(before.get("Properties") or {}), **(entry.get("Properties") or {})},
            **({"Configurations": nested} if nested else {}),
        }
    return list(merged.values())
