"""A cluster with classifications of all kinds and a Python of its own, each seen where it is to have its effect."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.behaviours import behaviour
from tests.integration.emr.conftest import BUCKET, Stack
from windtunnel.hadoop.node_view import refusal_of

GLUE = "com.amazonaws.glue.catalog.metastore.AWSGlueDataCatalogHiveClientFactory"


def exports(classification: str, **variables: str) -> dict[str, Any]:
    nested = {"Classification": "export", "Properties": variables}
    return {"Classification": classification, "Configurations": [nested]}


CONFIGURATIONS: list[dict[str, Any]] = [
    {"Classification": "spark", "Properties": {"maximizeResourceAllocation": "true"}},
    {"Classification": "spark-log4j2", "Properties": {"rootLogger.level": "error"}},
    {"Classification": "spark-hive-site", "Properties": {"hive.metastore.client.factory.class": GLUE}},
    {"Classification": "mapred-site", "Properties": {"mapreduce.map.memory.mb": "1536"}},
    {
        "Classification": "capacity-scheduler",
        "Properties": {"yarn.scheduler.capacity.maximum-am-resource-percent": "0.7"},
    },
    exports("hadoop-env", HADOOP_CLIENT_OPTS="-Dof.hadoop.env=seen", HADOOP_NAMENODE_HEAPSIZE="300"),
    exports("spark-env", JAVA_HOME="/usr/lib/jvm/java-17-amazon-corretto.x86_64"),
]
BOOTSTRAP = """#!/bin/bash
set -e
sudo yum install -y jq || echo "yum: $?"
sudo pip3 install --quiet sortedcontainers
sudo -E -u hadoop python3 -m pip install --user --quiet toolz
sudo -H bash -c 'echo "as $USER"'
"""
JOB = """
import sys
from pyspark.sql import SparkSession

def of_executor(_):
    import boto3, sortedcontainers, toolz
    buckets = [one["Name"] for one in boto3.client("s3").list_buckets()["Buckets"]]
    yield sys.executable, sortedcontainers.__file__, *buckets

def role(_):
    import json
    return json.load(open("/mnt/var/lib/info/instance.json"))["instanceRole"]

spark = SparkSession.builder.appName("own python").getOrCreate()
print("DRIVER", sys.executable)
print("EXECUTOR", *spark.sparkContext.parallelize([1], 1).mapPartitions(of_executor).first())
if sys.argv[1] == "in-a-view":
    print("ROLES", role(0), spark.sparkContext.parallelize([1], 1).map(role).first())
