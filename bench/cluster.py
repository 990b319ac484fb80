"""Clusters: how long until one runs, what it needs while it idles, and how soon a step is started on it."""

import subprocess
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import psutil

from bench import job
from bench.emr import client, end, end_badly, state, step, wait
from bench.report import Report
from bench.stack import MIB
from windtunnel.cli.serve import emr_config
from windtunnel.emr import store
from windtunnel.emr.folders import ClusterFolder
from windtunnel.emr.runtime import Runtime
from windtunnel.emr.service import CLUSTERS_PATH
from windtunnel.emr.states import ClusterState
from windtunnel.emr.store import Store
from windtunnel.hadoop import cluster as hadoop
from windtunnel.hadoop.daemons import MAINS
from windtunnel.hadoop.environment import daemon_environment
from windtunnel.hadoop.jars import locked_jars, published
from windtunnel.hadoop.processes import with_variables
from windtunnel.hadoop.spec import CLUSTER_VARIABLE, NAME_NODE
from windtunnel.install.progress import SILENT
from windtunnel.stack.settings import Settings
from windtunnel.stack.status import memory_of

SETTLED_SECONDS = 3
"""After which the memory of a daemon that has started is what it stays."""


@dataclass(frozen=True)
class Alone:
    """One daemon by itself: seconds until it answers, and its memory some seconds later in MiB."""

    seconds: float
    memory: float


def measure(settings: Settings, repeat: int, report: Report) -> None:
    """Cold starts and daemons by hand in turns, a cluster on which the sides take turns, starts after one has ended."""
    emr = client(settings)
    report.say("clusters from RunJobFlow to their first step")
    starts, alone = [_start(emr)], []
    for _ in range(repeat):
        last = starts[-1][0]
        daemons = _daemons(settings, last)
        end_badly(emr, last)
        alone.append(_name_node(settings, daemons))
        starts.append(_start(emr))
    kept = starts[-1][0]
    daemons = _daemons(settings, kept)
    by_hand = [one.seconds for one in alone]
    first_step = median(start[2] for start in starts)
    report.add("RunJobFlow to the first step running", f"{first_step:.1f} s", "<= 10 s")
    cold = [start[1] for start in starts]
    report.ratio("RunJobFlow to RUNNING over one NameNode by hand", cold, by_hand, "<= 2")
    memory = sum(memory_of(process) for process in with_variables({CLUSTER_VARIABLE: kept})) / MIB
    of_one = [one.memory for one in alone]
    report.ratio("idle cluster of three over one NameNode, PSS", [memory], of_one, "<= 4", unit="MiB")
    latencies = [_to_start(emr, settings, kept) for _ in range(3 * repeat)]
    report.add("AddJobFlowSteps to the start of its process", f"{median(latencies):.2f} s", "<= 0.2 s")
    job.measure(emr, kept, daemons, repeat, report)
    report.say("clusters that start after one has ended")
    warm = []
    for _ in range(repeat):
        end(emr, kept)
        wait(lambda: _spare_is_ready(settings))
        kept, up, _ = _start(emr)
        warm.append(up)
    report.ratio("the same after a cluster has ended", warm, by_hand, "<= 0.5")
    end(emr, kept)


def _spare_is_ready(settings: Settings) -> bool:
    clusters = httpx.get(f"{settings.emr_url}{CLUSTERS_PATH}", trust_env=False).json()["clusters"]
    return [cluster["state"] for cluster in clusters] == [ClusterState.WAITING]


def _start(emr: Any) -> tuple[str, float, float]:
    """A new cluster: its id, seconds to RUNNING, seconds to its first step running."""
    group = {"InstanceType": "m5.xlarge"}
    cluster_id = emr.run_job_flow(
        Name="bench",
        ReleaseLabel="emr-7.13.0",
        Instances={
            "InstanceGroups": [
                {"InstanceRole": "MASTER", "InstanceCount": 1, **group},
                {"InstanceRole": "CORE", "InstanceCount": 2, **group},
            ],
            "KeepJobFlowAliveWhenNoSteps": True,
        },
        Steps=[step("true")],
    )["JobFlowId"]
    # The times are in the timeline, and asking takes some from the cluster.
    wait(lambda: state(emr, cluster_id) == "WAITING", seconds=1)
    timeline = emr.describe_cluster(ClusterId=cluster_id)["Cluster"]["Status"]["Timeline"]
    [first] = emr.list_steps(ClusterId=cluster_id)["Steps"]
    created = timeline["CreationDateTime"]
    up = (timeline["ReadyDateTime"] - created).total_seconds()
    return cluster_id, up, (first["Status"]["Timeline"]["StartDateTime"] - created).total_seconds()


def _to_start(emr: Any, settings: Settings, cluster_id: str) -> float:
    """Seconds from the request until the step's command runs, which is until its clock says so."""
    asked = time.time()
    [step_id] = emr.add_job_flow_steps(JobFlowId=cluster_id, Steps=[step("date", "+%s.%N")])["StepIds"]
    wait(
        lambda: (
            emr.describe_step(ClusterId=cluster_id, StepId=step_id)["Step"]["Status"]["State"] == "COMPLETED"
        )
    )
    log = ClusterFolder.of(emr_config(settings).state, cluster_id).step(step_id).log("stdout")
    return float(log.read_text()) - asked


def _daemons(settings: Settings, cluster_id: str) -> hadoop.Cluster:
    """The cluster as the service knows it."""
    config = emr_config(settings)
    runtime, db = Runtime(config, SILENT), Store(config.database)
    with db.reading() as session:
        cluster = store.find_cluster(session, cluster_id)
        assert cluster is not None
        installed = runtime.install(cluster.release_label)
        return runtime.cluster(cluster, store.instance_groups(session, cluster_id), installed)


def _name_node(settings: Settings, beside: hadoop.Cluster) -> Alone:
    """A NameNode as it is started by hand: Hadoop's published jars, its own main class, what Java does by itself.

    Our jar goes before them for its web pages: in Apache's own Hadoop, too, nobody has to unpack them from a large jar.
    """
    with tempfile.TemporaryDirectory() as folder:
        spec = replace(beside.spec, id="j-BENCH", folder=Path(folder), ports=hadoop.MasterPorts.allocate())
        hadoop.Cluster(spec).prepare()
        locked, pages = locked_jars(), spec.distribution.hadoop_jars[0]
        class_path = (pages, *published(locked.common + locked.hadoop, settings.cache), spec.conf)
        command = (str(spec.distribution.java), "-cp", ":".join(map(str, class_path)), MAINS[NAME_NODE])
        environment = daemon_environment(spec, None)
        # It speaks plain HTTP, and to read all root certificates takes time from it.
        http = httpx.Client(timeout=1, trust_env=False, verify=False)  # noqa: S501
        began = time.monotonic()
        with subprocess.Popen(
            command,
            env=environment,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                wait(lambda: _answers(http, spec.name_node_url))
                seconds = time.monotonic() - began
                wait(lambda: time.monotonic() - began > seconds + SETTLED_SECONDS)
                return Alone(seconds, memory_of(psutil.Process(process.pid)) / MIB)
            finally:
                process.kill()


def _answers(http: httpx.Client, url: str) -> bool:
    """Whether there is a NameNode, which answers before it has read what HDFS holds."""
    try:
        return http.get(f"{url}/jmx").is_success
    except httpx.HTTPError:
        return False
