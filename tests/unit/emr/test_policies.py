"""Policies and attributes of one cluster: auto-termination ends it, others are kept and shown."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.behaviours import behaviour
from tests.emr import Emr, step
from windtunnel.emr.steps import add_steps, cancel_steps
from windtunnel.emr.store import find_cluster


def _in_two_minutes() -> Any:
    import time

    real = time.time
    return lambda: real() + 120


@behaviour("policies", "A cluster that is idle for the IdleTimeout of its auto-termination policy ends.")
def test_an_idle_cluster_ends_by_its_auto_termination_policy(
    emr: Emr, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = emr.run(AutoTerminationPolicy={"IdleTimeout": 60})
    emr.wait(cluster, "WAITING")
    monkeypatch.setattr("windtunnel.emr.cluster_reconciler.time.time", _in_two_minutes())
    emr.wait(cluster, "TERMINATED")


@behaviour(
    "policies",
    "A step that is cancelled before it ran leaves the auto-termination policy at work.",
    "believed",
)
def test_a_step_that_never_ran_does_not_switch_auto_termination_off(
    emr: Emr, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = emr.run(AutoTerminationPolicy={"IdleTimeout": 60})
    emr.wait(cluster, "WAITING")
    with emr.store.transaction() as session:  # no look at the cluster in between
        row = find_cluster(session, cluster)
        assert row
        [added] = add_steps(session, row, [step("true")])
        cancel_steps(session, row, [added], "SEND_INTERRUPT")
    monkeypatch.setattr("windtunnel.emr.cluster_reconciler.time.time", _in_two_minutes())
    emr.wait(cluster, "TERMINATED", ["CANCELLED"])


@behaviour(
    "policies",
    "PutAutoTerminationPolicy sets or replaces the policy of a running cluster; "
    "GetAutoTerminationPolicy shows it.",
)
@behaviour("policies", "RemoveAutoTerminationPolicy leaves a cluster up, however idle.")
@behaviour(
    "policies",
    "GetAutoTerminationPolicy of a cluster without one answers an empty structure.",
    "observed",
)
def test_an_auto_termination_policy_is_put_shown_and_removed_and_then_ends_nothing(
    emr: Emr, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = emr.run()
    assert "AutoTerminationPolicy" not in emr.client.get_auto_termination_policy(ClusterId=cluster)
    policy: Any = {"IdleTimeout": 90}
    emr.client.put_auto_termination_policy(ClusterId=cluster, AutoTerminationPolicy=policy)
    assert emr.client.get_auto_termination_policy(ClusterId=cluster)["AutoTerminationPolicy"] == policy
    with pytest.raises(ClientError, match="from 60 to 604800 seconds"):
        emr.client.put_auto_termination_policy(ClusterId=cluster, AutoTerminationPolicy={"IdleTimeout": 1})
    kept = emr.run()
    emr.client.put_auto_termination_policy(ClusterId=kept, AutoTerminationPolicy=policy)
    emr.client.remove_auto_termination_policy(ClusterId=kept)
    for one in (cluster, kept):
        emr.wait(one, "WAITING")
    monkeypatch.setattr("windtunnel.emr.cluster_reconciler.time.time", _in_two_minutes())
    emr.wait(cluster, "TERMINATED")
    assert emr.cluster(kept)[0] == "WAITING"
    with pytest.raises(ClientError, match="may not be modified"):
        emr.client.put_auto_termination_policy(ClusterId=cluster, AutoTerminationPolicy=policy)


@behaviour(
    "instances",
    'ListInstanceFleets of a cluster of instance groups is an InvalidRequestException: "Instance '
    'fleets and instance groups are mutually exclusive. …"',
    "observed",
)
@behaviour(
    "scaling",
    "GetManagedScalingPolicy of a cluster without one answers an empty structure.",
    "observed",
)
def test_what_only_other_clusters_have_is_told_as_what_it_is(emr: Emr) -> None:
    cluster = emr.run()
    assert "ManagedScalingPolicy" not in emr.client.get_managed_scaling_policy(ClusterId=cluster)
    with pytest.raises(ClientError, match="mutually exclusive"):
        emr.client.list_instance_fleets(ClusterId=cluster)


@behaviour(
    "policies",
    "SetVisibleToAllUsers and SetUnhealthyNodeReplacement change what DescribeCluster shows.",
)
def test_attributes_that_nothing_depends_on_are_kept_and_shown(emr: Emr) -> None:
    cluster = emr.run()
    emr.client.set_visible_to_all_users(JobFlowIds=[cluster], VisibleToAllUsers=False)
    emr.client.set_unhealthy_node_replacement(JobFlowIds=[cluster], UnhealthyNodeReplacement=True)
    shown = emr.client.describe_cluster(ClusterId=cluster)["Cluster"]
    assert (shown["VisibleToAllUsers"], shown["UnhealthyNodeReplacement"]) == (False, True)
