"""Amazon EMR as the measurements use it."""

from collections.abc import Callable
from typing import Any

import boto3
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from windtunnel.stack.environment import aws_variables
from windtunnel.stack.settings import Settings


def client(settings: Settings) -> Any:
    """boto3's client of the stack."""
    variables = aws_variables(settings)
    session = boto3.Session(variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"])
    return session.client("emr", endpoint_url=settings.emr_url, region_name=variables["AWS_REGION"])


def end(emr: Any, cluster_id: str) -> None:
    """Terminate a cluster; returns when it is."""
    emr.terminate_job_flows(JobFlowIds=[cluster_id])
    wait(lambda: state(emr, cluster_id) == "TERMINATED")


def end_badly(emr: Any, cluster_id: str) -> None:
    """End a cluster by a step that fails: after such an end no spare is started, and the next start is a cold one."""
    last = {**step("false"), "ActionOnFailure": "TERMINATE_CLUSTER"}
    emr.add_job_flow_steps(JobFlowId=cluster_id, Steps=[last])
    wait(lambda: state(emr, cluster_id) == "TERMINATED_WITH_ERRORS")


def state(emr: Any, cluster_id: str) -> str:
    """The state of a cluster."""
    return str(emr.describe_cluster(ClusterId=cluster_id)["Cluster"]["Status"]["State"])


def step(*argv: str) -> dict[str, Any]:
    """A step that runs this command."""
    jar = {"Jar": "command-runner.jar", "Args": list(argv)}
    return {"Name": "bench", "ActionOnFailure": "CONTINUE", "HadoopJarStep": jar}


def wait(reached: Callable[[], bool], seconds: float = 0.1) -> None:
    """Ask so often until it is so."""
    retry(retry=retry_if_result(lambda seen: not seen), wait=wait_fixed(seconds), stop=stop_after_delay(600))(
        reached
    )()
