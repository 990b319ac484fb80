"""The exception's own line, found in the logs that Spark, Python and Java leave."""

from pathlib import Path

from windtunnel.emr.failure import exception_line, explain, submitted_applications

PYSPARK = """\
26/01/01 10:00:00 INFO SparkContext: Running Spark version 3.5.6
Traceback (most recent call last):
  File "/tmp/x/average_salary.py", line 90, in <module>
    main()
  File "/tmp/x/average_salary.py", line 80, in main
    raise InputError(f"{path}: {problem}")
__main__.InputError: s3://b/data/x.csv: the header is 'a,b'; expected 'jobId,salary'
26/01/01 10:00:09 INFO ShutdownHookManager: Shutdown hook called
"""

PY4J = """\
Traceback (most recent call last):
  File "/tmp/x.py", line 3, in <module>
    spark.read.csv("s3://b/none")
  File "/spark/python/lib/pyspark.zip/pyspark/errors/exceptions/captured.py", line 185, in deco
    raise converted from None
pyspark.errors.exceptions.captured.AnalysisException: [PATH_NOT_FOUND] Path does not exist: s3://b/none.
"""

JAVA = """\
Exception in thread "main" org.apache.spark.SparkException: Job aborted
\tat org.apache.spark.Foo.bar(Foo.scala:1)
Caused by: java.io.IOException: wrapped
\tat x.Y.z(Y.java:1)
Caused by: java.io.FileNotFoundException: s3://b/none: No such file
\t... 3 more
"""

CLUSTER_MODE = """\
26/01/01 10:00:00 INFO YarnClientImpl: Submitted application application_1700000000000_0001
Exception in thread "main" org.apache.spark.SparkException: \
Application application_1700000000000_0001 finished with failed status
\tat org.apache.spark.deploy.yarn.Client.run(Client.scala:1309)
"""


def test_the_last_line_of_a_python_traceback_tells() -> None:
    assert exception_line(PYSPARK) == (
        "__main__.InputError: s3://b/data/x.csv: the header is 'a,b'; expected 'jobId,salary'"
    )


def test_sparks_own_errors_tell_through_python() -> None:
    line = exception_line(PY4J)
    assert line and line.endswith("AnalysisException: [PATH_NOT_FOUND] Path does not exist: s3://b/none.")


def test_the_deepest_cause_of_a_java_exception_tells() -> None:
    assert exception_line(JAVA) == "java.io.FileNotFoundException: s3://b/none: No such file"


def test_a_log_without_an_exception_tells_nothing() -> None:
    assert exception_line("26/01/01 INFO all is well\nErrors: none\n") is None


def test_in_cluster_mode_the_drivers_log_tells_why(tmp_path: Path) -> None:
    own, driver = tmp_path / "stderr", tmp_path / "driver"
    own.write_text(CLUSTER_MODE)
    driver.write_text(PYSPARK)
    cause = explain([own], [driver])
    assert cause and cause.log == driver and "expected 'jobId,salary'" in cause.message


def test_without_the_drivers_log_the_steps_own_one_tells(tmp_path: Path) -> None:
    own = tmp_path / "stderr"
    own.write_text(CLUSTER_MODE)
    cause = explain([own], [tmp_path / "never written"])
    assert cause and cause.log == own and "finished with failed status" in cause.message


def test_the_submitted_applications_are_named_in_order_and_once(tmp_path: Path) -> None:
    log = tmp_path / "stderr"
    log.write_text(CLUSTER_MODE * 2)
    assert submitted_applications(log) == ["application_1700000000000_0001"]
