"""Steps that Amazon EMR would run and that can't run here."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.behaviours import behaviour
from tests.emr import Emr, step
from windtunnel.emr.step_programs import why_not


@behaviour(
    "steps",
    "A step of an application that is not here (Hive, Pig…) is refused when it is submitted, here.",
    "believed",
)
@pytest.mark.parametrize(
    ("program", "application"),
    [
        ("hive-script", "not Hive"),
        ("hive", "not Hive"),
        ("pig-script", "not Pig"),
        ("hbase", "not HBase"),
        ("presto-cli", "not Presto"),
        ("trino-cli", "not Trino"),
        ("/usr/bin/flink", "not Flink"),
        ("sqoop", "not Sqoop"),
        ("spark-example", "with --class"),
    ],
)
def test_a_program_that_only_amazon_emr_has_is_refused_when_it_is_submitted(
    emr: Emr, program: str, application: str
) -> None:
    cluster = emr.run()
    steps: list[Any] = [step("true"), step(program, "--run")]
    with pytest.raises(ClientError, match="ValidationException") as refused:
        emr.client.add_job_flow_steps(JobFlowId=cluster, Steps=steps)
    assert application in str(refused.value)
    assert emr.steps(cluster) == []
    with pytest.raises(ClientError, match=application):
        emr.run(step(program, "--run"))


@pytest.mark.parametrize("bucket", ["elasticmapreduce", "us-east-1.elasticmapreduce"])
@pytest.mark.parametrize("program", ["hive", "pig"])
def test_the_scripts_of_the_time_before_command_runner_are_refused_too(bucket: str, program: str) -> None:
    library = f"s3://{bucket}/libs/{program}/{program}-script"
    runner = f"s3://{bucket}/libs/script-runner/script-runner.jar"
    assert f"no {program}:" in str(why_not(runner, [library, "--run-hive-script"]))
    assert f"no {program}:" in str(why_not(library, []))


def test_what_only_looks_like_them_is_run() -> None:
    assert why_not("command-runner.jar", ["spark-submit", "s3://elasticmapreduce/libs/hive/x.py"]) is None
    assert why_not("script-runner.jar", ["s3://mine/libs/hive/hive-script"]) is None
    assert why_not("s3://mine/hive.jar", ["hive-script"]) is None
    assert why_not("command-runner.jar", []) is None
