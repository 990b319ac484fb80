"""What an instance of a group or of a fleet may be."""

from collections.abc import Mapping
from typing import Any

from windtunnel.emr.catalogue.instance_types import instance_types
from windtunnel.emr.errors import validation_exception

ROLES = ("MASTER", "CORE", "TASK")
"""Of groups and of fleets, in the order in which a cluster has them."""
VOLUMES = range(1, 26)
"""~ EBS volumes of one kind that an instance may have."""
VOLUME_TYPES = ("gp3", "gp2", "io1", "st1", "sc1", "standard")


def check_instance_type(name: str, release_label: str) -> None:
    """Raises ValidationException for a type that Amazon EMR does not offer in this release."""
    kind = instance_types().get(name)
    if kind is None:
        raise validation_exception(f"Instance type '{name}' is not supported.")
    if not kind.is_offered_by(release_label):
        raise validation_exception(
            f"Instance type '{name}' is not supported by {release_label}: Amazon EMR offers it from "
            f"{kind.first_release} to {kind.last_release}."
        )


def check_volumes(ebs: Mapping[str, Any]) -> None:
    """Raises ValidationException for an EbsConfiguration that Amazon EMR would not take."""
    for device in ebs.get("EbsBlockDeviceConfigs") or []:
        count = device.get("VolumesPerInstance", 1)
        if count not in VOLUMES:
            raise validation_exception(f"VolumesPerInstance {count} is invalid: it must be from 1 to 25.")
        kind = device["VolumeSpecification"]["VolumeType"]
        if kind not in VOLUME_TYPES:
            raise validation_exception(
                f"VolumeType '{kind}' is invalid: it is one of {', '.join(VOLUME_TYPES)}."
            )


def check_classifications(role: str, tables: Mapping[str, Any]) -> None:
    """Raises ValidationException for a classification that has no effect on instances of this role here."""
    of_spark = sorted(name for name in tables if name.startswith("spark-"))
    if of_spark and role != "MASTER":
        raise validation_exception(
            f"windtunnel does not execute the classification '{of_spark[0]}' of a {role} instance group: steps "
            f"run on the master node. Give it for the cluster, or for the MASTER instance group."
        )
