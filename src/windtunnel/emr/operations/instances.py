"""The operations that show instance groups, fleets, instances and bootstrap actions: what a cluster consists of."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from windtunnel.aws.service import RequestContext
from windtunnel.emr import clusters, store
from windtunnel.emr.errors import invalid_request, of_other_kind
from windtunnel.emr.operations import views
from windtunnel.emr.operations.operation import Operation
from windtunnel.emr.operations.pages import newest_first
from windtunnel.emr.schema import Cluster, Instance, InstanceGroup
from windtunnel.emr.states import InstanceState
from windtunnel.emr.store import Store

LOOPBACK = "127.0.0.1"


def list_instance_groups(db: Store, context: RequestContext, request: dict[str, Any]) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_ListInstanceGroups.html"""
    with db.reading() as session:
        cluster = clusters.get_cluster(session, request["ClusterId"], context)
        groups = store.instance_groups(session, cluster.id)
        if groups[0].fleet:
            raise of_other_kind("fleets", "ListInstanceGroups", "ListInstanceFleets")
        running = Counter(one.group_id for one in _running(session, cluster))
        return {"InstanceGroups": [views.instance_group_detail(group, running[group.id]) for group in groups]}


def list_instance_fleets(db: Store, context: RequestContext, request: dict[str, Any]) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_ListInstanceFleets.html"""
    with db.reading() as session:
        cluster = clusters.get_cluster(session, request["ClusterId"], context)
        fleets = store.instance_groups(session, cluster.id)
        if not fleets[0].fleet:
            raise of_other_kind("groups", "ListInstanceFleets", "ListInstanceGroups")
        units: dict[str, Counter[str]] = {fleet.id: Counter() for fleet in fleets}
        for instance in _running(session, cluster):
            units[instance.group_id][instance.market] += instance.weight
        return {"InstanceFleets": [views.instance_fleet_detail(fleet, units[fleet.id]) for fleet in fleets]}


def _running(session: Session, cluster: Cluster) -> list[Instance]:
    return [one for one in store.instances(session, cluster.id) if one.state is InstanceState.RUNNING]


def list_instances(db: Store, context: RequestContext, request: dict[str, Any]) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_ListInstances.html"""
    with db.reading() as session:
        cluster = clusters.get_cluster(session, request["ClusterId"], context)
        groups = {group.id: group for group in store.instance_groups(session, cluster.id)}
        wanted = _wanted(groups, request)
        rows = select(Instance).where(Instance.cluster_id == cluster.id, Instance.group_id.in_(wanted))
        if states := request.get("InstanceStates"):
            rows = rows.where(Instance.state.in_([InstanceState(state) for state in states]))
        page, marker = newest_first(session, rows, Instance.number, request.get("Marker"))
        shown = [views.instance_detail(row, groups[row.group_id], LOOPBACK) for row in page]
        return {"Instances": shown, **marker}


def _wanted(groups: Mapping[str, InstanceGroup], request: Mapping[str, Any]) -> set[str]:
    """The ids of the groups or fleets that ListInstances is to show. Raises InvalidRequestException."""
    of_fleets = bool(next(iter(groups.values())).fleet)
    kind, other = ("Fleet", "Group") if of_fleets else ("Group", "Fleet")
    for member in (f"Instance{other}Id", f"Instance{other}Types", f"Instance{other}Type"):
        if request.get(member):
            raise invalid_request(
                f"{member} is for clusters of instance {other.lower()}s; this one has instance {kind.lower()}s."
            )
    wanted = set(groups)
    if (one := request.get(f"Instance{kind}Id")) is not None:
        if one not in groups:
            raise invalid_request(f"Instance {kind.lower()} id '{one}' is not valid.")
        wanted = {one}
    role = request.get("InstanceFleetType")
    if roles := [role] if role else request.get("InstanceGroupTypes"):
        wanted = {group for group in wanted if groups[group].role in roles}
    return wanted


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
