"""RunJobFlow's request, checked and turned into the rows of a new cluster."""

import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from windtunnel.emr import ids, members
from windtunnel.emr.catalogue.instance_types import instance_types
from windtunnel.emr.catalogue.releases import find_release, near_labels, release_labels
from windtunnel.emr.configurations import flatten
from windtunnel.emr.errors import validation_exception
from windtunnel.emr.schema import Cluster, InstanceGroup
from windtunnel.emr.tags import as_tags

APPLICATIONS = {"hadoop": "Hadoop", "spark": "Spark"}
"""What runs here, by the lower-case name that a request may use."""

MOST_BOOTSTRAP_ACTIONS = 16
MOST_TASK_GROUPS = 48
CONCURRENCY = range(1, 257)
IDLE_TIMEOUT = range(60, 604_801)
DEFAULT_IDLE_TIMEOUT = 3600
VOLUMES = range(1, 26)
"""~ EBS volumes of one kind that an instance may have."""


def new_cluster(request: Mapping[str, Any], region: str, account: str) -> Cluster:
    """The row of the cluster that RunJobFlow asks for. Raises ValidationException."""
    members.refuse_what_is_not_executed(request)
    instances = request["Instances"]
    members.refuse_what_is_not_executed(instances, "Instances.")
    configurations = list(request.get("Configurations") or [])
    flatten(configurations)
    return Cluster(
        id=ids.cluster_id(),
        name=request["Name"],
        region=region,
        account=account,
        release_label=_release_label(request.get("ReleaseLabel")),
        created_at=time.time(),
        idle_timeout=idle_timeout(request.get("AutoTerminationPolicy")),
        log_uri=_log_uri(request.get("LogUri")),
        keep_alive=bool(instances.get("KeepJobFlowAliveWhenNoSteps")),
        termination_protected=bool(instances.get("TerminationProtected")),
        step_concurrency=step_concurrency(request.get("StepConcurrencyLevel", 1)),
        tags=as_tags(request.get("Tags") or []),
        applications=_applications(request.get("Applications") or []),
        configurations=configurations,
        bootstrap_actions=_bootstrap_actions(request.get("BootstrapActions") or []),
        attributes=_attributes(request, instances),
        ports={},
    )


def new_instance_groups(cluster: Cluster, instances: Mapping[str, Any]) -> list[InstanceGroup]:
    """The rows of its groups, MASTER first. Raises ValidationException."""
    given = list(instances.get("InstanceGroups") or [])
    by_type = {"MasterInstanceType", "SlaveInstanceType", "InstanceCount"} & set(instances)
    if given and by_type:
        raise validation_exception(f"Give InstanceGroups or {', '.join(sorted(by_type))}, not both.")
    requested = given or _groups_by_type(instances)
    _check_roles(requested)
    order = ("MASTER", "CORE", "TASK")
    ordered = sorted(requested, key=lambda group: order.index(group["InstanceRole"]))
    return [_new_group(cluster, group) for group in ordered]


def step_concurrency(level: int) -> int:
    """A StepConcurrencyLevel within EMR's limits. Raises ValidationException."""
    if level not in CONCURRENCY:
        raise validation_exception(f"StepConcurrencyLevel {level} is invalid: it must be from 1 to 256.")
    return level


def _release_label(label: str | None) -> str:
    if not label:
        raise validation_exception("ReleaseLabel is required, for example emr-7.13.0.")
    if label not in release_labels():
        raise validation_exception(f"The supplied release label is invalid: {label}.")
    if find_release(label) is None:
        near = ", ".join(near_labels(label))
        raise validation_exception(
            f"windtunnel can't provide the release {label} here: its Spark is older than 3.0. The nearest ones "
            f"that it can provide are {near}; docs/releases.md lists all."
        )
    return label


def idle_timeout(policy: Mapping[str, Any] | None) -> int | None:
    """Seconds of an AutoTerminationPolicy, None without one. Raises ValidationException."""
    if policy is None:
        return None
    seconds: int = policy.get("IdleTimeout", DEFAULT_IDLE_TIMEOUT)
    if seconds not in IDLE_TIMEOUT:
        raise validation_exception(f"IdleTimeout {seconds} is invalid: it must be from 60 to 604800 seconds.")
    return seconds


def _log_uri(uri: str | None) -> str | None:
    if not uri:
        return None
    if not re.fullmatch(r"s3[an]?://[^/]+(/.*)?", uri):
        raise validation_exception(
            f"The LogUri '{uri}' is invalid: it must begin with s3:// and name a bucket."
        )
    return uri if uri.endswith("/") else uri + "/"


