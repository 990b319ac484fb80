"""The average salary by company, job type, degree, major and industry.

    spark-submit average_salary.py --features FEATURES.csv --salaries SALARIES.csv --output FOLDER

writes one CSV file with a header into FOLDER/<feature>/ for each of the five, the highest average first, in place
of what was there. Nothing is written unless all of the input is right.

Runs on Spark 3.1 or later with Python 3.7 or later, that is on every EMR release from 6.3 on.
"""

from __future__ import annotations

import argparse
import csv
from decimal import Decimal

from py4j.protocol import Py4JJavaError
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.utils import AnalysisException

FEATURES = (
    "jobId string, companyId string, jobType string, degree string, major string, industry string, "
    "yearsExperience int, milesFromMetropolis int"
)
SALARIES = "jobId string, salary int"
GROUPS = ("companyId", "jobType", "degree", "major", "industry")


class InputError(Exception):
    """What is wrong with the input. It ends the program, and EMR tells its message as the step's failure."""


def read(spark: SparkSession, path: str, schema: str) -> DataFrame:
    """The CSV file at the path, whose header must be the schema's. What is not of its type becomes null."""
    try:
        first = spark.read.text(path).head()
    except (AnalysisException, Py4JJavaError) as error:
        # What Spark has no exception of its own for comes as Java's: a bucket that is not there, a refused key.
        reason = error.java_exception.toString() if isinstance(error, Py4JJavaError) else str(error)
        raise InputError(f"{path} cannot be read: {reason.splitlines()[0]}") from None
    expected = [column.split()[0] for column in schema.split(",")]
    header = next(csv.reader([first[0]]), []) if first else []
    if header != expected:
        raise InputError(f"{path} has the header '{','.join(header)}', not '{','.join(expected)}'")
    return spark.read.csv(path, schema=schema, header=True)


def average_salaries(features: DataFrame, salaries: DataFrame) -> dict[str, list[tuple[str | None, Decimal]]]:
    """By feature, its values and their average salaries: the highest first, equal ones by name."""
    of_job = features.select(F.col("jobId").alias("known"), *GROUPS)
    joined = salaries.join(of_job, F.col("jobId") == F.col("known"), "left")
    # All five in one pass: a row counts once for each feature, for the value that it has there.
    values = [F.struct(F.lit(name).alias("feature"), F.col(name).alias("value")) for name in GROUPS]
    groups = (
        joined.select("salary", "known", F.explode(F.array(*values)).alias("group"))
        .select("salary", "known", "group.*")
        .groupBy("feature", "value")
        .agg(
            F.avg("salary").cast("decimal(20, 4)").alias("average"),
            F.count(F.lit(1)).alias("rows"),
            F.count("salary").alias("salaries"),
            F.count("known").alias("known"),
        )
        .collect()
    )
    check_salaries(joined, salaries.count(), [group for group in groups if group.feature == GROUPS[0]])
    ranked = sorted(groups, key=lambda group: (-group.average, group.value or ""))
    return {
        name: [(group.value, group.average) for group in ranked if group.feature == name] for name in GROUPS
    }


def check_salaries(joined: DataFrame, salaries: int, groups: list[Row]) -> None:
    """Raises InputError unless there are salaries, each one a number and with one row of features."""
    rows = sum(group.rows for group in groups)
    if not rows:
        raise InputError("there are no salaries: the file ends after its header")
    if rows > salaries:
        job = joined.groupBy("known").count().orderBy(F.desc("count")).first().known
        raise InputError(f"some jobs have several rows of features, {job} for instance")
    not_a_number = rows - sum(group.salaries for group in groups)
    if not_a_number:
        job = joined.where("salary is null").first().jobId
        raise InputError(
            f"{not_a_number} of {rows} salaries are no whole numbers, the one of {job} for instance"
        )
    unknown = rows - sum(group.known for group in groups)
    if unknown:
        job = joined.where("known is null").first().jobId
        raise InputError(f"{unknown} of {rows} salaries have no features, the one of {job} for instance")


def write(spark: SparkSession, averages: dict[str, list[tuple[str | None, Decimal]]], output: str) -> None:
    for name, rows in averages.items():
        # One part makes one file; and Spark starts a Python for each, were they more.
        part = spark.sparkContext.parallelize(rows, 1)
        table = spark.createDataFrame(part, f"{name} string, average_salary decimal(20, 4)")
        table.write.csv(f"{output.rstrip('/')}/{name}", mode="overwrite", header=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="The average salary by each feature of a job.")
    parser.add_argument("--features", required=True, help="CSV file: jobId and the features")
    parser.add_argument("--salaries", required=True, help="CSV file: jobId, salary")
    parser.add_argument("--output", required=True, help="folder for one folder a feature")
    parser.add_argument(
        "--partitions", type=int, default=8, help="tasks that join the two (default: %(default)s)"
    )
    arguments = parser.parse_args()

    spark = SparkSession.builder.appName("average_salary").getOrCreate()
    # Spark's 200 are for far more rows than a million.
    spark.conf.set("spark.sql.shuffle.partitions", arguments.partitions)
    features = read(spark, arguments.features, FEATURES)
    salaries = read(spark, arguments.salaries, SALARIES)
    write(spark, average_salaries(features, salaries), arguments.output)
    spark.stop()


if __name__ == "__main__":
    main()
