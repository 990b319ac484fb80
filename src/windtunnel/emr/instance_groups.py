"""Instance groups: a request's, checked and turned into rows; added and changed."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from windtunnel.emr import ids, members, reconfiguring, resizing, scaling_policies, store
from windtunnel.emr.configurations import flatten
from windtunnel.emr.errors import invalid_request, of_other_kind, validation_exception
from windtunnel.emr.instance_checks import ROLES, check_classifications, check_instance_type, check_volumes
from windtunnel.emr.schema import Cluster, Instance, InstanceGroup
from windtunnel.emr.transitions import add_new

MOST_TASK_GROUPS = 48
BY_TYPE = frozenset({"MasterInstanceType", "SlaveInstanceType", "InstanceCount"})
WAYS_TO_ASK = BY_TYPE | {"InstanceGroups"}
"""Members of RunJobFlow's Instances that ask for instance groups."""


def new_instance_groups(cluster: Cluster, instances: Mapping[str, Any]) -> list[InstanceGroup]:
    """The rows of a new cluster's groups, MASTER first. Raises ValidationException."""
    given = list(instances.get("InstanceGroups") or [])
    if given and (by_type := BY_TYPE & set(instances)):
        raise validation_exception(f"Give InstanceGroups or {', '.join(sorted(by_type))}, not both.")
    requested = given or _groups_by_type(instances)
    _check_roles([group["InstanceRole"] for group in requested])
    ordered = sorted(requested, key=lambda group: ROLES.index(group["InstanceRole"]))
    return [_new_group(cluster, group) for group in ordered]


