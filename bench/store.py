"""Describe and List calls on a store with 1,000 clusters and 20,000 steps beside the same calls on an empty one."""

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from bench.report import Report
from windtunnel.aws.context import RequestContext
from windtunnel.emr.clusters import create_cluster
from windtunnel.emr.operations import emr_service
from windtunnel.emr.schema import Step
from windtunnel.emr.states import ClusterState, StepState
from windtunnel.emr.store import Store

CLUSTERS, STEPS = 1_000, 20
CALLS = 300
CONTEXT = RequestContext("us-east-1", "000000000000", "", "test")
REQUEST: dict[str, Any] = {
    "Name": "bench",
    "ReleaseLabel": "emr-7.13.0",
    "Instances": {"MasterInstanceType": "m5.xlarge", "InstanceCount": 3, "KeepJobFlowAliveWhenNoSteps": True},
    "Steps": [
        {
            "Name": f"step {number}",
            "ActionOnFailure": "CONTINUE",
            "HadoopJarStep": {"Jar": "command-runner.jar", "Args": ["spark-submit", "s3://bucket/job.py"]},
        }
        for number in range(STEPS)
    ],
}
LOOKS: dict[str, dict[str, Any]] = {
    "DescribeCluster": {"ClusterId": "j"},
    "ListSteps": {"ClusterId": "j"},
    "DescribeStep": {"ClusterId": "j", "StepId": "s"},
    "ListInstanceGroups": {"ClusterId": "j"},
    "ListClusters": {"ClusterStates": ["WAITING"]},
}


def measure(repeat: int, report: Report) -> None:
    """The same calls to both, in turns; what HTTP costs is the same for both and left out."""
    report.say("Calls on a full store beside an empty one")
    with tempfile.TemporaryDirectory(prefix="windtunnel-bench-") as folder:
        full, empty = Store(Path(folder) / "full.sqlite"), Store(Path(folder) / "empty.sqlite")
        for db, clusters in ((full, CLUSTERS), (empty, 1)):
            _fill(db, clusters)
        for operation, request in LOOKS.items():
            sides = [
                (_seconds(full, operation, request), _seconds(empty, operation, request))
                for _ in range(repeat)
            ]
            ours, theirs = (median(side) for side in zip(*sides, strict=True))
            figure = f"{ours / theirs:.2f}  ({ours * 1000:.2f} ms over {theirs * 1000:.2f} ms)"
            report.add(f"{operation}, {CLUSTERS:,} clusters over one", figure, "<= 1.2")
        full.close()
        empty.close()


def _fill(db: Store, count: int) -> None:
    """Clusters that have ended, and in the middle of them one that waits: the one that is asked about."""
    for number in range(count):
        with db.transaction() as session:
            cluster = create_cluster(session, REQUEST, CONTEXT)
            asked = number == count // 2
            cluster.state = ClusterState.WAITING if asked else ClusterState.TERMINATED
            for step in session.query(Step).where(Step.cluster_id == cluster.id):
                step.state = StepState.COMPLETED


def _seconds(db: Store, operation: str, request: dict[str, Any]) -> float:
    """Of one call, in the median."""
    emr = emr_service(db)
    [asked] = emr.handler("ListClusters")(CONTEXT, {"ClusterStates": ["WAITING"]})["Clusters"]  # type: ignore[index]
    [step, *_] = emr.handler("ListSteps")(CONTEXT, {"ClusterId": asked["Id"]})["Steps"]  # type: ignore[index]
    known = {"j": asked["Id"], "s": step["Id"]}
    told = {
        name: known.get(value, value) if isinstance(value, str) else value for name, value in request.items()
    }
    took = []
    for _ in range(CALLS):
        began = time.perf_counter()
        emr.handler(operation)(CONTEXT, told)
        took.append(time.perf_counter() - began)
    return median(took)
