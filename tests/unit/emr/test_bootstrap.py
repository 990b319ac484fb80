"""Bootstrap actions: on each node, in their order, before the cluster is up. The scripts are real ones."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.behaviours import behaviour
from tests.emr import Emr, is_alive
from tests.waiting import eventually
from windtunnel.emr.bootstrap import holds

ABOUT = {"instance": {"isMaster": True, "instanceRole": "master"}, "job-flow": {"instanceCount": 3}}


def action(script: Path | str, *args: str) -> dict[str, Any]:
    return {"Name": "an action", "ScriptBootstrapAction": {"Path": str(script), "Args": list(args)}}


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@behaviour(
    "bootstrap",
    "Bootstrap actions run on each node in their order; the cluster is BOOTSTRAPPING meanwhile.",
)
def test_actions_run_on_each_node_in_their_order_before_the_cluster_is_up(emr: Emr, tmp_path: Path) -> None:
    out, go = tmp_path / "out", tmp_path / "go"
    says = written(tmp_path / "says.sh", f'echo "$WINDTUNNEL_NODE $1" >> {out}\n')
    waits = written(tmp_path / "waits.sh", f"until test -e {go}; do sleep 0.05; done\n")
    cluster = emr.run(BootstrapActions=[action(says, "first"), action(says, "second"), action(waits)])

    def all_have_said_both() -> list[str]:
        lines = out.read_text().splitlines() if out.exists() else []
        assert len(lines) == 6
        return lines

    lines = eventually(all_have_said_both)
    assert emr.cluster(cluster)[0] == "BOOTSTRAPPING"
    go.touch()
    emr.wait(cluster, "WAITING")
    nodes = {one["Ec2InstanceId"] for one in emr.client.list_instances(ClusterId=cluster)["Instances"]}
    assert {line.split()[0] for line in lines} == nodes
    for node in nodes:
        assert [line.split()[1] for line in lines if line.startswith(node)] == ["first", "second"]


@behaviour(
    "bootstrap",
    'A bootstrap action with a non-zero exit ends the cluster: BOOTSTRAP_FAILURE, "… bootstrap action'
    ' 1 returned a non-zero return code".',
    "observed",
)
def test_an_action_that_fails_ends_the_cluster_and_says_where_its_logs_are(emr: Emr, tmp_path: Path) -> None:
    fails = written(tmp_path / "fails.sh", "echo no such package >&2; exit 4\n")
    reason = emr.wait(emr.run(BootstrapActions=[action(fails)]), "TERMINATED_WITH_ERRORS")
    assert reason.startswith("BOOTSTRAP_FAILURE On the master instance (i-")
    assert "bootstrap action 1 returned a non-zero return code" in reason
    assert "no such package" in (Path(reason.rpartition("Logs: ")[2]) / "stderr").read_text()


@behaviour(
    "bootstrap",
    "A bootstrap action that fails on the master node is told by ErrorDetails too, with its number and return code.",
)
def test_the_details_of_an_action_that_failed_are_for_programs_to_read(emr: Emr, tmp_path: Path) -> None:
    fails = written(tmp_path / "fails.sh", "exit 4\n")
    cluster = emr.run(BootstrapActions=[action(fails)])
    emr.wait(cluster, "TERMINATED_WITH_ERRORS")
    [listed] = emr.client.list_clusters(ClusterStates=["TERMINATED_WITH_ERRORS"])["Clusters"]
    [detail] = listed["Status"]["ErrorDetails"]
    assert detail["ErrorCode"] == "BOOTSTRAP_FAILURE_PRIMARY_WITH_NON_ZERO_CODE"
    assert detail["ErrorMessage"] == listed["Status"]["StateChangeReason"]["Message"]
    [data] = detail["ErrorData"]
    assert (data["bootstrap-action"], data["return-code"], data["amazon-s3-path"]) == ("1", "4", str(fails))
    assert data["primary-instance-id"].startswith("i-")


def test_a_cluster_that_ends_well_has_no_error_details(emr: Emr) -> None:
    cluster = emr.run(Instances={"KeepJobFlowAliveWhenNoSteps": False})
    emr.wait(cluster, "TERMINATED")
    assert "ErrorDetails" not in emr.client.describe_cluster(ClusterId=cluster)["Cluster"]["Status"]


@behaviour("bootstrap", "A bootstrap action that does not end in time ends the cluster.")
def test_an_action_that_takes_too_long_ends_the_cluster_and_is_ended(
    emr: Emr, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = tmp_path / "pid"
    sleeps = written(tmp_path / "sleeps.sh", f"echo $$ > {pid}; exec sleep 1000\n")
    cluster = emr.run(BootstrapActions=[action(sleeps)])

    def is_up() -> int:
        assert pid.exists() and pid.read_text().strip()
        return int(pid.read_text())

    sleeping = eventually(is_up)
    monkeypatch.setattr("windtunnel.emr.bootstrap.MOST_SECONDS", 0)
    reason = emr.wait(cluster, "TERMINATED_WITH_ERRORS")
    assert "BOOTSTRAP_FAILURE" in reason and "did not end within 0 minutes" in reason
    assert not is_alive(sleeping)


@behaviour(
    "bootstrap",
    "instance.json and job-flow.json tell a node's actions whether it is the master, and of what cluster.",
)
def test_a_node_tells_its_actions_what_it_is(emr: Emr, tmp_path: Path) -> None:
    reads = written(
        tmp_path / "reads.sh", f'cat "$WINDTUNNEL_NODE_INFO"/*.json >> {tmp_path}/$WINDTUNNEL_NODE\n'
    )
    cluster = emr.run(BootstrapActions=[action(reads)])
    emr.wait(cluster, "WAITING")
    for instance in emr.client.list_instances(ClusterId=cluster, InstanceGroupTypes=["MASTER"])["Instances"]:
        text = (tmp_path / instance["Ec2InstanceId"]).read_text()
        about_instance, about_cluster = (json.loads(part) for part in text.replace("}{", "}\n{").splitlines())
        assert (about_instance["isMaster"], about_instance["instanceRole"]) == (True, "master")
        assert about_instance["isRunningNameNode"] and not about_instance["isRunningDataNode"]
        assert (about_cluster["jobFlowId"], about_cluster["instanceCount"]) == (cluster, 3)
        types = about_cluster["masterInstanceType"], about_cluster["slaveInstanceType"]
        assert types == ("m5.xlarge", "m5.xlarge")
        of_groups = about_cluster["instanceGroups"]
        assert [
            (one["instanceRole"], one["marketType"], one["requestedInstanceCount"]) for one in of_groups
        ] == [
            ("Master", "OnDemand", 1),
            ("Core", "OnDemand", 2),
        ]


@behaviour(
    "bootstrap",
    "The bootstrap action run-if runs a script or a command on the nodes that meet its condition.",
)
def test_run_if_runs_a_script_or_a_command_where_its_condition_is_met(emr: Emr, tmp_path: Path) -> None:
    out = tmp_path / "out"
    says = written(tmp_path / "says.sh", f'echo "$1" >> {out}\n')
    run_if = "s3://us-east-1.elasticmapreduce/bootstrap-actions/run-if"
    actions = [
        action(run_if, "instance.isMaster=true", str(says), "the master"),
        action(run_if, "instance.isMaster=false", f"echo a worker >> {out}"),
        action(run_if, "instance.isMaster=maybe", f"echo nobody >> {out}"),
    ]
    emr.wait(emr.run(BootstrapActions=actions), "WAITING")
    assert sorted(out.read_text().splitlines()) == ["a worker", "a worker", "the master"]


@pytest.mark.parametrize(
    ("condition", "met"),
    [
        ("instance.isMaster=true", True),
        ("instance.isMaster=false", False),
        ("instance.instanceRole=master", True),
        ("job-flow.instanceCount=3", True),
        ("instance.never=true", False),
        ("never.isMaster=true", False),
        ("isMaster", False),
    ],
)
def test_conditions_are_looked_up_in_what_the_node_is(condition: str, met: bool) -> None:
    assert holds(condition, ABOUT) is met
