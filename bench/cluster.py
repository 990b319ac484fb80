"""Clusters and steps: how long until one runs, and what a step costs beside the same command by hand."""

import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import boto3
import httpx
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from bench.report import Report
from windtunnel.cli.serve import emr_config
from windtunnel.emr import store
from windtunnel.emr.folders import ClusterFolder
from windtunnel.emr.runtime import Runtime
from windtunnel.emr.store import Store
from windtunnel.hadoop import cluster as hadoop
from windtunnel.hadoop.daemons import master_request
from windtunnel.hadoop.spec import NAME_NODE
from windtunnel.install.progress import SILENT
from windtunnel.stack.environment import aws_variables
from windtunnel.stack.settings import Settings

BUCKET = "airflow-salary-pipeline-local"
JOB = (
    f"s3://{BUCKET}/spark/average_salary.py",
    *("--features", f"s3://{BUCKET}/data/train_features.csv"),
    *("--salaries", f"s3://{BUCKET}/data/train_salaries.csv"),
)


def measure(settings: Settings, repeat: int, report: Report) -> None:
    """Cold starts, then one cluster on which the sides take turns."""
    variables = aws_variables(settings)
    session = boto3.Session(variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"])
    emr = session.client("emr", endpoint_url=settings.emr_url, region_name=variables["AWS_REGION"])
    report.say("clusters from RunJobFlow to their first step")
    starts = [_start(emr) for _ in range(repeat)]
    for cluster_id, *_ in starts[:-1]:
        _end(emr, cluster_id)
    kept = starts[-1][0]
    daemons = _daemons(settings, kept)
    by_hand = [_one_daemon(daemons) for _ in range(repeat)]
    up, step = sorted(start[1] for start in starts), sorted(start[2] for start in starts)
    report.add("RunJobFlow to the first step running", f"{step[len(step) // 2]:.1f} s", "<= 10 s")
    report.ratio("RunJobFlow to RUNNING over one NameNode by hand", up, by_hand)
    latencies = [_to_start(emr, settings, kept) for _ in range(3 * repeat)]
    report.add("AddJobFlowSteps to the start of its process", f"{median(latencies):.2f} s", "<= 0.2 s")
    report.say("the pipeline's job as a step, by hand on the same YARN, and on local[*]")
    sides: dict[str, list[float]] = {"step": [], "hand": [], "local": []}
    for _ in range(repeat):
        sides["step"].append(_as_step(emr, kept))
        sides["hand"].append(_by_hand(daemons))
        sides["local"].append(_by_hand(daemons, "--master", "local[*]"))
    report.ratio("step over the same spark-submit by hand", sides["step"], sides["hand"], "<= 1.05")
    report.ratio("step over bare local[*]", sides["step"], sides["local"], "<= 1.5")
    _end(emr, kept)


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
        Steps=[_step("true")],
    )["JobFlowId"]
    _wait(lambda: emr.describe_cluster(ClusterId=cluster_id)["Cluster"]["Status"]["State"] == "WAITING")
    timeline = emr.describe_cluster(ClusterId=cluster_id)["Cluster"]["Status"]["Timeline"]
    [step] = emr.list_steps(ClusterId=cluster_id)["Steps"]
    created = timeline["CreationDateTime"]
    up = (timeline["ReadyDateTime"] - created).total_seconds()
    return cluster_id, up, (step["Status"]["Timeline"]["StartDateTime"] - created).total_seconds()


def _to_start(emr: Any, settings: Settings, cluster_id: str) -> float:
    """Seconds from the request until the step's command runs, which is until its clock says so."""
    asked = time.time()
    [step_id] = emr.add_job_flow_steps(JobFlowId=cluster_id, Steps=[_step("date", "+%s.%N")])["StepIds"]
    _wait(
        lambda: (
            emr.describe_step(ClusterId=cluster_id, StepId=step_id)["Step"]["Status"]["State"] == "COMPLETED"
        )
    )
    log = ClusterFolder.of(emr_config(settings).state, cluster_id).step(step_id).log("stdout")
    return float(log.read_text()) - asked


def _end(emr: Any, cluster_id: str) -> None:
    emr.terminate_job_flows(JobFlowIds=[cluster_id])
    _wait(lambda: emr.describe_cluster(ClusterId=cluster_id)["Cluster"]["Status"]["State"] == "TERMINATED")


def _step(*argv: str) -> dict[str, Any]:
    jar = {"Jar": "command-runner.jar", "Args": list(argv)}
    return {"Name": "bench", "ActionOnFailure": "CONTINUE", "HadoopJarStep": jar}


def _as_step(emr: Any, cluster_id: str) -> float:
    """Seconds that the job takes as a step."""
    job = _step("spark-submit", "--deploy-mode", "client", *JOB, "--output", f"s3://{BUCKET}/bench/step/")
    [step_id] = emr.add_job_flow_steps(JobFlowId=cluster_id, Steps=[job])["StepIds"]

    def status() -> Any:
        return emr.describe_step(ClusterId=cluster_id, StepId=step_id)["Step"]["Status"]

    # As seldom as a sensor asks: the end is in the timeline, and asking takes time from the step.
    _wait(lambda: status()["State"] in ("COMPLETED", "FAILED"), seconds=2)
    if status()["State"] == "FAILED":
        raise SystemExit(f"the step failed: {status()['FailureDetails']}")
    timeline = status()["Timeline"]
    return float((timeline["EndDateTime"] - timeline["StartDateTime"]).total_seconds())


def _by_hand(daemons: hadoop.Cluster, *options: str) -> float:
    """Seconds that the same command takes from a shell on the master node."""
    command = ["spark-submit", *(options or ("--deploy-mode", "client")), *JOB]
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        environment = daemons.step_environment(Path(folder))
        subprocess.run(
            ["sh", "-c", 'exec "$@"', "sh", *command, "--output", f"s3://{BUCKET}/bench/hand/"],
            env=environment,
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return time.monotonic() - began


def _daemons(settings: Settings, cluster_id: str) -> hadoop.Cluster:
    """The cluster as the service knows it."""
    config = emr_config(settings)
    runtime, db = Runtime(config, SILENT), Store(config.database)
    with db.reading() as session:
        cluster = store.find_cluster(session, cluster_id)
        assert cluster is not None
        installed = runtime.install(cluster.release_label)
        return runtime.cluster(cluster, store.instance_groups(session, cluster_id), installed)


def _one_daemon(beside: hadoop.Cluster) -> float:
    """Seconds until a NameNode that is started by hand answers."""
    with tempfile.TemporaryDirectory() as folder:
        spec = replace(beside.spec, id="j-BENCH", folder=Path(folder), ports=hadoop.MasterPorts.allocate())
        alone = hadoop.Cluster(spec)
        alone.prepare()
        request = master_request(spec, [NAME_NODE])
        request.stdout.parent.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        with request.stdout.open("ab") as output:
            process = subprocess.Popen(
                request.argv,
                env=dict(request.environment),
                cwd=request.directory,
                stdout=output,
                stderr=output,
            )
        try:
            _wait(lambda: _answers(spec.name_node_url))
            return time.monotonic() - began
        finally:
            process.kill()
            process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/jmx", timeout=1, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def _wait(reached: Any, seconds: float = 0.1) -> None:
    retry(retry=retry_if_result(lambda seen: not seen), wait=wait_fixed(seconds), stop=stop_after_delay(600))(
        reached
    )()
