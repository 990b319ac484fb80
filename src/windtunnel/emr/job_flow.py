"""RunJobFlow's request, checked and turned into the rows of a new cluster."""

import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from windtunnel.emr import ids, members, scaling_policies
from windtunnel.emr.catalogue.releases import find_release, near_labels, release_labels
from windtunnel.emr.configurations import flatten
from windtunnel.emr.errors import validation_exception
from windtunnel.emr.schema import Cluster
from windtunnel.emr.tags import as_tags

APPLICATIONS = {"hadoop": "Hadoop", "spark": "Spark"}
"""What runs here, by the lower-case name that a request may use."""

MOST_BOOTSTRAP_ACTIONS = 16
CONCURRENCY = range(1, 257)
IDLE_TIMEOUT = range(60, 604_801)
DEFAULT_IDLE_TIMEOUT = 3600


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
        managed_scaling=scaling_policies.managed_scaling(
            request.get("ManagedScalingPolicy"), of_fleets=bool(instances.get("InstanceFleets"))
        ),
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
    if not re.fullmatch(r"s3[an]?://[A-Za-z0-9][A-Za-z0-9._-]*(/.*)?", uri):
        raise validation_exception(
            f"The LogUri '{uri}' is invalid: it must begin with s3:// and name a bucket."
        )
    # Clients of HTTP would take these for folders, and the keys be another bucket's.
    if {".", ".."} & set(uri.split("/")):
        raise validation_exception(f"The LogUri '{uri}' is invalid: '.' and '..' can't be parts of it.")
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
    kept = {name: value for name, value in kept.items() if value not in ("", [])}  # as Terraform has them
    managed = {"EmrManagedMasterSecurityGroup", "EmrManagedSlaveSecurityGroup"}
    if len(managed & kept.keys()) == 1:
        raise validation_exception(f"Give both {' and '.join(sorted(managed))}, or neither.")
    return kept | {"VisibleToAllUsers": request.get("VisibleToAllUsers", True)}
