"""The pipeline's job: as a step, and the same command by hand on YARN and without it."""

import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.emr import step, wait
from bench.report import Report
from windtunnel.hadoop import cluster as hadoop

BUCKET = "airflow-salary-pipeline-local"
JOB = (
    f"s3://{BUCKET}/spark/average_salary.py",
    *("--features", f"s3://{BUCKET}/data/train_features.csv"),
    *("--salaries", f"s3://{BUCKET}/data/train_salaries.csv"),
)


def measure(emr: Any, kept: str, daemons: hadoop.Cluster, repeat: int, report: Report) -> None:
    """The sides take turns on one cluster."""
    report.say("the pipeline's job as a step, by hand on the same YARN, and on local[*]")
    executors = _spark_default(daemons, "spark.executor.defaultJavaOptions")
    cores = _spark_default(daemons, "spark.executor.cores")
    # There the driver does an executor's work: with as many tasks at a time, and the JVM's same options.
    alike = ("--master", f"local[{cores}]", "--conf", f"spark.driver.defaultJavaOptions={executors}")
    sides: dict[str, list[float]] = {"step": [], "hand": [], "alike": [], "local": []}
    for _ in range(repeat):
        sides["step"].append(_as_step(emr, kept))
        sides["hand"].append(_by_hand(daemons))
        sides["alike"].append(_by_hand(daemons, *alike))
        sides["local"].append(_by_hand(daemons, "--master", "local[*]"))
    report.ratio("step over the same spark-submit by hand", sides["step"], sides["hand"], "<= 1.05")
    report.ratio(f"step over local[{cores}], same JVM options", sides["step"], sides["alike"], "<= 1.1")
    report.ratio("step over bare local[*]", sides["step"], sides["local"], "<= 1.5")


def _as_step(emr: Any, cluster_id: str) -> float:
    """Seconds that the job takes as a step."""
    submit = step("spark-submit", "--deploy-mode", "client", *JOB, "--output", f"s3://{BUCKET}/bench/step/")
    [step_id] = emr.add_job_flow_steps(JobFlowId=cluster_id, Steps=[submit])["StepIds"]

    def status() -> Any:
        return emr.describe_step(ClusterId=cluster_id, StepId=step_id)["Step"]["Status"]

    # As seldom as a sensor asks: the end is in the timeline, and asking takes time from the step.
    wait(lambda: status()["State"] in ("COMPLETED", "FAILED"), seconds=2)
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


def _spark_default(daemons: hadoop.Cluster, name: str) -> str:
    lines = (daemons.spec.spark_conf / "spark-defaults.conf").read_text().splitlines()
    return next(line.partition(" ")[2] for line in lines if line.startswith(f"{name} "))
