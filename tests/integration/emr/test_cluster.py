"""One cluster of real daemons: what its steps can do, and what becomes of those that fail."""

import gzip
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from tests.behaviours import behaviour
from tests.integration.emr.conftest import BUCKET, Stack
from tests.waiting import eventually

HELPER = "def triple(n):\n    return 3 * n\n"
JOB = """
import sys
from pyspark.sql import SparkSession
from helper import triple

spark = SparkSession.builder.appName("job").getOrCreate()
source, target = sys.argv[1:]
numbers = spark.read.csv(source, schema="n long")
total = numbers.rdd.map(lambda row: triple(row.n)).sum()
spark.createDataFrame([(total,)], "total long").coalesce(1).write.mode("overwrite").csv(target)
conf = spark.sparkContext.getConf()
print("master", spark.sparkContext.master, "shuffle partitions", spark.conf.get("spark.sql.shuffle.partitions"))
print("marker", spark.conf.get("spark.windtunnel.marker"))
"""
BOOTSTRAP = """#!/bin/bash
echo "bootstrapping with $1"
echo "$1" > "$HOME/bootstrapped-$WINDTUNNEL_NODE"
"""


@pytest.fixture(scope="module")
def cluster(stack: Stack) -> Iterator[str]:
    """Up once for the module, with a bootstrap action and classifications of its own."""
    stack.put("data/numbers.csv", "1\n2\n3\n4\n")
    stack.put("code/helper.py", HELPER)
    stack.put("code/job.py", JOB)
    script = stack.put("code/bootstrap.sh", BOOTSTRAP)
    cluster = stack.run(
        BootstrapActions=[{"Name": "mark", "ScriptBootstrapAction": {"Path": script, "Args": ["a b"]}}],
        Configurations=[
            {
                "Classification": "spark-defaults",
                "Properties": {"spark.sql.shuffle.partitions": "3", "spark.windtunnel.marker": "yes"},
            },
            {
                "Classification": "spark-env",
                "Configurations": [{"Classification": "export", "Properties": {"SPARK_MARK": "exported"}}],
            },
            {"Classification": "core-site", "Properties": {"fs.trash.interval": "7"}},
            {"Classification": "hdfs-site", "Properties": {"dfs.replication": "1"}},
            {"Classification": "yarn-site", "Properties": {"yarn.windtunnel.mark": "yes"}},
        ],
    )
    stack.wait_for_cluster(cluster, "WAITING")
    yield cluster
    stack.emr.terminate_job_flows(JobFlowIds=[cluster])
    stack.wait_for_cluster(cluster, "TERMINATED")
    assert [one for one in psutil.process_iter() if _belongs_to(one, cluster)] == []


@pytest.mark.parametrize("mode", ["client", "cluster"])
@behaviour(
    "steps",
    "spark-submit by command-runner.jar runs as it is written, with deploy mode client and cluster, "
    "s3:// and hdfs:// paths, --py-files.",
)
@behaviour("configurations", "The classification spark-defaults reaches the jobs.")
def test_spark_submit_runs_as_written(stack: Stack, cluster: str, mode: str) -> None:
    target = f"s3://{BUCKET}/out/{mode}"
    if mode == "cluster":
        target = f"hdfs:///user/hadoop/out/{mode}"
    helper, job = f"s3://{BUCKET}/code/helper.py", f"s3://{BUCKET}/code/job.py"
    arguments = [f"s3://{BUCKET}/data/numbers.csv", target]
    step = stack.add(cluster, "spark-submit", "--deploy-mode", mode, "--py-files", helper, job, *arguments)
    stack.wait_for_step(cluster, step, "COMPLETED")
    read = stack.add(cluster, "hadoop", "fs", "-cat", f"{target}/part-*")
    stack.wait_for_step(cluster, read, "COMPLETED")
    assert stack.output(cluster, read) == "30\n"
    shown: Any = stack.emr.describe_step(ClusterId=cluster, StepId=step)["Step"]
    [application] = shown["AdditionalInfo"]["ResourceManagerApplicationIds"]
    key = f"logs/emr/{cluster}/containers/{application}/"
    driver = _driver_output(stack, cluster, step, mode, key)
    assert "master yarn shuffle partitions 3" in driver
    assert "marker yes" in driver


@pytest.mark.parametrize("mode", ["client", "cluster"])
@behaviour(
    "failures",
    "In client mode the driver's output is in the step's logs, in cluster mode in its first container's.",
)
def test_a_failed_job_tells_its_exception_and_the_log_it_stands_in(
    stack: Stack, cluster: str, mode: str
) -> None:
    job = stack.put("code/fails.py", "raise ValueError('the header is wrong')\n")
    step = stack.add(cluster, "spark-submit", "--deploy-mode", mode, job)
    details = stack.wait_for_step(cluster, step, "FAILED")["FailureDetails"]
    assert details["Message"] == "ValueError: the header is wrong"
    assert ("containers" if mode == "cluster" else "steps") in details["LogFile"]
    assert b"the header is wrong" in gzip.decompress(stack.get(details["LogFile"]))


