"""The clients that people use, against the service with real daemons: boto3's waiters, the AWS CLI."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.behaviours import behaviour
from tests.integration.emr.conftest import BUCKET, Stack
from windtunnel.stack.environment import aws_variables

HEALTH_VIOLATIONS = """
import argparse
from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--data_source")
parser.add_argument("--output_uri")
given = parser.parse_args()
with SparkSession.builder.appName("Calculate Red Health Violations").getOrCreate() as spark:
    spark.read.option("header", "true").csv(given.data_source).createOrReplaceTempView("inspections")
    top = spark.sql(
        "SELECT name, count(*) AS total_red_violations FROM inspections WHERE violation_type = 'RED' "
        "GROUP BY name ORDER BY total_red_violations DESC LIMIT 10"
    )
    top.write.option("header", "true").mode("overwrite").csv(given.output_uri)
"""
INSPECTIONS = """name,inspection_result,inspection_closed_business,violation_type,violation_points
SUBWAY,Unsatisfactory,false,RED,25
SUBWAY,Unsatisfactory,false,BLUE,5
SUBWAY,Unsatisfactory,true,RED,10
T-MOBILE PARK,Satisfactory,false,RED,5
WHOLE FOODS MARKET,Unsatisfactory,false,RED,10
T-MOBILE PARK,Unsatisfactory,false,RED,10
SUBWAY,Unsatisfactory,false,RED,15
PHO VIET,Satisfactory,false,BLUE,0
"""
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
    cluster = stack.run(Steps=[step])
    stack.emr.get_waiter("cluster_running").wait(ClusterId=cluster, WaiterConfig=SOON)
    [listed] = stack.emr.list_steps(ClusterId=cluster)["Steps"]
    stack.emr.get_waiter("step_complete").wait(ClusterId=cluster, StepId=listed["Id"], WaiterConfig=SOON)
    stack.emr.terminate_job_flows(JobFlowIds=[cluster])
    stack.emr.get_waiter("cluster_terminated").wait(ClusterId=cluster, WaiterConfig=SOON)
    assert "/user" in stack.output(cluster, listed["Id"])


@behaviour(
    "cli",
    "The PySpark tutorial of EMR's getting-started guide runs from create-cluster to its results in S3.",
)
@behaviour("cli", "wait step-complete returns at once for a step that has completed.")
@behaviour("cli", "create-cluster --enable-debugging adds a step that completes; the logs are at the LogUri.")
def test_the_getting_started_tutorial_runs_as_the_guide_has_it(stack: Stack) -> None:
    script = stack.put("tutorial/health_violations.py", HEALTH_VIOLATIONS)
    data = stack.put("tutorial/food_establishment_data.csv", INSPECTIONS)
    results = f"s3://{BUCKET}/tutorial/myOutputFolder"
    cluster = _aws(
        stack,
        *("create-cluster", "--name", "My First EMR Cluster", "--release-label", "emr-7.13.0"),
        *("--applications", "Name=Spark", "--ec2-attributes", "KeyName=myEMRKeyPairName"),
        *("--instance-type", "m5.xlarge", "--instance-count", "3", "--use-default-roles"),
        *("--enable-debugging", "--log-uri", f"s3://{BUCKET}/tutorial/logs/"),
    )["ClusterId"]
    of = ("--cluster-id", cluster)
    stack.wait_for_cluster(cluster, "WAITING")
    [debugging] = _aws(stack, "list-steps", *of)["Steps"]
    assert (debugging["Name"], debugging["Status"]["State"]) == ("Setup Hadoop Debugging", "COMPLETED")
    assert _aws(stack, "describe-cluster", *of)["Cluster"]["Status"]["State"] == "WAITING"
    [step] = _aws(
        stack,
        *("add-steps", *of, "--steps"),
        "Type=Spark,Name=My Spark Application,ActionOnFailure=CONTINUE,"
        f"Args=[{script},--data_source,{data},--output_uri,{results}]",
    )["StepIds"]
    stack.wait_for_step(cluster, step, "COMPLETED")
    _aws(stack, "wait", "step-complete", *of, "--step-id", step)
    assert _aws(stack, "describe-step", *of, "--step-id", step)["Step"]["Name"] == "My Spark Application"
    listed = stack.s3.list_objects_v2(Bucket=BUCKET, Prefix="tutorial/myOutputFolder/")["Contents"]
    names = sorted(one["Key"].rpartition("/")[2] for one in listed)
    assert names[0] == "_SUCCESS" and names[1].startswith("part-00000")
    written = stack.get(f"{results}/{names[1]}").decode().splitlines()
    assert written == ["name,total_red_violations", "SUBWAY,3", "T-MOBILE PARK,2", "WHOLE FOODS MARKET,1"]
    _aws(stack, "terminate-clusters", "--cluster-ids", cluster)
    stack.wait_for_cluster(cluster, "TERMINATED")
    _aws(stack, "wait", "cluster-terminated", *of)


def _aws(stack: Stack, *arguments: str) -> Any:
    aws = Path(sys.executable).with_name("aws")
    environment = {"PATH": os.environ["PATH"], **aws_variables(stack.settings)}
    done = subprocess.run(
        [aws, "emr", *arguments], env=environment, check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout) if done.stdout.strip() else None