def add_instance_groups(
    session: Session, cluster: Cluster, configs: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Adds groups to a cluster that takes changes; their ids. Raises ValidationException and then adds none."""
    groups = store.instance_groups(session, cluster.id)
    if groups[0].fleet:
        raise of_other_kind("fleets", "AddInstanceGroups", "AddInstanceFleet")
    if len(groups) == 1:
        raise validation_exception(
            "windtunnel can't add instance groups to a cluster of a single node: its master does a worker's work. "
            "Create the cluster with a CORE instance group."
        )
    if not configs:
        raise validation_exception("Give at least one of the InstanceGroups.")
    _check_roles([*(group.role for group in groups), *(config["InstanceRole"] for config in configs)])
    new = [_new_group(cluster, config) for config in configs]
    for group in new:
        group.created_at = time.time()
        add_new(session, group)
    return [group.id for group in new]


def modify_instance_groups(session: Session, cluster: Cluster, configs: Sequence[Mapping[str, Any]]) -> None:
    """Changes how many instances groups have, which, or their configurations.

    Raises InvalidRequestException, and then changes nothing.
    """
    groups = {group.id: group for group in store.instance_groups(session, cluster.id)}
    for config in configs:
        group = groups.get(config["InstanceGroupId"])
        if group is None:
            raise invalid_request(f"Instance group id '{config['InstanceGroupId']}' is not valid.")
        members.refuse_what_is_not_executed(config, "ModifyGroup.")
        _modify(session, group, config)


def _modify(session: Session, group: InstanceGroup, config: Mapping[str, Any]) -> None:
    count, chosen = config.get("InstanceCount"), list(config.get("EC2InstanceIdsToTerminate") or [])
    policy, configurations = config.get("ShrinkPolicy"), config.get("Configurations")
    if count is None and not chosen and policy is None and configurations is None:
        raise invalid_request(
            f"Give what is to change of the instance group {group.id}: its InstanceCount or its Configurations."
        )
    if configurations is not None:
        resizing.check_modifiable(group)
        merging = config.get("ReconfigurationType") == "MERGE"
        reconfiguring.begin(session, group, configurations, merging=merging)
    if count is not None or chosen or policy is not None:
        _resize(session, group, count, chosen, policy)


def _resize(
    session: Session,
    group: InstanceGroup,
    count: int | None,
    chosen: Sequence[str],
    policy: Mapping[str, Any] | None,
) -> None:
    resizing.check_resizable(group)
    if policy is not None:
        group.shrink_policy = _shrink_policy(session, group, policy)
    doomed = [_instance(session, group, ec2_id) for ec2_id in chosen]
    if count is None:
        count = group.requested - len([one for one in doomed if one.leaving_since is None])
    _check_count(group.role, count)
    for instance in doomed:
        resizing.let_go(group, instance)
    group.requested = count
    resizing.begin(session, group)


def _shrink_policy(session: Session, group: InstanceGroup, policy: Mapping[str, Any]) -> dict[str, Any]:
    resize = policy.get("InstanceResizePolicy") or {}
    named = [*(resize.get("InstancesToTerminate") or []), *(resize.get("InstancesToProtect") or [])]
    for ec2_id in named:
        _instance(session, group, ec2_id)
    if twice := [ec2_id for ec2_id, times in Counter(named).items() if times > 1]:
        raise invalid_request(f"The instance {twice[0]} is named twice in the InstanceResizePolicy.")
    for seconds in (policy.get("DecommissionTimeout"), resize.get("InstanceTerminationTimeout")):
        if seconds is not None and seconds < 0:
            raise invalid_request(f"A timeout of {seconds} seconds is invalid: it must not be negative.")
    return dict(policy)


def _instance(session: Session, group: InstanceGroup, ec2_id: str) -> Instance:
    found = store.find_instance(session, group.id, ec2_id)
    if found is None:
        raise invalid_request(f"The instance group {group.id} has no instance '{ec2_id}'.")
    return found


def _groups_by_type(instances: Mapping[str, Any]) -> list[dict[str, Any]]:
    count, master = instances.get("InstanceCount", 0), instances.get("MasterInstanceType")
    if not master or count < 1:
        raise validation_exception(
            "Give InstanceGroups, or MasterInstanceType and an InstanceCount of at least 1."
        )
    groups = [{"Name": "Master", "InstanceRole": "MASTER", "InstanceType": master, "InstanceCount": 1}]
    if count > 1:
        worker = instances.get("SlaveInstanceType") or master
        core = {"InstanceRole": "CORE", "InstanceType": worker, "InstanceCount": count - 1}
        groups.append({"Name": "Core", **core})
    return groups


def _check_roles(roles: Sequence[str]) -> None:
    if roles.count("MASTER") != 1:
        raise validation_exception("A cluster needs exactly one MASTER instance group.")
    if roles.count("CORE") > 1 or roles.count("TASK") > MOST_TASK_GROUPS:
        raise validation_exception("A cluster takes at most one CORE and 48 TASK instance groups.")
    if "TASK" in roles and "CORE" not in roles:
        raise validation_exception("A TASK instance group needs a CORE instance group beside it.")


def _new_group(cluster: Cluster, group: Mapping[str, Any]) -> InstanceGroup:
    members.refuse_what_is_not_executed(group, "Group.")
    role, count = group["InstanceRole"], group["InstanceCount"]
    _check_count(role, count)
    check_instance_type(group["InstanceType"], cluster.release_label)
    check_volumes(group.get("EbsConfiguration") or {})
    configurations = list(group.get("Configurations") or [])
    check_classifications(role, flatten(configurations))
    return InstanceGroup(
        id=ids.instance_group_id(),
        cluster_id=cluster.id,
        name=group.get("Name") or "",
        role=role,
        instance_type=group["InstanceType"],
        market=group.get("Market", "ON_DEMAND"),
        bid_price=group.get("BidPrice"),
        requested=count,
        created_at=cluster.created_at,
        configurations=configurations,
        applied_configurations=configurations,
        attributes={name: group[name] for name in group if f"Group.{name}" in members.KEPT},
        fleet={},
        auto_scaling=scaling_policies.auto_scaling(role, group.get("AutoScalingPolicy")),
        shrink_policy={},
    )


def _check_count(role: str, count: int) -> None:
    if count < (0 if role == "TASK" else 1):
        raise validation_exception(
            f"The InstanceCount of the {role} instance group must be at least {0 if role == 'TASK' else 1}, "
            f"not {count}."
        )
    if role == "MASTER" and count != 1:
        raise validation_exception(f"windtunnel runs one MASTER instance, not {count}.")
