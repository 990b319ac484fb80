"""Members of RunJobFlow: which EMR demands and nothing here needs, and which it takes and nothing here does."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from windtunnel.aws.errors import ServiceError
from windtunnel.deploy.checks.templated import is_template
from windtunnel.deploy.findings import Level
from windtunnel.emr.catalogue.instance_types import instance_types
from windtunnel.emr.catalogue.releases import find_release, release_labels, runnable_labels
from windtunnel.emr.configurations import OF_OTHER_APPLICATIONS
from windtunnel.emr.instance_checks import check_instance_type
from windtunnel.emr.job_flow import APPLICATIONS
from windtunnel.emr.members import REFUSED

ROLES: Mapping[str, str] = {"ServiceRole": "ServiceRole", "JobFlowRole": "InstanceProfile"}
"""What every cluster on AWS needs, and what EMR calls it when it is missing."""
OF_AMAZON = (
    *(
        "Hadoop",
        "Spark",
        "Hive",
        "Tez",
        "Pig",
        "HBase",
        "Phoenix",
        "ZooKeeper",
        "Presto",
        "PrestoSQL",
        "Trino",
        "Flink",
    ),
    *(
        "Hue",
        "Oozie",
        "Sqoop",
        "HCatalog",
        "Livy",
        "Zeppelin",
        "JupyterHub",
        "JupyterEnterpriseGateway",
        "Mahout",
    ),
    *(
        "Ganglia",
        "MXNet",
        "TensorFlow",
        "Iceberg",
        "Delta",
        "Hudi",
        "AmazonCloudWatchAgent",
        "S3 Access Grants",
    ),
)
"""Applications of EMR's release guides, of which only some run here."""
_OTHERS = {name: owner for owner, names in OF_OTHER_APPLICATIONS.items() for name in names}
_MASTERS = (1, 3)
"""How many master nodes a cluster may have on AWS."""


@dataclass(frozen=True)
class Said:
    """What is wrong with a request; `value` is the text in it that is to blame, where it is one."""

    why: str
    mend: str
    value: str = ""
    level: Level = "error"


def is_ours(message: str) -> bool:
    """Whether a refusal is windtunnel's own and not Amazon EMR's."""
    return "windtunnel" in message


def lacking(request: Mapping[str, Any]) -> Iterator[Said]:
    """What a cluster on AWS needs and one here does not."""
    for member, called in ROLES.items():
        if not request.get(member):
            yield Said(
                f"it has no {member}, and EMR answers: {called} is required for creating cluster.",
                f"Give {member}, by an option of the environment: accounts have other names.",
            )
    instances = request.get("Instances")
    if isinstance(instances, Mapping) and not (instances.get("Ec2SubnetId") or instances.get("Ec2SubnetIds")):
        yield Said(
            "it has no subnet: EMR takes one of the default VPC, and refuses the request in an account without one.",
            "Give Ec2SubnetId (of instance fleets, Ec2SubnetIds) by an option of the environment.",
            level="warning",
        )


def known(request: Mapping[str, Any]) -> Iterator[Said]:
    """Names that Amazon EMR does not know, and ids that are none."""
    label = request.get("ReleaseLabel")
    if label and not is_template(label) and label not in release_labels():
        near = difflib.get_close_matches(str(label), release_labels(), n=1)
        mend = f"The nearest is {near[0]}." if near else f"The newest is {release_labels()[0]}."
        yield Said(f"EMR has no release {label}.", mend, str(label))
    for application in request.get("Applications") or []:
        name = application.get("Name") or "" if isinstance(application, Mapping) else "{{ }}"
        if not is_template(name) and (wrong := _of_application(name, str(label or ""))):
            yield wrong
    for member in ROLES:
        value = str(request.get(member) or "")
        if account := re.match(r"arn:[\w-]+:iam::(\d{12}):", value):
            why = f"its {member} is an ARN, of the account {account[1]}: in no other account there is such a role."
            yield Said(why, "Give the name alone.", value, "warning")
    instances = request.get("Instances")
    if not isinstance(instances, Mapping):
        return
    for group in instances.get("InstanceGroups") or []:
        if not isinstance(group, Mapping):
            break  # a template
        count = group.get("InstanceCount", 1)
        if isinstance(count, int) and group.get("InstanceRole") == "MASTER" and count not in _MASTERS:
            yield Said(f"{count} master nodes are asked for; a cluster has one or three.", "Ask for one.")
    for member, prefix in _IDS.items():
        given = instances.get(member) or []
        for value in [given] if isinstance(given, str) else given:
            if not is_template(value) and not str(value).startswith(prefix):
                yield Said(f"{value!r} is no {member}: it begins with {prefix}.", "Give the id.", str(value))


_IDS = {
    "Ec2SubnetId": "subnet-",
    "Ec2SubnetIds": "subnet-",
    **dict.fromkeys(
        ("EmrManagedMasterSecurityGroup", "EmrManagedSlaveSecurityGroup", "ServiceAccessSecurityGroup"), "sg-"
    ),
    **dict.fromkeys(("AdditionalMasterSecurityGroups", "AdditionalSlaveSecurityGroups"), "sg-"),
}


