"""Describe and List requests a second: ours beside moto's server, over one connection each, in turns."""

import http.client
import json
import subprocess
import sys
import time
from http import HTTPStatus
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import boto3
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
TAKES = {"ListClusters": ("CreatedAfter",), "DescribeStep": ("ClusterId", "StepId")}
"""Members of an operation's request; all others take the ClusterId."""
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
def _cluster(url: str) -> dict[str, str | int]:
    """A cluster to describe, which ends as soon as it is up, its step, and a time since which there is no other."""
    since = int(time.time())
    emr: Any = boto3.client(
        "emr", endpoint_url=url, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
    )
    instances = {"MasterInstanceType": "m5.xlarge", "InstanceCount": 1, "KeepJobFlowAliveWhenNoSteps": False}
    made = emr.run_job_flow(
        Name="bench", ReleaseLabel="emr-7.13.0", Instances=instances, Steps=[step("true")]
    )["JobFlowId"]
    [listed] = emr.list_steps(ClusterId=made)["Steps"]
    emr.terminate_job_flows(JobFlowIds=[made])
    return {"ClusterId": str(made), "StepId": str(listed["Id"]), "CreatedAfter": since}


def _rate(url: str, operation: str, known: dict[str, str | int]) -> float:
    """Requests a second."""
    takes = TAKES.get(operation, ("ClusterId",))
    body = json.dumps({name: known[name] for name in takes})
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": f"ElasticMapReduce.{operation}",
        "Authorization": AUTHORIZATION,
    }
    # Of all clients the one that takes least of the time that is measured.
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    began, count = time.monotonic(), 0
    while time.monotonic() - began < SECONDS:
        connection.request("POST", "/", body, headers)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != HTTPStatus.OK:
            raise SystemExit(f"{operation} at {url}: {said.decode()}")
        count += 1
    connection.close()
    return count / (time.monotonic() - began)
