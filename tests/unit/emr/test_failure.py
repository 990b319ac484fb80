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

OVER_ASKING = """\
26/01/01 10:00:01 ERROR SparkContext: Error initializing SparkContext.
java.lang.IllegalArgumentException: Required executor memory (20480 MB) is above the max threshold
\tat org.apache.spark.deploy.yarn.Client.verifyClusterResources(Client.scala:392)
Traceback (most recent call last):
  File "/tmp/x/job.py", line 10, in <module>
    spark = SparkSession.builder.getOrCreate()
26/01/01 10:00:02 INFO SparkContext: Stopping
py4j.protocol.Py4JJavaError: An error occurred while calling None.org.apache.spark.api.java.JavaSparkContext.
: java.lang.IllegalArgumentException: Required executor memory (20480 MB) is above the max threshold
\tat org.apache.spark.deploy.yarn.Client.verifyClusterResources(Client.scala:392)

26/01/01 10:00:02 INFO ShutdownHookManager: Shutdown hook called
"""

BOTO = """\
Traceback (most recent call last):
  File "job.py", line 3, in <module>
    s3.get_object(Bucket="b", Key="k")
botocore.errorfactory.NoSuchKey: An error occurred (NoSuchKey) when calling the GetObject operation
26/01/01 10:00:02 INFO ShutdownHookManager: Deleting directory /tmp/spark-1
"""

WARNED = """\
26/01/01 10:00:00 WARN Foo: no optional file: java.io.FileNotFoundException: /etc/optional
Exception in thread "main" java.lang.IllegalStateException: no input
\tat x.Y.z(Y.java:1)
26/01/01 10:00:01 ERROR Utils: later: java.lang.RuntimeException: while it shut down
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


def test_what_java_threw_tells_where_python_only_says_that_it_did() -> None:
    line = exception_line(OVER_ASKING)
    assert line and line.startswith("java.lang.IllegalArgumentException: Required executor memory (20480 MB)")


def test_an_exception_need_not_be_called_error() -> None:
    line = exception_line(BOTO)
    assert line and line.startswith("botocore.errorfactory.NoSuchKey: An error occurred")


def test_what_ended_the_program_tells_rather_than_what_it_warned_of() -> None:
    assert exception_line(WARNED) == "java.lang.IllegalStateException: no input"
    assert exception_line(WARNED.splitlines()[0]) is None


def test_a_long_line_of_one_word_costs_no_time_that_matters() -> None:
    # By the square of the line's length this would take days.
    assert exception_line(f"ValueError\n{'a' * 1_000_000}\n{'a.' * 500_000}\n") is None


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
    log.write_text(CLUSTER_MODE * 2 + "26/01/01 INFO TaskSetManager: Finished\n" * 50_000)
    assert submitted_applications(log) == ["application_1700000000000_0001"]
