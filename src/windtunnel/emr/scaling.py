"""Clusters that change their size by themselves: managed scaling, and automatic scaling of instance groups.

What is decided here is stored as if ModifyInstanceGroups or ModifyInstanceFleet had asked for it. What was measured is
kept in memory only: after a restart the measuring begins anew.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from windtunnel.emr import resizing, store
from windtunnel.emr.capacity import TARGETS, weight_of_new
from windtunnel.emr.catalogue.instance_types import instance_types
from windtunnel.emr.fleets import set_fleet
from windtunnel.emr.scaling_policies import METRICS
from windtunnel.emr.schema import Cluster, Instance, InstanceGroup
from windtunnel.emr.states import LIVE_INSTANCE_STATES, UP_CLUSTER_STATES, InstanceGroupState
from windtunnel.emr.store import Store
from windtunnel.hadoop.cluster import NodeStatus

BACKLOG_SECONDS = 4.0
"""~ How long containers must have been pending before managed scaling adds nodes."""
IDLE_SECONDS = 30.0
"""~ How long a node must have had no container before managed scaling takes it away."""


@dataclass(frozen=True)
class Measured:
    """What YARN tells at a moment: the whole cluster's numbers, and the containers of each node by EC2 id."""

    at: float
    metrics: Mapping[str, float]
    containers: Mapping[str, int]


class Scaling:
    """The scaling of one cluster."""

    def __init__(self, db: Store) -> None:
        self._store = db
        self._backlog_since: float | None = None
        self._idle_since: dict[str, float] = {}
        self._samples: deque[Measured] = deque()

    def advance(
        self,
        cluster: Cluster,
        groups: Sequence[InstanceGroup],
        nodes: Mapping[str, NodeStatus],
        metrics: Callable[[], Mapping[str, float]],
    ) -> None:
        """Measure, and change what is asked for where a policy says so. Costs nothing without one."""
        if not cluster.managed_scaling and not any(group.auto_scaling for group in groups):
            return
        numbers = metrics()
        if not numbers:
            return
        containers = {node: status.containers for node, status in nodes.items() if status.registered}
        now = Measured(time.time(), numbers, containers)
        self._remember(now, groups)
        with self._store.reading() as session:
            if not self._decide(session, cluster.id, now):
                return
        with self._store.transaction() as session:
            self._decide(session, cluster.id, now)

    def _remember(self, now: Measured, groups: Sequence[InstanceGroup]) -> None:
        if not now.metrics.get("pendingMB"):
            self._backlog_since = None
        elif self._backlog_since is None:
            self._backlog_since = now.at
        self._idle_since = {
            node: self._idle_since.get(node, now.at) for node, count in now.containers.items() if not count
        }
        alarms = [_alarm(rule) for group in groups for rule in _rules(group)]
        longest = max((_window(alarm) for alarm in alarms), default=0)
        self._samples.append(now)
        while len(self._samples) > 1 and self._samples[1].at <= now.at - longest:
            self._samples.popleft()  # the one before the window tells that all of it was measured

    def _decide(self, session: Session, cluster_id: str, now: Measured) -> bool:
        """Store what follows from what was measured; whether anything does."""
        cluster = store.find_cluster(session, cluster_id)
        if cluster is None or cluster.state not in UP_CLUSTER_STATES:
            return False
        groups = store.instance_groups(session, cluster_id)
        if any(group.state is not InstanceGroupState.RUNNING for group in groups):
            return False  # one change after the other
        if cluster.managed_scaling:
            live = [one for one in store.instances(session, cluster_id) if one.state in LIVE_INSTANCE_STATES]
            backlog = self._backlog_since is not None and now.at - self._backlog_since >= BACKLOG_SECONDS
            pending = now.metrics.get("pendingMB", 0) if backlog else 0
            idle = {node: now.at - since for node, since in self._idle_since.items()}
            return Managed(session, cluster, groups, live).decide(pending, idle)
        return any(self._scale(session, group, now.at) for group in groups)

    def _scale(self, session: Session, group: InstanceGroup, now: float) -> bool:
        """The first rule of an AutoScalingPolicy whose alarm is up changes the group, within the constraints."""
        for rule in _rules(group):
            action = rule["Action"]["SimpleScalingPolicyConfiguration"]
            resting = group.scaled_at is not None and now - group.scaled_at < action.get("CoolDown", 0)
            if resting or not is_up(_alarm(rule), self._samples, now):
                continue
            wanted = adjusted(group.requested, action, group.auto_scaling["Constraints"])
            if wanted == group.requested or (group.role == "CORE" and wanted < 1):
                continue
            group.requested, group.scaled_at = wanted, now
            resizing.begin(session, group)
            return True
        return False


