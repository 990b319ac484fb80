"""The operations on release labels."""

import re
from collections.abc import Mapping
from typing import Any

from windtunnel.aws.service import RequestContext
from windtunnel.emr.catalogue.releases import Release, find_release, release_labels
from windtunnel.emr.errors import invalid_request
from windtunnel.emr.operations.operation import Operation
from windtunnel.emr.store import Store

MOST_RESULTS = 100


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
    label = request.get("ReleaseLabel") or ""
    if label not in release_labels():
        raise invalid_request(f"The supplied release label is invalid: {label}.")
    release = find_release(label)
    applications = [{"Name": name, "Version": version} for name, version in _applications(release).items()]
    page, token = _page(applications, request)
    return {"ReleaseLabel": label, "Applications": page, "AvailableOSReleases": [], **token}


def _applications(release: Release | None) -> dict[str, str]:
    return {"Hadoop": release.hadoop, "Spark": release.spark} if release else {}


def _holds(release: Release | None, wanted: str) -> bool:
    name, _, version = wanted.partition("@")
    held = {key.lower(): value for key, value in _applications(release).items()}.get(name.lower())
    return held is not None and version in ("", held)


def _page(rows: list[Any], request: Mapping[str, Any]) -> tuple[list[Any], dict[str, str]]:
    token, size = request.get("NextToken"), request.get("MaxResults", MOST_RESULTS)
    if token and not re.fullmatch(r"[0-9]{1,9}", token):
        raise invalid_request(f"The NextToken '{token}' is not valid: give the one of the answer before.")
    start = int(token or 0)
    more = start + size < len(rows)
    return rows[start : start + size], {"NextToken": str(start + size)} if more else {}


OPERATIONS: Mapping[str, Operation] = {
    "ListReleaseLabels": list_release_labels,
    "DescribeReleaseLabel": describe_release_label,
}
