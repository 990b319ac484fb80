"""The operations on release labels."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from windtunnel.aws.service import RequestContext
from windtunnel.emr.catalogue.instance_types import InstanceType, instance_types
from windtunnel.emr.catalogue.releases import Release, find_release, release_labels
from windtunnel.emr.errors import invalid_request
from windtunnel.emr.operations.operation import Operation
from windtunnel.emr.operations.pages import slice_of
from windtunnel.emr.store import Store

MOST_RESULTS = 100

T = TypeVar("T")


def list_release_labels(_db: Store, _: RequestContext, request: dict[str, Any]) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_ListReleaseLabels.html

    All labels that Amazon EMR has, newest first; the filter Application takes a name, or a name@version of a
    release that runs here.
    """
    filters = request.get("Filters") or {}
    labels = [label for label in release_labels() if label.startswith(filters.get("Prefix") or "")]
    if wanted := filters.get("Application"):
        labels = [label for label in labels if _holds(find_release(label), wanted)]
    page, token = _page(labels, request)
    return {"ReleaseLabels": page, **token}


def describe_release_label(_db: Store, _: RequestContext, request: dict[str, Any]) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_DescribeReleaseLabel.html"""
    label = _known(request.get("ReleaseLabel") or "")
    release = find_release(label)
    applications = [{"Name": name, "Version": version} for name, version in _applications(release).items()]
    page, token = _page(applications, request)
    return {"ReleaseLabel": label, "Applications": page, "AvailableOSReleases": [], **token}


def list_supported_instance_types(
    _db: Store, _: RequestContext, request: dict[str, Any]
) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_ListSupportedInstanceTypes.html

    By name; of each type what the catalogue knows: no disks.
    """
    label = _known(request["ReleaseLabel"])
    offered = {name: kind for name, kind in instance_types().items() if kind.is_offered_by(label)}
    page, marker = slice_of(sorted(offered), request.get("Marker"), MOST_RESULTS)
    shown = [_instance_type(name, offered[name]) for name in page]
    return {"SupportedInstanceTypes": shown, **({"Marker": marker} if marker else {})}


def _instance_type(name: str, kind: InstanceType) -> dict[str, Any]:
    return {
        "Type": name,
        "MemoryGB": kind.memory_mib / 1024,
        "VCPU": kind.vcpus,
        "Is64BitsOnly": True,
        "InstanceFamilyId": name.partition(".")[0],
        "Architecture": kind.architecture.upper(),
    }


def _known(label: str) -> str:
    if label not in release_labels():
        raise invalid_request(f"The supplied release label is invalid: {label}.")
    return label


def _applications(release: Release | None) -> dict[str, str]:
    return release.applications if release else {}


def _holds(release: Release | None, wanted: str) -> bool:
    name, _, version = wanted.partition("@")
    held = {key.lower(): value for key, value in _applications(release).items()}.get(name.lower())
    return held is not None and version in ("", held)


def _page(rows: Sequence[T], request: Mapping[str, Any]) -> tuple[Sequence[T], dict[str, str]]:
    page, token = slice_of(rows, request.get("NextToken"), request.get("MaxResults", MOST_RESULTS))
    return page, {"NextToken": token} if token else {}


OPERATIONS: Mapping[str, Operation] = {
    "ListReleaseLabels": list_release_labels,
    "DescribeReleaseLabel": describe_release_label,
    "ListSupportedInstanceTypes": list_supported_instance_types,
}