class Managed:
    """Managed scaling's decision on one cluster, of which only CORE and TASK count."""

    def __init__(
        self, session: Session, cluster: Cluster, groups: Sequence[InstanceGroup], live: Sequence[Instance]
    ) -> None:
        self._session = session
        self._cluster = cluster
        self._groups = [group for group in groups if group.role != "MASTER"]
        self._live = live
        limits = cluster.managed_scaling["ComputeLimits"]
        self._unit: str = limits["UnitType"]
        self._least: int = limits["MinimumCapacityUnits"]
        self._most: int = limits["MaximumCapacityUnits"]
        self._most_on_demand: int = limits.get("MaximumOnDemandCapacityUnits", self._most)
        self._most_core: int = limits.get("MaximumCoreCapacityUnits", self._most)

    def decide(self, pending_mb: float, idle: Mapping[str, float]) -> bool:
        """Grow for what is pending or up to the minimum, else shrink to the maximum or by what is idle.

        `idle` are the seconds for which each node without a container has had none, by EC2 id.
        """
        if self._units() > self._most:
            return self._shrink(lambda _: self._units() > self._most)
        if self._units() < self._least or pending_mb > 0:
            return self._grow(pending_mb)
        task = {group.id for group in self._groups if group.role == "TASK"}
        core_waits = any(one.ec2_id in idle and one.group_id in task for one in self._live)

        def may_go(instance: Instance) -> bool:
            waits = core_waits and instance.group_id not in task
            return idle.get(instance.ec2_id, 0) >= IDLE_SECONDS and not waits

        return self._shrink(may_go)

    def _grow(self, pending_mb: float) -> bool:
        """CORE first, then TASK; on demand first, then spot: what Amazon EMR's guide says."""
        grown = False
        while self._units() < self._least or pending_mb > 0:
            slot = next(self._slots(), None)
            if slot is None:
                break
            group, market = slot
            self._change(group, market, weight_of_new(group))
            pending_mb -= instance_types()[group.instance_type].yarn_memory_mb
            grown = True
        return grown

    def _slots(self) -> Iterator[tuple[InstanceGroup, str]]:
        """Where an instance may be added within the limits."""
        for group in self._groups:
            for market in TARGETS if group.fleet else (group.market,):
                units = self._units_of_one(group)
                if self._units() + units > self._most:
                    continue
                if group.role == "CORE" and self._units(role="CORE") + units > self._most_core:
                    continue
                if market == "ON_DEMAND" and self._units(market=market) + units > self._most_on_demand:
                    continue
                yield group, market

    def _shrink(self, may_go: Callable[[Instance], bool]) -> bool:
        """TASK first, then CORE, of which one stays; the newest first."""
        shrunk = False
        for group in reversed(self._groups):
            of_group = [one for one in self._live if one.group_id == group.id and one.leaving_since is None]
            for instance in reversed(of_group):
                last = group.role == "CORE" and group.requested == 1
                if (
                    last
                    or not may_go(instance)
                    or self._units() - self._units_of(instance, group) < self._least
                ):
                    continue
                resizing.let_go(group, instance)
                self._change(group, instance.market, -instance.weight)
                shrunk = True
        return shrunk

    def _change(self, group: InstanceGroup, market: str, units: int) -> None:
        if group.fleet:
            target = TARGETS[market]
            left = max(0, group.fleet.get(target, 0) + units)
            set_fleet(self._cluster, group, {**group.fleet, target: left})
        else:
            group.requested += units
        resizing.begin(self._session, group)

    def _units(self, *, role: str | None = None, market: str | None = None) -> int:
        """What is asked for, in the policy's unit."""
        total = 0
        for group in self._groups:
            if role not in (None, group.role):
                continue
            if group.fleet:
                markets = tuple(TARGETS) if market is None else (market,)
                total += sum(group.fleet.get(TARGETS[one], 0) for one in markets)
            elif market in (None, group.market):
                total += group.requested * self._units_of_one(group)
        return total

    def _units_of_one(self, group: InstanceGroup) -> int:
        if self._unit == "VCPU":
            return instance_types()[group.instance_type].vcpus
        return weight_of_new(group)

    def _units_of(self, instance: Instance, group: InstanceGroup) -> int:
        return instance.weight if group.fleet else self._units_of_one(group)


