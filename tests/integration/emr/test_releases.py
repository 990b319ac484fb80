"""Each Spark that a release label brings: a cluster of real daemons, a job on S3 and HDFS, its Java and Python."""

import json
from typing import Any

import pytest

from tests.integration.emr.conftest import BUCKET, Stack
from tests.project import ROOT
from windtunnel.emr.catalogue.releases import find_release, runnable_labels, substitutions
from windtunnel.hadoop.jars import HADOOP_VERSION

JOB = """
import json, sys
from pyspark.sql import SparkSession

spark = SparkSession.builder.appName("facts").getOrCreate()
source, target, facts = sys.argv[1:]
numbers = spark.read.csv(source, header=True, schema="n long")
numbers.selectExpr("n * 3 as n").coalesce(1).write.mode("overwrite").csv(target, header=True)
java = "java_method('java.lang.System', 'getProperty', 'java.version')"
found = {
    "spark": spark.version,
    "python": list(sys.version_info[:2]),
    "java": spark._jvm.System.getProperty("java.version"),
    "executor's python": numbers.rdd.map(lambda row: list(sys.version_info[:2])).first(),
    "executor's java": numbers.selectExpr(java + " as java").first().java,
    "sum": spark.read.csv(target, header=True, schema="n long").groupBy().sum("n").first()[0],
}
spark.createDataFrame([(json.dumps(found),)], "found string").coalesce(1).write.mode("overwrite").text(facts)
"""
IN_CLUSTER = ("--deploy-mode", "cluster", "--executor-memory", "2g")  # beside the driver, on one node
SHELLS = """
spark-sql --master 'local[1]' -e 'select version()' && pyspark --master 'local[1]' <<.
from pyspark.sql import SparkSession
print("shell", SparkSession.builder.getOrCreate().range(5).count())
.
"""


def labels_by_spark() -> list[str]:
    """The newest label of each Spark but the one that all other tests run."""
    newest: dict[str, str] = {}
    for label in runnable_labels():
        release = find_release(label)
        assert release
        newest.setdefault(release.spark, label)
    return [label for label in newest.values() if label != runnable_labels()[0]]


@pytest.mark.soak
@pytest.mark.parametrize("label", labels_by_spark())
def test_a_release_has_its_spark_java_and_python_in_the_driver_and_the_executors(
    stack: Stack, label: str
) -> None:
    release = find_release(label)
    assert release
    source = stack.put(f"releases/{label}/in.csv", "n\n1\n2\n3\n")
    job = stack.put(f"releases/{label}/job.py", JOB)
    facts = f"s3://{BUCKET}/releases/{label}/facts"
    cluster = stack.run(
        ReleaseLabel=label,
        Applications=[{"Name": "Spark"}],
        Instances=_instances(),
        Steps=[
            _step("bash", "-c", SHELLS),
            _step("spark-submit", *IN_CLUSTER, job, source, "hdfs:///tmp/tripled", facts),
        ],
    )
    ended = stack.wait_for_cluster(cluster, "TERMINATED", "TERMINATED_WITH_ERRORS")
    assert ended["State"] == "TERMINATED", ended
    steps: Any = stack.emr.list_steps(ClusterId=cluster)["Steps"]
    states = [step["Status"]["State"] for step in steps]
    assert states == ["COMPLETED"] * 2, json.dumps(steps, default=str)
    found: dict[str, Any] = json.loads(_text(stack, f"releases/{label}/facts/part-"))
    javas = found["java"].partition(".")[0], found["executor's java"].partition(".")[0]
    pythons = ".".join(map(str, found["python"])), ".".join(map(str, found["executor's python"]))
    assert found["spark"] == release.spark
    assert javas == (str(release.versions.java),) * 2
    assert pythons == (release.versions.python,) * 2
    assert found["sum"] == 18
    said = stack.output(cluster, steps[1]["Id"])  # the newest step is listed first
    assert any(line.startswith(f"{release.spark} ") for line in said.splitlines())
    assert "shell 5" in said
    told = stack.output(cluster, steps[1]["Id"], "controller")
    assert all(line in told for line in substitutions(label, release.versions, HADOOP_VERSION))


@pytest.mark.soak
def test_the_salary_job_runs_on_emr_6_3_and_its_spot_instances(stack: Stack) -> None:
    job = stack.put("releases/salary.py", (ROOT / "spark" / "average_salary.py").read_text())
    features = stack.put(
        "releases/features.csv",
        "jobId,companyId,jobType,degree,major,industry,yearsExperience,milesFromMetropolis\n"
        "JOB1,COMP1,CEO,NONE,NONE,OIL,1,1\nJOB2,COMP2,CEO,NONE,NONE,WEB,1,1\n",
    )
    salaries = stack.put("releases/salaries.csv", "jobId,salary\nJOB1,100\nJOB2,50\n")
    arguments = ("--features", features, "--salaries", salaries, "--output", f"s3://{BUCKET}/releases/salary")
    spot = {"Market": "SPOT", "InstanceType": "m3.xlarge", "InstanceCount": 1}
    groups = [{"InstanceRole": "MASTER", **spot}, {"InstanceRole": "CORE", **spot}]
    cluster = stack.run(
        ReleaseLabel="emr-6.3.0",
        Instances=_instances(groups),
        Steps=[_step("spark-submit", "--deploy-mode", "client", job, *arguments)],
    )
    status = stack.wait_for_cluster(cluster, "TERMINATED", "TERMINATED_WITH_ERRORS")
    assert status["State"] == "TERMINATED", status
    assert _text(stack, "releases/salary/jobType/part-") == "jobType,average_salary\nCEO,75.0000\n"


def _instances(groups: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    one = {"InstanceType": "m5.xlarge", "InstanceCount": 1}
    ours = [{"InstanceRole": "MASTER", **one}, {"InstanceRole": "CORE", **one}]
    return {"InstanceGroups": groups or ours, "KeepJobFlowAliveWhenNoSteps": False}


def _step(*argv: str) -> dict[str, Any]:
    config = {"Jar": "command-runner.jar", "Args": list(argv)}
    return {"Name": argv[0], "ActionOnFailure": "CONTINUE", "HadoopJarStep": config}


def _text(stack: Stack, prefix: str) -> str:
    found = stack.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)["Contents"]
    [key] = [one["Key"] for one in found]
    return stack.get(f"s3://{BUCKET}/{key}").decode()