"""
TWO_NODES = {
    "InstanceGroups": [
        {"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1},
        {"InstanceRole": "CORE", "InstanceType": "m5.xlarge", "InstanceCount": 1},
    ]
}


@pytest.fixture(scope="module")
def cluster(stack: Stack) -> Iterator[str]:
    script = stack.put("bootstrap/install.sh", BOOTSTRAP)
    action: Any = {"Name": "install", "ScriptBootstrapAction": {"Path": script}}
    one = stack.run(Instances=TWO_NODES, Configurations=CONFIGURATIONS, BootstrapActions=[action])
    stack.wait_for_cluster(one, "WAITING")
    yield one
    stack.emr.terminate_job_flows(JobFlowIds=[one])
    stack.wait_for_cluster(one, "TERMINATED")


def said(stack: Stack, cluster: str, *argv: str) -> str:
    step = stack.add(cluster, *argv)
    stack.wait_for_step(cluster, step, "COMPLETED")
    return stack.output(cluster, step)


@behaviour(
    "configurations",
    "The classifications mapred-site, capacity-scheduler and hadoop-env reach their files on the cluster.",
)
def test_hadoops_files_have_what_was_asked_for(stack: Stack, cluster: str) -> None:
    mapred = said(stack, cluster, "bash", "-c", "cat $HADOOP_CONF_DIR/mapred-site.xml")
    assert "mapreduce.map.memory.mb</name><value>1536<" in mapred
    queue = said(stack, cluster, "bash", "-c", "cat $HADOOP_CONF_DIR/capacity-scheduler.xml")
    assert "maximum-am-resource-percent</name><value>0.7<" in queue
    request = (stack.folder(cluster) / "daemons" / "master" / "request.json").read_text()
    assert "-Xmx620m" in request, "with the 320 of the ResourceManager"
    sourced = 'hadoop version >/dev/null; . $HADOOP_CONF_DIR/hadoop-env.sh; echo "$HADOOP_CLIENT_OPTS"'
    shown = said(stack, cluster, "bash", "-c", sourced)
    assert shown == "-Dof.hadoop.env=seen\n"


@behaviour(
    "configurations",
    "A table made with Glue's catalog is there for the next step; here it is a metastore of the "
    "cluster's own, and the log says so.",
)
def test_tables_in_glues_catalog_are_there_for_the_next_step_and_the_log_says_where(
    stack: Stack, cluster: str
) -> None:
    step = stack.add(cluster, "spark-sql", "-e", "CREATE TABLE kept AS SELECT 42 AS answer")
    stack.wait_for_step(cluster, step, "COMPLETED")
    controller = stack.output(cluster, step, "controller")
    assert "exists only on AWS" in controller
    assert "JAVA_HOME of spark-env names a Java of Amazon's image" in controller
    assert " INFO " not in stack.output(cluster, step, "stderr"), "spark-log4j2 says: errors only"
    assert said(stack, cluster, "spark-sql", "-e", "SELECT answer FROM kept") == "42\n"


@behaviour(
    "configurations",
    "maximizeResourceAllocation sets spark.default.parallelism by the vCPUs of the core instances.",
)
def test_maximize_resource_allocation_reaches_the_driver(stack: Stack, cluster: str) -> None:
    settings = said(stack, cluster, "spark-sql", "-e", "SET spark.default.parallelism")
    assert settings.split() == ["spark.default.parallelism", "8"]


@behaviour(
    "bootstrap",
    "What pip installs in a bootstrap action is imported by drivers and executors; boto3 in them needs no endpoint.",
)
def test_what_bootstrap_actions_install_is_there_for_drivers_and_executors_and_nowhere_else(
    stack: Stack, cluster: str
) -> None:
    python = stack.folder(cluster) / "python"
    where = "by-variables" if refusal_of(stack.folder(cluster)) else "in-a-view"
    lines = said(stack, cluster, "spark-submit", stack.put("jobs/own.py", JOB), where).splitlines()
    assert f"DRIVER {python}/bin/python" in lines
    [executor] = [line for line in lines if line.startswith("EXECUTOR")]
    assert executor.split()[1] == f"{python}/bin/python"
    assert executor.split()[2].startswith(f"{python}/lib/")
    assert BUCKET in executor.split()[3:]
    assert ("ROLES master core" in lines) is (where == "in-a-view")
    shared = "import sys; sys.exit(bool(__import__('importlib.util').util.find_spec('toolz')))"
    said(stack, cluster, "bash", "-c", f'"$(readlink {python}/bin/python)" -c "{shared}"')


def test_sudo_runs_as_the_same_user_and_yum_changes_nothing(stack: Stack, cluster: str) -> None:
    for log in stack.folder(cluster).glob("node/*/bootstrap-actions/1/stdout"):
        assert log.read_text().splitlines() == ["yum: 1", "as hadoop"]
    for log in stack.folder(cluster).glob("node/*/bootstrap-actions/1/stderr"):
        assert "not run here" in log.read_text()


@behaviour(
    "steps",
    "A step finds instance.json, Hadoop's and Spark's configuration and the logs where EMR has them, as user hadoop.",
)
def test_a_step_finds_its_node_where_emr_has_it(stack: Stack, cluster: str) -> None:
    if refusal := refusal_of(stack.folder(cluster)):
        pytest.skip(refusal)
    script = """
set -e
python3 -c 'import json; print(json.load(open("/mnt/var/lib/info/job-flow.json"))["jobFlowId"])'
grep -c ^spark.master /etc/spark/conf/spark-defaults.conf $SPARK_HOME/conf/spark-defaults.conf
/usr/bin/hdfs --config /etc/hadoop/conf getconf -confKey fs.defaultFS
/usr/lib/spark/bin/spark-submit --version 2>&1 | grep -o 'version 3.5.6'
touch /home/hadoop/mine; stat -c %U ~/mine
ls /mnt/var/log/hadoop/steps
"""
    step = stack.add(cluster, "bash", "-c", script)
    stack.wait_for_step(cluster, step, "COMPLETED")
    seen = stack.output(cluster, step)
    for one in (cluster, "hdfs://127.0.0.1:", "version 3.5.6", "\nhadoop\n", step):
        assert one in seen
    assert seen.count("spark-defaults.conf:1\n") == 2
