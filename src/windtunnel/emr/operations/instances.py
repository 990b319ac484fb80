"""The operations on instance groups, instances and bootstrap actions: what a cluster consists of."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from windtunnel.aws.service import RequestContext
from windtunnel.emr import clusters, store
from windtunnel.emr.errors import invalid_request
from windtunnel.emr.operations import views
from windtunnel.emr.operations.operation import Operation
from windtunnel.emr.operations.pages import newest_first
from windtunnel.emr.schema import Instance
from windtunnel.emr.states import InstanceState
from windtunnel.emr.store import Store

LOOPBACK = "127.0.0.1"


def list_instance_groups(db: Store, context: RequestContext, request: dict[str, Any]) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_ListInstanceGroups.html"""
    with db.reading() as session:
        cluster = clusters.get_cluster(session, request["ClusterId"], context)
        running = Counter(
            instance.group_id
            for instance in store.instances(session, cluster.id)
            if instance.state is InstanceState.RUNNING
        )
        groups = store.instance_groups(session, cluster.id)
        return {"InstanceGroups": [views.instance_group_detail(group, running[group.id]) for group in groups]}


def list_instance_fleets(db: Store, context: RequestContext, request: dict[str, Any]) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_ListInstanceFleets.html"""
    with db.reading() as session:
        cluster = clusters.get_cluster(session, request["ClusterId"], context)
        raise invalid_request(
            f"Instance fleets and instance groups are mutually exclusive. The cluster {cluster.id} uses instance "
            f"groups: ListInstanceGroups tells of them."
        )


def list_instances(db: Store, context: RequestContext, request: dict[str, Any]) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_ListInstances.html"""
    for member in ("InstanceFleetId", "InstanceFleetType"):
        if request.get(member):
            raise invalid_request(
                f"{member} is for clusters of instance fleets; this one has instance groups."
            )
    with db.reading() as session:
        cluster = clusters.get_cluster(session, request["ClusterId"], context)
        groups = {group.id: group for group in store.instance_groups(session, cluster.id)}
        wanted = set(groups)
        if (one := request.get("InstanceGroupId")) is not None:
            if one not in groups:
                raise invalid_request(f"Instance group id '{one}' is not valid.")
            wanted = {one}
        if roles := request.get("InstanceGroupTypes"):
            wanted = {group for group in wanted if groups[group].role in roles}
        rows = select(Instance).where(Instance.cluster_id == cluster.id, Instance.group_id.in_(wanted))
        if states := request.get("InstanceStates"):
            rows = rows.where(Instance.state.in_([InstanceState(state) for state in states]))
        page, marker = newest_first(session, rows, Instance.number, request.get("Marker"))
        shown = [views.instance_detail(row, groups[row.group_id], LOOPBACK) for row in page]
        return {"Instances": shown, **marker}


def list_bootstrap_actions(db: Store, context: RequestContext, request: dict[str, Any]) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_ListBootstrapActions.html"""
    with db.reading() as session:
        return {
            "BootstrapActions": clusters.get_cluster(session, request["ClusterId"], context).bootstrap_actions
        }


OPERATIONS: Mapping[str, Operation] = {
    "ListInstanceGroups": list_instance_groups,
    "ListInstanceFleets": list_instance_fleets,
    "ListInstances": list_instances,
    "ListBootstrapActions": list_bootstrap_actions,
}