def _of_application(name: str, label: str) -> Said | None:
    exact = {one.lower(): one for one in OF_AMAZON}
    if name.lower() not in exact:
        near = difflib.get_close_matches(name.lower(), exact, n=1)
        mend = f"Did you mean {exact[near[0]]}?" if near else f"It runs {', '.join(OF_AMAZON)}."
        return Said(f"EMR has no application {name!r}.", mend, name)
    release = find_release(label)
    here = name.lower() in APPLICATIONS
    if release and here and APPLICATIONS[name.lower()] not in release.applications:
        return Said(f"{label} has no application {name}.", "Leave it out.", name)
    return None


def executed_here(request: dict[str, Any]) -> tuple[dict[str, Any], list[Said]]:
    """The request without what only Amazon EMR runs, so that the rest can be checked; and a note for each of that."""
    notes: list[Said] = []

    def without(members: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
        kept = without_refused(members, prefix)
        for name in members.keys() - kept.keys():
            notes.append(_not_tried(f"{prefix}{name}", REFUSED[prefix + name]))
        return kept

    kept = without(request)
    kept["Instances"] = without(kept.get("Instances") or {}, "Instances.")
    kept["Steps"] = [without(step, "Step.") for step in kept.get("Steps") or []]
    for group in kept["Instances"].get("InstanceGroups") or []:
        if group.get("InstanceRole") == "MASTER" and group.get("InstanceCount", 1) > 1:
            if group["InstanceCount"] in _MASTERS:  # `known` tells of others
                notes.append(_not_tried("More than one master node", "here one runs"))
            group["InstanceCount"] = 1
    notes += [*_without_other_applications(kept), *_without_other_classifications(kept)]
    label = kept.get("ReleaseLabel")
    if label and label not in release_labels():
        kept["ReleaseLabel"] = runnable_labels()[0]  # `known` tells of it
    elif label and find_release(label) is None:
        notes.append(_not_tried(label, "its Spark is older than what runs here"))
        kept["ReleaseLabel"] = runnable_labels()[0]
    return kept, list(dict.fromkeys(notes))


def _not_tried(what: str, why: str) -> Said:
    return Said(f"{what} was not tried: {why}.", "Try it on AWS.", level="note")


def _without_other_applications(request: dict[str, Any]) -> list[Said]:
    """Leave only applications that run here, by name alone; a note for each other that EMR has."""
    names = [one.get("Name") or "" for one in request.get("Applications") or []]
    request["Applications"] = [{"Name": name} for name in names if name.lower() in APPLICATIONS]
    known_there = {one.lower() for one in OF_AMAZON} - APPLICATIONS.keys()
    return [_not_tried(name, "here Hadoop and Spark run") for name in names if name.lower() in known_there]


def _without_other_classifications(request: dict[str, Any]) -> list[Said]:
    """Take the classifications of applications out that do not run here; a note for each."""
    instances = request["Instances"]
    fleets = instances.get("InstanceFleets") or []
    types = [kind for fleet in fleets for kind in fleet.get("InstanceTypeConfigs") or []]
    notes = []
    for holder in (request, *(instances.get("InstanceGroups") or []), *types):
        given = holder.get("Configurations") or []
        others = [one for one in given if one.get("Classification") in _OTHERS]
        holder["Configurations"] = [one for one in given if one not in others]
        names = [one["Classification"] for one in others]
        notes += [_not_tried(f"The classification {name}", f"it is for {_OTHERS[name]}") for name in names]
    return notes


def without_refused(members: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """The members but for those that only Amazon EMR executes, and that ask for something."""
    empty: tuple[Any, ...] = (None, "", [], {})
    return {name: one for name, one in members.items() if prefix + name not in REFUSED or one in empty}


def of_types(request: Mapping[str, Any], label: str) -> Iterator[Said]:
    """Instance types that EMR does not have, or not in this release; `label` is "" for one that is not known."""
    for name in dict.fromkeys(holder[member] for holder, member in _types(request)):
        near = difflib.get_close_matches(name, instance_types(), n=1)
        mend = (
            f"Did you mean {near[0]}?"
            if near and name not in instance_types()
            else "Take another type or release."
        )
        try:
            if find_release(label):  # of older ones the catalogue does not know the types
                check_instance_type(name, label)
            elif name not in instance_types():
                yield Said(f"Instance type '{name}' is not supported.", mend, name)
        except ServiceError as error:
            yield Said(f"EMR refuses it: {error.message}", mend, name)


def replace_types(request: Mapping[str, Any], other: str) -> None:
    """Put another type for each: they have been judged."""
    for holder, member in _types(request):
        holder[member] = other


def _types(request: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    instances = request.get("Instances") or {}
    fleets = [
        kind
        for fleet in instances.get("InstanceFleets") or []
        for kind in fleet.get("InstanceTypeConfigs") or []
    ]
    holders = [(instances, one) for one in ("MasterInstanceType", "SlaveInstanceType")]
    holders += [(one, "InstanceType") for one in (*(instances.get("InstanceGroups") or []), *fleets)]
    yield from ((holder, member) for holder, member in holders if isinstance(holder.get(member), str))
