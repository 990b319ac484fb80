"""The clients that people use, against the service with real daemons: boto3's waiters, the AWS CLI."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.behaviours import behaviour
from tests.integration.emr.conftest import Stack
from windtunnel.stack.environment import aws_variables

SOON: Any = {"Delay": 1, "MaxAttempts": 600}


@behaviour(
    "boto3",
    "The waiters cluster_running, step_complete and cluster_terminated end when a cluster and its "
    "step get there.",
)
def test_boto3s_waiters_see_a_cluster_and_its_step_through(stack: Stack) -> None:
    step: Any = {
        "Name": "says",
        "ActionOnFailure": "TERMINATE_CLUSTER",
        "HadoopJarStep": {"Jar": "command-runner.jar", "Args": ["hdfs", "dfs", "-ls", "/"]},
    }
    cluster = stack.run(Steps=[step], Instances={"KeepJobFlowAliveWhenNoSteps": False})
    stack.emr.get_waiter("cluster_running").wait(ClusterId=cluster, WaiterConfig=SOON)
    [listed] = stack.emr.list_steps(ClusterId=cluster)["Steps"]
    stack.emr.get_waiter("step_complete").wait(ClusterId=cluster, StepId=listed["Id"], WaiterConfig=SOON)
    stack.emr.get_waiter("cluster_terminated").wait(ClusterId=cluster, WaiterConfig=SOON)
    assert "/user" in stack.output(cluster, listed["Id"])


@behaviour(
    "cli",
    "create-cluster with --instance-type, --instance-count, --applications, --use-default-roles and "
    "--steps in shorthand makes a cluster that runs them.",
)
def test_the_aws_cli_creates_follows_and_terminates_a_cluster(stack: Stack) -> None:
    created = _aws(
        stack,
        *("create-cluster", "--name", "from the CLI", "--release-label", "emr-7.13.0"),
        *("--applications", "Name=Spark", "--instance-type", "m5.xlarge", "--instance-count", "2"),
        *("--use-default-roles", "--no-auto-terminate"),
        "--steps",
        "Type=CUSTOM_JAR,Name=says,ActionOnFailure=CONTINUE,Jar=command-runner.jar,Args=[echo,hello]",
    )
    cluster = created["ClusterId"]
    [step] = _aws(stack, "list-steps", "--cluster-id", cluster)["Steps"]
    stack.wait_for_step(cluster, step["Id"], "COMPLETED")
    shown = _aws(stack, "describe-step", "--cluster-id", cluster, "--step-id", step["Id"])["Step"]
    assert (shown["Name"], shown["Status"]["State"]) == ("says", "COMPLETED")
    assert stack.output(cluster, step["Id"]) == "hello\n"
    _aws(stack, "terminate-clusters", "--cluster-ids", cluster)
    stack.wait_for_cluster(cluster, "TERMINATED")


def _aws(stack: Stack, *arguments: str) -> Any:
    aws = Path(sys.executable).with_name("aws")
    environment = {"PATH": os.environ["PATH"], **aws_variables(stack.settings)}
    done = subprocess.run(
        [aws, "emr", *arguments], env=environment, check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout) if done.stdout.strip() else None
