"""The operations that add instance groups and fleets to a cluster, or change them."""

from collections.abc import Mapping
from typing import Any

from windtunnel.aws.service import RequestContext
from windtunnel.emr import clusters, fleets, instance_groups, store
from windtunnel.emr.errors import invalid_request
from windtunnel.emr.ids import cluster_arn
from windtunnel.emr.operations.operation import Operation
from windtunnel.emr.store import Store


def add_instance_groups(db: Store, context: RequestContext, request: dict[str, Any]) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_AddInstanceGroups.html"""
    with db.transaction() as session:
        cluster = clusters.get_job_flow(session, request["JobFlowId"], context)
        clusters.check_open(cluster)
        added = instance_groups.add_instance_groups(session, cluster, request["InstanceGroups"])
        arn = cluster_arn(cluster.id, cluster.region, cluster.account)
        return {"JobFlowId": cluster.id, "InstanceGroupIds": added, "ClusterArn": arn}


def modify_instance_groups(db: Store, context: RequestContext, request: dict[str, Any]) -> None:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_ModifyInstanceGroups.html"""
    configs = request.get("InstanceGroups") or []
    if not configs:
        raise invalid_request("Give at least one of the InstanceGroups.")
    with db.transaction() as session:
        cluster_id = request.get("ClusterId") or store.cluster_of_group(
            session, configs[0]["InstanceGroupId"]
        )
        if cluster_id is None:
            raise invalid_request(f"Instance group id '{configs[0]['InstanceGroupId']}' is not valid.")
        cluster = clusters.get_cluster(session, cluster_id, context)
        clusters.check_open(cluster)
        instance_groups.modify_instance_groups(session, cluster, configs)


def add_instance_fleet(db: Store, context: RequestContext, request: dict[str, Any]) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_AddInstanceFleet.html"""
    with db.transaction() as session:
        cluster = clusters.get_cluster(session, request["ClusterId"], context)
        clusters.check_open(cluster)
        added = fleets.add_instance_fleet(session, cluster, request["InstanceFleet"])
        arn = cluster_arn(cluster.id, cluster.region, cluster.account)
        return {"ClusterId": cluster.id, "InstanceFleetId": added, "ClusterArn": arn}


def modify_instance_fleet(db: Store, context: RequestContext, request: dict[str, Any]) -> None:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_ModifyInstanceFleet.html"""
    with db.transaction() as session:
        cluster = clusters.get_cluster(session, request["ClusterId"], context)
        clusters.check_open(cluster)
        fleets.modify_instance_fleet(session, cluster, request["InstanceFleet"])


OPERATIONS: Mapping[str, Operation] = {
    "AddInstanceGroups": add_instance_groups,
    "ModifyInstanceGroups": modify_instance_groups,
    "AddInstanceFleet": add_instance_fleet,
    "ModifyInstanceFleet": modify_instance_fleet,
}