def _applications(applications: Sequence[Mapping[str, Any]]) -> list[str]:
    names = []
    for application in applications:
        members.refuse_what_is_not_executed(application, "Application.")
        name = application.get("Name") or ""
        if name.lower() not in APPLICATIONS:
            can = ", ".join(APPLICATIONS.values())
            raise validation_exception(f"windtunnel does not run the application '{name}'. It runs: {can}.")
        names.append(APPLICATIONS[name.lower()])
    return list(dict.fromkeys(names))


def _bootstrap_actions(actions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    if len(actions) > MOST_BOOTSTRAP_ACTIONS:
        raise validation_exception(f"A cluster takes at most {MOST_BOOTSTRAP_ACTIONS} bootstrap actions.")
    return [
        {
            "Name": action["Name"],
            "ScriptPath": action["ScriptBootstrapAction"]["Path"],
            "Args": list(action["ScriptBootstrapAction"].get("Args") or []),
        }
        for action in actions
    ]


def _attributes(request: Mapping[str, Any], instances: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: request[name] for name in request if name in members.KEPT}
    kept |= {name: instances[name] for name in instances if f"Instances.{name}" in members.KEPT}
    return kept | {"VisibleToAllUsers": request.get("VisibleToAllUsers", True)}


def _groups_by_type(instances: Mapping[str, Any]) -> list[dict[str, Any]]:
    count, master = instances.get("InstanceCount", 0), instances.get("MasterInstanceType")
    if not master or count < 1:
        raise validation_exception(
            "Give InstanceGroups, or MasterInstanceType and an InstanceCount of at least 1."
        )
    groups = [{"InstanceRole": "MASTER", "InstanceType": master, "InstanceCount": 1}]
    if count > 1:
        worker = instances.get("SlaveInstanceType") or master
        groups.append({"InstanceRole": "CORE", "InstanceType": worker, "InstanceCount": count - 1})
    return groups


def _check_roles(groups: Sequence[Mapping[str, Any]]) -> None:
    roles = [group["InstanceRole"] for group in groups]
    if roles.count("MASTER") != 1:
        raise validation_exception("A cluster needs exactly one MASTER instance group.")
    if roles.count("CORE") > 1 or roles.count("TASK") > MOST_TASK_GROUPS:
        raise validation_exception("A cluster takes at most one CORE and 48 TASK instance groups.")
    if "TASK" in roles and "CORE" not in roles:
        raise validation_exception("A TASK instance group needs a CORE instance group beside it.")


def _new_group(cluster: Cluster, group: Mapping[str, Any]) -> InstanceGroup:
    members.refuse_what_is_not_executed(group, "Group.")
    role, count = group["InstanceRole"], group["InstanceCount"]
    if count < (0 if role == "TASK" else 1):
        raise validation_exception(
            f"The InstanceCount of the {role} instance group must be at least 1, not {count}."
        )
    if role == "MASTER" and count != 1:
        raise validation_exception(f"windtunnel runs one MASTER instance, not {count}.")
    _check_instance_type(group["InstanceType"], cluster.release_label)
    _check_volumes(group.get("EbsConfiguration") or {})
    configurations = list(group.get("Configurations") or [])
    _check_classifications(role, flatten(configurations))
    return InstanceGroup(
        id=ids.instance_group_id(),
        cluster_id=cluster.id,
        name=group.get("Name") or role.capitalize(),
        role=role,
        instance_type=group["InstanceType"],
        market=group.get("Market", "ON_DEMAND"),
        bid_price=group.get("BidPrice"),
        requested=count,
        created_at=cluster.created_at,
        configurations=configurations,
        attributes={name: group[name] for name in group if f"Group.{name}" in members.KEPT},
    )


def _check_instance_type(name: str, release_label: str) -> None:
    kind = instance_types().get(name)
    if kind is None:
        raise validation_exception(f"Instance type '{name}' is not supported.")
    if not kind.is_offered_by(release_label):
        raise validation_exception(
            f"Instance type '{name}' is not supported by {release_label}: Amazon EMR offers it from "
            f"{kind.first_release} to {kind.last_release}."
        )


def _check_volumes(ebs: Mapping[str, Any]) -> None:
    for device in ebs.get("EbsBlockDeviceConfigs") or []:
        count = device.get("VolumesPerInstance", 1)
        if count not in VOLUMES:
            raise validation_exception(f"VolumesPerInstance {count} is invalid: it must be from 1 to 25.")


def _check_classifications(role: str, tables: Mapping[str, Any]) -> None:
    of_spark = sorted(name for name in tables if name.startswith("spark-"))
    if of_spark and role != "MASTER":
        raise validation_exception(
            f"windtunnel does not execute the classification '{of_spark[0]}' of a {role} instance group: steps "
            f"run on the master node. Give it for the cluster, or for the MASTER instance group."
        )
