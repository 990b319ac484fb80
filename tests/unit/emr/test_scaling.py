"""Clusters that change their size by themselves."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.behaviours import behaviour
from tests.emr import Emr
from tests.waiting import eventually
from windtunnel.emr import scaling
from windtunnel.emr.scaling import Measured, adjusted, is_up, value_of

LIMITS: dict[str, Any] = {"UnitType": "Instances", "MinimumCapacityUnits": 2, "MaximumCapacityUnits": 4}
BACKLOG = {"pendingMB": 100_000.0, "pendingContainers": 30.0}
ALARM: dict[str, Any] = {
    "ComparisonOperator": "GREATER_THAN",
    "MetricName": "ContainerPending",
    "Period": 1,
    "Threshold": 5.0,
}


pytestmark = pytest.mark.usefixtures("attentive")


@pytest.fixture(autouse=True)
def measured(emr: Emr, monkeypatch: pytest.MonkeyPatch) -> None:
    """Quick decisions on what the tests say that YARN tells."""
    monkeypatch.setattr(scaling, "BACKLOG_SECONDS", 0.3)
    monkeypatch.setattr(scaling, "IDLE_SECONDS", 0.3)
    emr.health.metrics = {"pendingMB": 0.0, "totalMB": 1.0}


def policy(**limits: Any) -> Any:
    return {"ComputeLimits": {**LIMITS, **limits}}


def running(emr: Emr, cluster: str, role: Any) -> list[str]:
    wanted: Any = {"InstanceGroupTypes": [role], "InstanceStates": ["RUNNING"]}
    listed = emr.client.list_instances(ClusterId=cluster, **wanted)["Instances"]
    return [one["Ec2InstanceId"] for one in listed]


def sizes(emr: Emr, cluster: str, *expected: int) -> None:
    """Waits until CORE and TASK have settled with so many instances."""

    def look() -> None:
        listed = emr.client.list_instance_groups(ClusterId=cluster)["InstanceGroups"][1:]
        seen = [(one["Status"]["State"], one["RunningInstanceCount"]) for one in listed]
        assert seen == [("RUNNING", count) for count in expected]

    eventually(look)


def with_task_group(emr: Emr, **members: Any) -> str:
    groups = [
        {"InstanceRole": role, "InstanceType": "m5.xlarge", "InstanceCount": count}
        for role, count in (("MASTER", 1), ("CORE", 1), ("TASK", 1))
    ]
    by_type = {"MasterInstanceType": None, "SlaveInstanceType": None, "InstanceCount": None}
    cluster = emr.run(Instances={**by_type, "InstanceGroups": groups}, **members)
    emr.wait(cluster, "WAITING")
    return cluster


@behaviour(
    "scaling",
    "Managed scaling adds nodes for pending containers up to the maximum, and takes idle ones away "
    "down to the minimum.",
)
def test_a_backlog_adds_nodes_up_to_the_maximum_and_idle_time_takes_them_away_down_to_the_minimum(
    emr: Emr,
) -> None:
    emr.health.metrics = BACKLOG
    cluster = emr.run(ManagedScalingPolicy=policy())
    sizes(emr, cluster, 4)
    emr.health.metrics = {"pendingMB": 0.0}
    sizes(emr, cluster, 2)


@behaviour(
    "scaling",
    "Managed scaling keeps core nodes within MaximumCoreCapacityUnits; task nodes go first.",
)
def test_core_grows_to_its_own_limit_then_task_and_task_shrinks_first(emr: Emr) -> None:
    cluster = with_task_group(emr)
    emr.client.put_managed_scaling_policy(
        ClusterId=cluster, ManagedScalingPolicy=policy(MaximumCoreCapacityUnits=2)
    )
    emr.health.metrics = BACKLOG
    sizes(emr, cluster, 2, 2)
    emr.health.metrics = {"pendingMB": 0.0}
    sizes(emr, cluster, 2, 0)


def test_a_node_with_a_container_is_not_idle(emr: Emr) -> None:
    emr.health.metrics = BACKLOG
    cluster = emr.run(ManagedScalingPolicy=policy(MinimumCapacityUnits=1))
    sizes(emr, cluster, 4)
    busy = running(emr, cluster, "CORE")[0]
    emr.health.containers[busy] = 1
    emr.health.metrics = {"pendingMB": 0.0}
    sizes(emr, cluster, 1)
    assert running(emr, cluster, "CORE") == [busy]


@behaviour("scaling", "A cluster outside the limits of a new managed scaling policy comes within them.")
def test_a_cluster_outside_the_limits_comes_within_them(emr: Emr) -> None:
    cluster = emr.run()
    emr.wait(cluster, "WAITING")
    emr.client.put_managed_scaling_policy(
        ClusterId=cluster,
        ManagedScalingPolicy=policy(UnitType="VCPU", MinimumCapacityUnits=12, MaximumCapacityUnits=12),
    )
    sizes(emr, cluster, 3)
    emr.client.put_managed_scaling_policy(
        ClusterId=cluster, ManagedScalingPolicy=policy(MinimumCapacityUnits=1, MaximumCapacityUnits=1)
    )
    sizes(emr, cluster, 1)


@behaviour(
    "scaling",
    "Managed scaling of fleets counts in InstanceFleetUnits, on demand up to MaximumOnDemandCapacityUnits.",
)
def test_a_fleet_is_scaled_by_its_units_on_demand_first(emr: Emr) -> None:
    types = [{"InstanceType": "m5.xlarge", "WeightedCapacity": 2}]
    fleets = [
        {
            **fleet,
            "InstanceTypeConfigs": types
            if fleet["InstanceFleetType"] == "CORE"
            else [{"InstanceType": "m5.xlarge"}],
        }
        for fleet in (
            {"InstanceFleetType": "MASTER", "TargetOnDemandCapacity": 1},
            {"InstanceFleetType": "CORE", "TargetOnDemandCapacity": 2},
        )
    ]
    by_type = {"MasterInstanceType": None, "SlaveInstanceType": None, "InstanceCount": None}
    limits = policy(UnitType="InstanceFleetUnits", MaximumCapacityUnits=6, MaximumOnDemandCapacityUnits=4)
    emr.health.metrics = BACKLOG
    cluster = emr.run(Instances={**by_type, "InstanceFleets": fleets}, ManagedScalingPolicy=limits)

    def look() -> None:
        core = emr.client.list_instance_fleets(ClusterId=cluster)["InstanceFleets"][1]
        units = core["ProvisionedOnDemandCapacity"], core["ProvisionedSpotCapacity"]
        assert (core["Status"]["State"], *units) == ("RUNNING", 4, 2)

    eventually(look)


@behaviour("scaling", "A managed scaling policy is put, shown and removed.")
def test_a_managed_scaling_policy_is_shown_and_removed(emr: Emr) -> None:
    cluster = emr.run()
    assert "ManagedScalingPolicy" not in emr.client.get_managed_scaling_policy(ClusterId=cluster)
    emr.client.put_managed_scaling_policy(ClusterId=cluster, ManagedScalingPolicy=policy())
    assert emr.client.get_managed_scaling_policy(ClusterId=cluster)["ManagedScalingPolicy"] == policy()
    emr.client.remove_managed_scaling_policy(ClusterId=cluster)
    assert "ManagedScalingPolicy" not in emr.client.get_managed_scaling_policy(ClusterId=cluster)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (policy(MinimumCapacityUnits=0), "the minimum must be at least 1"),
        (policy(MinimumCapacityUnits=5), "the maximum not below it"),
        (policy(UnitType="InstanceFleetUnits"), "scaled in Instances or VCPU"),
        (policy(MaximumOnDemandCapacityUnits=5), "from 0 to MaximumCapacityUnits"),
        (policy(MaximumCoreCapacityUnits=0), "from 1 to MaximumCapacityUnits"),
        ({}, "Give the ComputeLimits"),
        ({**policy(), "ScalingStrategy": "ADVANCED"}, "only the DEFAULT"),
    ],
)
def test_a_managed_scaling_policy_that_can_not_be_is_refused(emr: Emr, wrong: Any, message: str) -> None:
    cluster = emr.run()
    with pytest.raises(ClientError, match=message) as refused:
        emr.client.put_managed_scaling_policy(ClusterId=cluster, ManagedScalingPolicy=wrong)
    assert refused.value.response["Error"]["Code"] == "ValidationException"


def rule(name: str = "more", change: int = 1, **alarm: Any) -> dict[str, Any]:
    return {
        "Name": name,
        "Action": {"SimpleScalingPolicyConfiguration": {"ScalingAdjustment": change}},
        "Trigger": {"CloudWatchAlarmDefinition": {**ALARM, **alarm}},
    }


def auto(*rules: dict[str, Any], least: int = 1, most: int = 3) -> Any:
    return {"Constraints": {"MinCapacity": least, "MaxCapacity": most}, "Rules": list(rules)}


@behaviour("scaling", "A rule of an automatic scaling policy changes its group within the constraints.")
def test_a_rule_changes_its_group_within_the_constraints(emr: Emr) -> None:
    cluster = with_task_group(emr)
    task = emr.client.list_instance_groups(ClusterId=cluster)["InstanceGroups"][2]["Id"]
    less = rule("less", -1, ComparisonOperator="LESS_THAN", Threshold=1.0)
    put = emr.client.put_auto_scaling_policy(
        ClusterId=cluster, InstanceGroupId=task, AutoScalingPolicy=auto(rule(), less)
    )
    assert put["AutoScalingPolicy"]["Status"]["State"] == "ATTACHED"
    emr.health.metrics = BACKLOG
    sizes(emr, cluster, 1, 3)
    shown = emr.client.list_instance_groups(ClusterId=cluster)["InstanceGroups"][2]["AutoScalingPolicy"]
    assert shown["Constraints"] == {"MinCapacity": 1, "MaxCapacity": 3}
    emr.health.metrics = {"pendingContainers": 0.0, "totalMB": 1.0}
    sizes(emr, cluster, 1, 1)
    emr.client.remove_auto_scaling_policy(ClusterId=cluster, InstanceGroupId=task)
    assert "AutoScalingPolicy" not in emr.client.list_instance_groups(ClusterId=cluster)["InstanceGroups"][2]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (auto(rule(), least=4), "the maximum not below it"),
        (auto(), "at least one of the Rules"),
        (auto(rule(), rule()), "Names of their own"),
        (auto(rule(MetricName="HDFSUtilization")), "does not measure 'HDFSUtilization'"),
        (auto(rule(Period=0)), "must be at least 1"),
    ],
)
def test_an_automatic_scaling_policy_that_can_not_be_is_refused(emr: Emr, wrong: Any, message: str) -> None:
    cluster = emr.run()
    core = emr.client.list_instance_groups(ClusterId=cluster)["InstanceGroups"][1]["Id"]
    with pytest.raises(ClientError, match=message):
        emr.client.put_auto_scaling_policy(ClusterId=cluster, InstanceGroupId=core, AutoScalingPolicy=wrong)


@behaviour("scaling", "Managed scaling and automatic scaling policies exclude each other.")
def test_managed_and_automatic_scaling_exclude_each_other(emr: Emr) -> None:
    cluster = emr.run()
    core = emr.client.list_instance_groups(ClusterId=cluster)["InstanceGroups"][1]["Id"]
    emr.client.put_auto_scaling_policy(
        ClusterId=cluster, InstanceGroupId=core, AutoScalingPolicy=auto(rule())
    )
    with pytest.raises(ClientError, match="has an automatic scaling policy"):
        emr.client.put_managed_scaling_policy(ClusterId=cluster, ManagedScalingPolicy=policy())
    emr.client.remove_auto_scaling_policy(ClusterId=cluster, InstanceGroupId=core)
    emr.client.put_managed_scaling_policy(ClusterId=cluster, ManagedScalingPolicy=policy())
    with pytest.raises(ClientError, match="has a managed scaling policy"):
        emr.client.put_auto_scaling_policy(
            ClusterId=cluster, InstanceGroupId=core, AutoScalingPolicy=auto(rule())
        )


def samples(*values: float, every: float = 1.0) -> list[Measured]:
    """Samples that end at the moment 100."""
    first = 100.0 - every * (len(values) - 1)
    return [Measured(first + every * n, {"pendingContainers": v}, {}) for n, v in enumerate(values)]


@pytest.mark.parametrize(
    ("change", "values", "up"),
    [
        ({"Period": 4}, [6, 6, 6, 6, 6], True),
        ({"Period": 4}, [6, 6, 6], False),  # not measured for so long
        ({"Period": 4}, [9, 9, 9, 0, 0], False),
        ({"Period": 4, "Statistic": "MAXIMUM"}, [0, 9, 0, 0, 0], True),
        ({"Period": 4, "Statistic": "MINIMUM"}, [0, 9, 9, 9, 0], False),
        ({"Period": 2, "EvaluationPeriods": 2}, [9, 9, 9, 9, 9], True),
        ({"Period": 2, "EvaluationPeriods": 2}, [0, 0, 0, 9, 9], False),
        ({"Period": 4, "Threshold": 5.0}, [5, 5, 5, 5, 5], False),
        ({"Period": 4, "ComparisonOperator": "GREATER_THAN_OR_EQUAL"}, [5, 5, 5, 5, 5], True),
    ],
)
@behaviour("scaling", "A rule's alarm is up when every one of its EvaluationPeriods says so.")
def test_an_alarm_is_up_when_every_period_says_so(
    change: dict[str, Any], values: list[float], up: bool
) -> None:
    assert is_up({**ALARM, **change}, samples(*values), 100.0) is up


@pytest.mark.parametrize(
    ("metric", "metrics", "value"),
    [
        ("YARNMemoryAvailablePercentage", {"availableMB": 25, "totalMB": 100}, 25),
        ("ContainerPendingRatio", {"pendingContainers": 3, "containersAllocated": 2}, 1.5),
        ("ContainerPendingRatio", {"pendingContainers": 3, "containersAllocated": 0}, 3),
        ("IsIdle", {"appsRunning": 0, "appsPending": 0}, 1),
        ("IsIdle", {"appsRunning": 1, "appsPending": 0}, 0),
        ("MemoryAvailableMB", {"availableMB": 7}, 7),
    ],
)
def test_cloudwatchs_metrics_come_from_yarns(metric: str, metrics: dict[str, float], value: float) -> None:
    assert value_of(metric, metrics) == value


@pytest.mark.parametrize(
    ("kind", "change", "wanted"),
    [
        (None, 3, 8),
        (None, 30, 10),
        (None, -30, 2),
        ("EXACT_CAPACITY", 7, 7),
        ("PERCENT_CHANGE_IN_CAPACITY", 50, 7),
        ("PERCENT_CHANGE_IN_CAPACITY", -1, 4),
    ],
)
def test_an_adjustment_stays_within_the_constraints(kind: str | None, change: int, wanted: int) -> None:
    action = {"ScalingAdjustment": change, **({"AdjustmentType": kind} if kind else {})}
    assert adjusted(5, action, {"MinCapacity": 2, "MaxCapacity": 10}) == wanted
