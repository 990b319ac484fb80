"""Describe and List requests a second: ours beside moto's server, over one connection each, in turns."""

import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import boto3
import httpx
from tenacity import retry, stop_after_delay, wait_fixed

from bench.emr import step
from bench.report import Report
from tests.ports import free_port
from windtunnel.stack.settings import REGION, Settings

SECONDS = 1.5
OPERATIONS = (
    *("DescribeCluster", "ListClusters", "DescribeStep", "ListSteps", "ListInstanceGroups"),
    *("ListBootstrapActions", "ListInstances"),
)
AUTHORIZATION = (
    f"AWS4-HMAC-SHA256 Credential=test/20260101/{REGION}/elasticmapreduce/aws4_request, "
    "SignedHeaders=host, Signature=0"
)


def measure(settings: Settings, repeat: int, report: Report) -> None:
    """The same requests to both, in turns."""
    report.say("requests beside moto's server")
    port = free_port()
    server = Path(sys.executable).with_name("moto_server")
    moto = f"http://127.0.0.1:{port}"
    with subprocess.Popen(
        [server, "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            ours, theirs = _cluster(settings.emr_url), _cluster(moto)
            for operation in OPERATIONS:
                rates = [
                    (_rate(settings.emr_url, operation, ours), _rate(moto, operation, theirs))
                    for _ in range(repeat)
                ]
                us, them = (median(side) for side in zip(*rates, strict=True))
                figure = f"{us / them:.1f}  ({us:.0f}/s over {them:.0f}/s)"
                report.add(f"{operation} over moto's server", figure, ">= 2")
        finally:
            process.terminate()


@retry(stop=stop_after_delay(60), wait=wait_fixed(0.2))
def _cluster(url: str) -> dict[str, str]:
    """A cluster to describe, which ends as soon as it is up, and its step."""
    emr: Any = boto3.client(
        "emr", endpoint_url=url, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
    )
    instances = {"MasterInstanceType": "m5.xlarge", "InstanceCount": 1, "KeepJobFlowAliveWhenNoSteps": False}
    made = emr.run_job_flow(
        Name="bench", ReleaseLabel="emr-7.13.0", Instances=instances, Steps=[step("true")]
    )["JobFlowId"]
    [listed] = emr.list_steps(ClusterId=made)["Steps"]
    emr.terminate_job_flows(JobFlowIds=[made])
    return {"ClusterId": str(made), "StepId": str(listed["Id"])}


def _rate(url: str, operation: str, known: dict[str, str]) -> float:
    """Requests a second."""
    takes = {"ListClusters": (), "DescribeStep": ("ClusterId", "StepId")}.get(operation, ("ClusterId",))
    body = json.dumps({name: known[name] for name in takes})
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": f"ElasticMapReduce.{operation}",
        "Authorization": AUTHORIZATION,
    }
    with httpx.Client(trust_env=False) as client:
        began, count = time.monotonic(), 0
        while time.monotonic() - began < SECONDS:
            client.post(url, content=body, headers=headers).raise_for_status()
            count += 1
        return count / (time.monotonic() - began)
