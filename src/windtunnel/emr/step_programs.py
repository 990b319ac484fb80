"""What a step may run on Amazon EMR and not here: refused when it is submitted, not when it runs."""

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from windtunnel.hadoop.steps import COMMAND_RUNNER, runner_of

SPARK_SQL = "run the SQL with spark-sql -f"
ABSENT: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(("hive", "hive-script", "beeline", "hcat", "hiveserver2"), ("Hive", SPARK_SQL)),
    **dict.fromkeys(("pig", "pig-script"), ("Pig", "write the script for spark-submit")),
    **dict.fromkeys(("hbase", "hbase-script"), ("HBase", "keep the data at s3:// or hdfs:///")),
    **dict.fromkeys(("presto", "presto-cli"), ("Presto", SPARK_SQL)),
    **dict.fromkeys(("trino", "trino-cli"), ("Trino", SPARK_SQL)),
    "phoenix-sqlline.py": ("Phoenix", SPARK_SQL),
    "impala-shell": ("Impala", SPARK_SQL),
    "flink": ("Flink", "write the job for spark-submit"),
    "flink-yarn-session": ("Flink", "write the job for spark-submit"),
    "sqoop": ("Sqoop", "read the database with Spark's JDBC source"),
    "oozie": ("Oozie", "add the steps one after the other"),
    "mahout": ("Mahout", "use Spark's MLlib"),
    "tez": ("Tez", "write the job for spark-submit"),
}
"""Programs that Amazon EMR's own applications have, as (application, what to do instead)."""
SPARK_EXAMPLE = (
    "windtunnel has no spark-example: the JAR of Spark's examples is in no package registry. Put it at s3:// and give "
    "its address to spark-submit with --class"
)
# s3://elasticmapreduce/libs/hive/hive-script, or a region's own bucket: what came before command-runner.jar.
LIBRARY = re.compile(
    r"s3n?://(?:[a-z0-9-]+\.)?elasticmapreduce/libs/(?:[\w.-]+/)*?(hive|pig)(?:-script)?(?:/|$)"
)


def why_not(jar: str, args: Sequence[str]) -> str | None:
    """What to do instead of a step that Amazon EMR would run and that can't run here; None for all others."""
    runner = runner_of(jar)
    if runner == COMMAND_RUNNER and args:
        program = PurePosixPath(args[0]).name
        return SPARK_EXAMPLE if program == "spark-example" else _without(program)
    for address in (jar, *args[:1]):
        if library := LIBRARY.match(address):
            return _without(library[1])
    return None


def _without(program: str) -> str | None:
    if program not in ABSENT:
        return None
    application, instead = ABSENT[program]
    return f"windtunnel runs Hadoop and Spark, not {application}, so there is no {program}: {instead}"
