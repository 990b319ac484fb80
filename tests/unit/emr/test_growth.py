"""What grows with every cluster is the store and the logs, nothing else; and a full store answers like an empty one."""

import re
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import event

from tests.emr import Emr, step
from windtunnel.emr.logs import log_folders
from windtunnel.hadoop.spec import CLUSTER_VARIABLE

CLUSTERS = 100
POOL = "cluster_"
"""Threads of the reconciler's pool, which are made as they are needed and stay."""
KEPT = {
    "controller",
    "stderr",
    "stdout",
    "syslog",
    "request.json",
    "lock",
    "started",
    "pid",
    "exit.json",
    "shim.log",
}


def holdings() -> dict[str, Any]:
    """What this process has of the machine's."""
    me = psutil.Process()
    return {
        "handles": me.num_fds(),
        "files": sorted(file.path for file in me.open_files()),
        "children": sorted(child.pid for child in me.children(recursive=True)),
        "threads": sorted(one.name for one in threading.enumerate() if not one.name.startswith(POOL)),
    }


def one_cluster(emr: Emr) -> str:
    """From its request to its end, with a bootstrap action and two steps."""
    action = {"Name": "boots", "ScriptBootstrapAction": {"Path": "-c", "Args": ["true"]}}
    ends = {"InstanceCount": 2, "KeepJobFlowAliveWhenNoSteps": False}
    steps = step("bash", "-c", "sleep 1000 & true"), step("false")
    cluster = emr.run(*steps, Instances=ends, BootstrapActions=[action])
    emr.wait(cluster, "TERMINATED", ["COMPLETED", "FAILED"])
    return cluster


@pytest.mark.soak
def test_a_hundred_clusters_leave_nothing_but_their_logs(
    emr: Emr, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    for _ in range(10):  # threads, connections and caches that are made once
        one_cluster(emr)
    before = holdings()
    for _ in range(CLUSTERS):
        cluster = one_cluster(emr)
        left = {path.name for path in emr.runtime.folder(cluster).path.rglob("*") if path.is_file()}
        assert left <= KEPT, left
        assert len(list(log_folders(emr.runtime.folder(cluster)))) == 4
    after = holdings()
    assert after["threads"] == before["threads"]
    assert after["handles"] <= before["handles"] + 2, (before, after)  # a client's connection or two
    assert after["children"] == before["children"]
    assert list(temporary.iterdir()) == []
    assert len(after["files"]) <= len(before["files"]) + 2, (before, after)
    assert emr.reconciler._clusters == {}
    assert [one for one in psutil.process_iter() if _is_of_a_cluster(one)] == []


def _is_of_a_cluster(process: psutil.Process) -> bool:
    try:
        return process.environ().get(CLUSTER_VARIABLE, "").startswith("j-") and "tests" in process.cwd()
    except psutil.Error:
        return False


LOOKS: dict[str, dict[str, Any]] = {
    "describe_cluster": {"ClusterId": "j"},
    "list_steps": {"ClusterId": "j"},
    "describe_step": {"ClusterId": "j", "StepId": "s"},
    "list_instances": {"ClusterId": "j"},
    "list_instance_groups": {"ClusterId": "j"},
    "list_bootstrap_actions": {"ClusterId": "j"},
    "list_clusters": {},
}
SCANS = re.compile(r"^SCAN (?!CONSTANT)")


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Emr, set[str]]]:
    """A service, and the SELECTs that were sent to its store by now."""
    emr = Emr(tmp_path_factory.mktemp("emr"), {})
    seen: set[str] = set()

    def remember(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("SELECT"):
            seen.add(statement)

    event.listen(emr.store._engine, "before_cursor_execute", remember)
    yield emr, seen
    emr.stop()


def test_no_query_reads_a_whole_table(watched: tuple[Emr, set[str]]) -> None:
    """Whoever asks, a client or the reconciler: each SELECT finds its rows by an index."""
    emr, seen = watched
    cluster = emr.run(step("false"), step("true"))
    emr.wait(cluster, "WAITING", ["FAILED", "COMPLETED"])
    step_id = emr.client.list_steps(ClusterId=cluster)["Steps"][0]["Id"]
    for operation, request in LOOKS.items():
        known = {"j": cluster, "s": step_id}
        getattr(emr.client, operation)(**{name: known[value] for name, value in request.items()})
    emr.client.list_steps(ClusterId=cluster, StepStates=["FAILED"])
    emr.client.list_clusters(ClusterStates=["RUNNING"])
    emr.client.terminate_job_flows(JobFlowIds=[cluster])
    emr.wait(cluster, "TERMINATED")
    emr.reconciler.save_late_logs()
    assert len(seen) > 10
    scanning = {}
    with sqlite3.connect(emr.config.database) as connection:
        for statement in seen:
            plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}", [None] * statement.count("?"))
            details = [row[3] for row in plan]
            # What is found by its state is few, and may be sorted.
            sorts = "state=?)" not in details[0] and any("TEMP B-TREE" in detail for detail in details)
            if sorts or any(SCANS.match(detail) for detail in details):
                scanning[statement] = details
    assert scanning == {}