def _rules(group: InstanceGroup) -> Sequence[Mapping[str, Any]]:
    rules: Sequence[Mapping[str, Any]] = group.auto_scaling.get("Rules", ())
    return rules


def _alarm(rule: Mapping[str, Any]) -> Mapping[str, Any]:
    alarm: Mapping[str, Any] = rule["Trigger"]["CloudWatchAlarmDefinition"]
    return alarm


def _window(alarm: Mapping[str, Any]) -> int:
    seconds: int = alarm["Period"] * alarm.get("EvaluationPeriods", 1)
    return seconds


def is_up(alarm: Mapping[str, Any], samples: Sequence[Measured], now: float) -> bool:
    """Whether the statistic of each of the last EvaluationPeriods compares as the alarm says.

    As in CloudWatch nothing is known before that much time was measured.
    """
    if not samples or samples[0].at > now - _window(alarm):
        return False
    for number in range(alarm.get("EvaluationPeriods", 1)):
        end = now - number * alarm["Period"]
        values = [
            value_of(alarm["MetricName"], sample.metrics)
            for sample in samples
            if end - alarm["Period"] < sample.at <= end
        ]
        if not values or not _COMPARE[alarm["ComparisonOperator"]](
            _STATISTICS[alarm.get("Statistic", "AVERAGE")](values), alarm["Threshold"]
        ):
            return False
    return True


def value_of(metric: str, metrics: Mapping[str, float]) -> float:
    """One of CloudWatch's metrics of EMR, from YARN's own."""
    match metric:
        case "YARNMemoryAvailablePercentage":
            return 100 * metrics.get("availableMB", 0) / (metrics.get("totalMB") or 1)
        case "ContainerPendingRatio":
            # With nothing allocated Amazon EMR takes what is pending as the ratio.
            return metrics.get("pendingContainers", 0) / (metrics.get("containersAllocated") or 1)
        case "IsIdle":
            return float(not metrics.get("appsRunning") and not metrics.get("appsPending"))
        case _:
            return metrics.get(METRICS[metric], 0)


def adjusted(requested: int, action: Mapping[str, Any], constraints: Mapping[str, int]) -> int:
    """What a group is to have after a SimpleScalingPolicyConfiguration, within the constraints."""
    change = action["ScalingAdjustment"]
    match action.get("AdjustmentType", "CHANGE_IN_CAPACITY"):
        case "EXACT_CAPACITY":
            wanted = change
        case "PERCENT_CHANGE_IN_CAPACITY":
            wanted = requested + math.copysign(max(1, abs(requested * change) // 100), change)
        case _:
            wanted = requested + change
    return int(min(max(wanted, constraints["MinCapacity"]), constraints["MaxCapacity"]))


def _average(values: Sequence[float]) -> float:
    return sum(values) / len(values)


_STATISTICS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "AVERAGE": _average,
    "SUM": sum,
    "MINIMUM": min,
    "MAXIMUM": max,
    "SAMPLE_COUNT": len,
}
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "GREATER_THAN_OR_EQUAL": lambda value, threshold: value >= threshold,
    "GREATER_THAN": lambda value, threshold: value > threshold,
    "LESS_THAN": lambda value, threshold: value < threshold,
    "LESS_THAN_OR_EQUAL": lambda value, threshold: value <= threshold,
}
