"""The operations on tags; a cluster's ARN serves as its resource id too."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from windtunnel.aws.service import RequestContext
from windtunnel.emr import clusters
from windtunnel.emr.errors import invalid_request
from windtunnel.emr.operations.operation import Operation
from windtunnel.emr.schema import Cluster
from windtunnel.emr.store import Store
from windtunnel.emr.tags import as_tags, check_count


def add_tags(db: Store, context: RequestContext, request: dict[str, Any]) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_AddTags.html"""
    with db.transaction() as session:
        cluster = _tagged(session, request, context)
        tags = {**cluster.tags, **as_tags(request["Tags"])}
        check_count(tags)
        cluster.tags = tags
    return {}


def remove_tags(db: Store, context: RequestContext, request: dict[str, Any]) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_RemoveTags.html"""
    with db.transaction() as session:
        cluster = _tagged(session, request, context)
        cluster.tags = {key: cluster.tags[key] for key in cluster.tags if key not in request["TagKeys"]}
    return {}


def _tagged(session: Session, request: Mapping[str, Any], context: RequestContext) -> Cluster:
    resource = request.get("ResourceId") or request.get("ClusterId")
    if not resource:
        raise invalid_request("Give the ResourceId of the cluster.")
    cluster = clusters.get_cluster(session, resource.rpartition("/")[2], context)
    clusters.check_open(cluster)
    return cluster


OPERATIONS: Mapping[str, Operation] = {"AddTags": add_tags, "RemoveTags": remove_tags}