@behaviour(
    "steps",
    "A step finds hadoop, hdfs, yarn, spark-submit, aws and python3 on the PATH, and is the user hadoop.",
)
@behaviour(
    "configurations", "The classifications core-site, hdfs-site and yarn-site reach the cluster's files."
)
def test_a_step_is_on_a_master_node_with_its_programs(stack: Stack, cluster: str) -> None:
    script = f"""
set -e
hdfs dfs -mkdir -p /user/hadoop/there
hdfs dfs -ls hdfs:///user/hadoop
hadoop fs -ls s3://{BUCKET}/data/numbers.csv
yarn node -list
aws s3 ls s3://{BUCKET}/data/
hdfs getconf -confKey fs.trash.interval
hdfs getconf -confKey dfs.replication
hdfs getconf -confKey yarn.windtunnel.mark
python3 -c 'import boto3; print(boto3.client("emr").list_clusters()["Clusters"][0]["Id"])'
whoami; echo "$USER $HADOOP_USER_NAME"
"""
    step = stack.add(cluster, "bash", "-c", script)
    stack.wait_for_step(cluster, step, "COMPLETED")
    said = stack.output(cluster, step)
    for expected in ("/user/hadoop/there", "numbers.csv", "Total Nodes:2", cluster, "hadoop hadoop"):
        assert expected in said
    assert "\n7\n1\nyes\n" in said


@behaviour(
    "bootstrap",
    "ListBootstrapActions tells name, script and arguments of each action; each node's logs of it are in S3.",
)
def test_bootstrap_actions_ran_on_each_node_before_and_have_their_logs(stack: Stack, cluster: str) -> None:
    instances = stack.emr.list_instances(ClusterId=cluster)["Instances"]
    for instance in instances:
        node = instance["Ec2InstanceId"]
        key = f"s3://{BUCKET}/logs/emr/{cluster}/node/{node}/bootstrap-actions/1/stdout.gz"
        assert gzip.decompress(stack.get(key)) == b"bootstrapping with a b\n"
    assert len(instances) == 3
    [shown] = stack.emr.list_bootstrap_actions(ClusterId=cluster)["BootstrapActions"]
    assert (shown["Name"], shown["Args"]) == ("mark", ["a b"])


def test_each_daemon_runs_on_the_java_that_was_resolved(stack: Stack, cluster: str) -> None:
    mains = {"NameNode", "DataNode", "ResourceManager", "NodeManager"}
    javas: dict[str, set[str]] = {}
    for process in psutil.process_iter():
        if _belongs_to(process, cluster) and process.name() == "java":
            for main in mains & {word.rpartition(".")[2] for word in process.cmdline()}:
                javas.setdefault(main, set()).add(process.environ()["JAVA_HOME"])
                assert process.exe().startswith(process.environ()["JAVA_HOME"])
    assert set(javas) == mains
    assert len(set.union(*javas.values())) == 1


@behaviour(
    "steps",
    "script-runner.jar, wherever it is said to be, runs a script at s3:// with its arguments.",
)
def test_a_custom_jar_and_a_script_run(stack: Stack, cluster: str) -> None:
    script = stack.put("code/script.sh", "echo from a script: $*\n")
    step: Any = {"Name": "script", "ActionOnFailure": "CONTINUE"}
    jar = {
        "Jar": "s3://us-east-1.elasticmapreduce/libs/script-runner/script-runner.jar",
        "Args": [script, "x"],
    }
    added = stack.emr.add_job_flow_steps(JobFlowId=cluster, Steps=[step | {"HadoopJarStep": jar}])
    stack.wait_for_step(cluster, added["StepIds"][0], "COMPLETED")
    assert stack.output(cluster, added["StepIds"][0]) == "from a script: x\n"


@behaviour("steps", "Cancelling a Spark step ends its YARN application; the cluster is WAITING again.")
def test_cancelling_a_spark_step_ends_its_application(stack: Stack, cluster: str) -> None:
    job = stack.put(
        "code/sleeps.py",
        "import time\nfrom pyspark.sql import SparkSession\nSparkSession.builder.getOrCreate()\n"
        "print('up', flush=True)\ntime.sleep(1000)\n",
    )
    step = stack.add(cluster, "spark-submit", job, action="TERMINATE_CLUSTER")

    def is_up() -> None:
        assert "up" in stack.output(cluster, step)

    eventually(is_up, 300)
    stack.emr.cancel_steps(ClusterId=cluster, StepIds=[step])
    stack.wait_for_step(cluster, step, "CANCELLED")
    stack.wait_for_cluster(cluster, "WAITING")
    listed = stack.add(cluster, "yarn", "application", "-list")
    stack.wait_for_step(cluster, listed, "COMPLETED")
    assert "application_" not in stack.output(cluster, listed)


@behaviour(
    "failures",
    "A job that asks for larger executors than its nodes could hold fails in YARN's own words.",
    "observed",
)
def test_a_job_that_asks_for_more_than_its_nodes_have_fails_in_yarns_own_words(
    stack: Stack, cluster: str
) -> None:
    job = stack.put(
        "code/large.py", "from pyspark.sql import SparkSession\nSparkSession.builder.getOrCreate()\n"
    )
    step = stack.add(cluster, "spark-submit", "--executor-memory", "20g", job)
    details = stack.wait_for_step(cluster, step, "FAILED")["FailureDetails"]
    assert "is above the max threshold (12288 MB) of this cluster" in details["Message"]


def _driver_output(stack: Stack, cluster: str, step: str, mode: str, containers: str) -> str:
    if mode == "client":
        return gzip.decompress(stack.get(f"s3://{BUCKET}/logs/emr/{cluster}/steps/{step}/stdout.gz")).decode()
    found = stack.s3.list_objects_v2(Bucket=BUCKET, Prefix=containers)["Contents"]
    [first] = [one["Key"] for one in found if one["Key"].endswith("_000001/stdout.gz")]
    return gzip.decompress(stack.get(f"s3://{BUCKET}/{first}")).decode()


def _belongs_to(process: psutil.Process, cluster: str) -> bool:
    try:
        return process.environ().get("WINDTUNNEL_CLUSTER") == cluster
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
