"""What steps may be, on one cluster: MapReduce, s3-dist-cp, JVM and Python applications of Spark, any program."""

import gzip
import json
import threading
from pathlib import Path

import psutil
import pytest

from tests.behaviours import behaviour
from tests.integration.hadoop.conftest import BUCKET, Running
from tests.ports import listening
from tests.waiting import wait_until

WORDS = "a b\nb c b\n"
MASTER = "org.apache.hadoop.mapreduce.v2.app.MRAppMaster"
MAPPER = "#!/usr/bin/env python3\nimport sys\nfor line in sys.stdin:\n    print(line.split()[0], len(line))\n"
APPLICATION = """
package test
import org.apache.spark.sql.SparkSession
object Squares {
  def main(args: Array[String]): Unit = {
    val spark = SparkSession.builder.appName("squares").getOrCreate()
    val sum = spark.sparkContext.parallelize(1 to 4).map(n => n * n).sum()
    println("SUM " + sum.toInt + " " + spark.conf.get("spark.test", "") + " " + args.mkString(","))
  }
}
"""
SHELL = 'println("SUM " + spark.range(10).selectExpr("sum(id)").first().getLong(0))\n'
# What venv-pack makes: an environment that may lie anywhere, on the interpreter that every node has.
ENVIRONMENT = """
python3 -m venv --copies --without-pip "$1" &&
echo "VALUE = 'of the archive'" > "$(ls -d "$1"/lib/python3*/site-packages)/inside.py" && tar -C "$1" -czf "$0" .
"""
EXTRAS = """
import os, sys
from pyspark import SparkFiles
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()

def facts(_):
    import helper, inside
    yield "|".join((helper.VALUE, open("words.txt").readline().strip(), os.environ["GREETING"], inside.VALUE))

line = spark.sparkContext.parallelize([1], 1).mapPartitions(facts).first()
jar = spark._jvm.java.lang.Class.forName("org.apache.hadoop.examples.WordCount", False,
    spark._jvm.java.lang.Thread.currentThread().getContextClassLoader()) and "jar"
spark.sparkContext.parallelize([line + "|" + jar], 1).saveAsTextFile(sys.argv[1])
"""
POM = """<project><modelVersion>4.0.0</modelVersion>
<groupId>org.example</groupId><artifactId>words</artifactId><version>1.0</version></project>"""
PACKAGES = """
from pyspark.sql import SparkSession

jvm = SparkSession.builder.getOrCreate()._jvm
print(jvm.org.apache.hadoop.examples.WordCount().getClass().getName())
"""


def examples(running: Running) -> Path:
    jars = running.cluster.spec.distribution.mapreduce_jars
    return next(jar for jar in jars if "examples" in jar.name)


def read(running: Running, address: str) -> str:
    return running.run("hadoop", "fs", "-text", address).stdout


def keys(running: Running, prefix: str) -> list[str]:
    listed = running.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
    return [one["Key"].removeprefix(prefix) for one in listed if not one["Key"].endswith("/")]


def of_cluster(running: Running) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("WINDTUNNEL_CLUSTER") == running.cluster.spec.id:
                found.append(process)
        except psutil.Error:
            continue
    return found


def is_master(process: psutil.Process) -> bool:
    try:
        return MASTER in process.cmdline() and process.name() == "java"
    except psutil.Error:
        return False


@behaviour("steps", "A custom JAR at s3:// may be a MapReduce job; it runs on YARN.")
def test_a_mapreduce_job_in_a_jar_of_s3_runs_on_yarn_and_listens_on_the_loopback_interface_alone(
    running: Running,
) -> None:
    jar = running.put("jars/examples.jar", examples(running).read_bytes())
    source = running.put("words/in.txt", WORDS)
    steps = []
    job = threading.Thread(
        target=lambda: steps.append(running.step(jar, "wordcount", source, "hdfs:///words"))
    )
    job.start()
    seen: set[str] = set()

    def listens() -> bool:
        masters = [one for one in of_cluster(running) if is_master(one)]
        addresses = listening(masters)
        seen.update(address.ip for address in addresses)
        return len(addresses) >= 3 or not job.is_alive()  # of the client, of the tasks, of the web pages

    wait_until(listens, 300)
    job.join()

    (step,) = steps
    assert step.outcome.exit_code == 0, step.stderr[-3000:]
    assert seen == {"127.0.0.1"}
    assert read(running, "hdfs:///words/part-r-00000") == "a\t1\nb\t3\nc\t1\n"
    (application,) = [one for one in running.cluster.applications() if one.name == "word count"]
    assert application.final_status == "SUCCEEDED"
    logs = running.cluster.spec.folder.glob(f"containers/*/{application.id}/*/syslog")
    assert all(log.stat().st_size for log in logs)


@behaviour("steps", "hadoop-streaming takes its programs from s3:// by -files.")
@pytest.mark.soak
def test_streaming_runs_programs_that_are_in_s3(running: Running) -> None:
    mapper = running.put("streaming/mapper.py", MAPPER)
    running.put("streaming/in/words.txt", WORDS)
    for number, program in enumerate(
        (
            ("hadoop-streaming",),
            ("hadoop", "jar", "/usr/lib/hadoop/hadoop-streaming.jar"),
            ("mapred", "streaming"),
        )
    ):
        running.run(
            *(*program, "-files", mapper, "-mapper", "mapper.py", "-reducer", "cat"),
            *("-input", "s3://tests/streaming/in", "-output", f"hdfs:///streaming-{number}"),
        )
        assert read(running, f"hdfs:///streaming-{number}/part-00000").split() == ["a", "4", "b", "6"]


@behaviour("steps", "A custom JAR may be in HDFS, or one of those that Amazon EMR installs on its nodes.")
@pytest.mark.soak
def test_jars_of_hdfs_and_of_the_node_run(running: Running) -> None:
    running.run("hadoop", "fs", "-put", str(examples(running)), "hdfs:///tmp/examples.jar")
    for jar in ("hdfs:///tmp/examples.jar", "/usr/lib/hadoop-mapreduce/hadoop-mapreduce-examples.jar"):
        step = running.step(jar, "pi", "1", "10")
        assert step.outcome.exit_code == 0, step.stderr[-3000:]
        assert "Estimated value of Pi is 3." in step.stdout


@pytest.mark.soak
def test_a_mapreduce_job_that_fails_fails_its_step(running: Running) -> None:
    step = running.step(str(examples(running)), "wordcount", "s3://tests/no-such-folder", "hdfs:///none")
    assert step.outcome.exit_code != 0
    assert "Input path does not exist: s3://tests/no-such-folder" in step.stderr


@behaviour(
    "steps",
    "s3-dist-cp copies a folder by MapReduce; --outputManifest lists it, --deleteOnSuccess deletes it at src.",
)
def test_s3_dist_cp_copies_a_folder_by_distcp_and_lists_and_deletes_what_it_copied(running: Running) -> None:
    for name in ("a/1.txt", "a/b/2.txt"):
        running.put(f"plain/{name}", name)

    running.run(
        *("s3-dist-cp", "--src", "s3://tests/plain", "--dest=hdfs:///plain"),
        *("--outputManifest", "m.gz", "--deleteOnSuccess"),
    )

    assert read(running, "hdfs:///plain/a/b/2.txt") == "a/b/2.txt"
    listed = [json.loads(line) for line in read(running, "hdfs:///plain/m.gz").splitlines()]
    assert [one["path"] for one in listed] == ["s3://tests/plain/a/1.txt", "s3://tests/plain/a/b/2.txt"]
    assert keys(running, "plain/") == []
    assert "distcp" in {one.name for one in running.cluster.applications()}


def test_s3_dist_cp_groups_files_and_changes_their_codec(running: Running) -> None:
    for name in ("x-1.log", "x-2.log", "y-1.log"):
        running.put(f"groups/in/{name}", f"{name}\n")
    running.put("groups/in/other.txt", "no group")

    step = running.step(
        "/usr/share/aws/emr/s3-dist-cp/lib/s3-dist-cp.jar",
        *("--src", "s3://tests/groups/in", "--dest", "hdfs:///groups/"),
        *("--groupBy", r".*/(\w)-\d(\.log)", "--outputCodec", "snappy"),
    )
    assert step.outcome.exit_code == 0, step.stderr[-3000:]
    listed = running.run("hdfs", "dfs", "-ls", "-C", "/groups").stdout.split()
    assert listed == ["/groups/x.log.snappy", "/groups/y.log.snappy"]
    assert read(running, "hdfs:///groups/x.log.snappy") == "x-1.log\nx-2.log\n"

    running.run(
        *("s3-dist-cp", "--src", "hdfs:///groups", "--dest", "s3://tests/groups/out"),
        *("--outputCodec=gz", "--numberFiles", "--startingIndex=7", "--srcPattern", ".*x.*"),
    )
    assert keys(running, "groups/out/") == ["7x.log.gz"]
    body = running.s3.get_object(Bucket=BUCKET, Key="groups/out/7x.log.gz")["Body"].read()
    assert gzip.decompress(body) == b"x-1.log\nx-2.log\n"

    running.run(
        *("s3-dist-cp", "--src", "s3://tests/groups/out", "--dest", "s3://tests/groups/none"),
        *("--outputCodec", "none"),
    )
    assert keys(running, "groups/none/") == ["7x.log"]


@behaviour(
    "steps",
    "s3-dist-cp --appendToLastFile appends to files of HDFS that are there, as far as --targetSize goes.",
)
@pytest.mark.soak
def test_s3_dist_cp_appends_on_hdfs_up_to_the_target_size(running: Running) -> None:
    running.put("append/a-1", "1\n")
    command = ("s3-dist-cp", "--src", "s3://tests/append", "--dest", "hdfs:///append")
    grouped = ("--groupBy", ".*/(a)-.*", "--targetSize", "1")
    running.run(*command, *grouped)
    running.run(*command, *grouped, "--appendToLastFile")
    assert read(running, "hdfs:///append/a") == "1\n1\n"
    running.run(*command, *grouped)
    assert read(running, "hdfs:///append/a1") == "1\n"


@behaviour(
    "steps",
    "s3-dist-cp leaves out the files of --previousManifest; with --copyFromManifest it copies only those.",
)
@pytest.mark.soak
def test_s3_dist_cp_copies_what_a_manifest_does_not_have_or_only_what_it_has(running: Running) -> None:
    running.put("manifest/in/1/a", "a")
    running.put("manifest/in/2/b", "b")
    prefixes = running.put("manifest/prefixes", "s3://tests/manifest/in/1\n")
    command = ("s3-dist-cp", "--src", "s3://tests/manifest/in")
    first = "s3://tests/manifest/first"

    running.run(*command, "--dest", first, "--srcPrefixesFile", prefixes, "--outputManifest=m.gz")
    assert keys(running, "manifest/first/") == ["1/a", "m.gz"]

    previous = ("--previousManifest", f"{first}/m.gz")
    running.run(*command, "--dest", "s3://tests/manifest/second", *previous, "--outputManifest=m.gz")
    assert keys(running, "manifest/second/") == ["2/b", "m.gz"]
    assert len(read(running, "s3://tests/manifest/second/m.gz").splitlines()) == 2

    running.run(*command, "--dest", "s3://tests/manifest/third", *previous, "--copyFromManifest")
    assert keys(running, "manifest/third/") == ["1/a"]

    missing = ("--previousManifest", "s3://tests/manifest/none.gz")
    step = running.step("command-runner.jar", *command, "--dest", "s3://tests/manifest/fourth", *missing)
    assert step.outcome.exit_code == 1
    assert "none.gz does not exist" in step.stderr
    running.run(*command, "--dest", first, *missing, "--requirePreviousManifest=false")
    assert "2/b" in keys(running, "manifest/first/")


@pytest.mark.soak
def test_s3_dist_cp_uploads_as_it_is_told(running: Running) -> None:
    running.put("upload/in/big", bytes(6 << 20))
    command = ("s3-dist-cp", "--src", "s3://tests/upload/in", "--srcPattern", ".*", "--dest")
    running.run(
        *(*command, "s3://tests/upload/parts", "--multipartUploadChunkSize", "5", "--s3ServerSideEncryption"),
        *("--storageClass", "STANDARD_IA", "--s3Endpoint", "s3-eu-west-1.amazonaws.com"),
    )
    head = running.s3.head_object(Bucket=BUCKET, Key="upload/parts/big")
    assert head["ETag"].endswith('-2"')
    assert (head["ServerSideEncryption"], head["StorageClass"]) == ("AES256", "STANDARD_IA")

    running.run(*command, "s3://tests/upload/whole", "--disableMultipartUpload", "-Dfs.s3a.multipart.size=5M")
    assert "-" not in running.s3.head_object(Bucket=BUCKET, Key="upload/whole/big")["ETag"]

    step = running.step(
        "command-runner.jar",
        *(*command, "s3://tests/upload/x", "--s3Endpoint", "http://127.0.0.1:1"),
        *("-Dfs.s3a.attempts.maximum=1", "-Dfs.s3a.retry.limit=0"),
    )
    assert step.outcome.exit_code == 1


@behaviour("steps", "s3-dist-cp fails when no file is there to copy.", "observed")
def test_s3_dist_cp_that_finds_nothing_fails_and_says_so(running: Running) -> None:
    running.put("nothing/a", "a")
    step = running.step(
        "command-runner.jar",
        *("s3-dist-cp", "--src", "s3://tests/nothing", "--dest", "hdfs:///nothing", "--srcPattern", ".*b"),
    )
    assert step.outcome.exit_code == 1
    assert step.stderr.endswith("s3-dist-cp: There is no file to copy at s3://tests/nothing.\n")


@behaviour("steps", "spark-submit runs a JVM application of a JAR at s3:// by --class.")
def test_a_jvm_application_of_spark_runs_by_its_class(running: Running, tmp_path: Path) -> None:
    source, jar = tmp_path / "Squares.scala", tmp_path / "squares.jar"
    source.write_text(APPLICATION)
    compiler = '"$JAVA_HOME/bin/java" -cp "$SPARK_HOME/jars/*" scala.tools.nsc.Main -usejavacp -d "$0" "$1"'
    running.run("bash", "-c", compiler, str(jar), str(source))
    address = running.put("jars/squares.jar", jar.read_bytes())

    client = running.run(
        *("spark-submit", "--class", "test.Squares", "--conf", "spark.test=given", address, "x y", "z")
    )

    assert client.stdout == "SUM 30 given x y,z\n"


@behaviour("steps", "command-runner.jar runs bash -c and any program on the PATH.")
def test_a_shell_and_any_program_on_the_path_run_in_the_folder_of_the_step(running: Running) -> None:
    step = running.run("bash", "-c", "echo one && hdfs dfs -ls -d /tmp | wc -l; pwd; yarn version | head -1")
    one, lines, folder, version = step.stdout.splitlines()
    assert (one, lines.strip()) == ("one", "1")
    assert Path(folder).parent == running.cluster.spec.folder / "steps"
    assert version.startswith("Hadoop 3.")
    assert running.run("python3", "-c", "import boto3; print('yes')").stdout == "yes\n"


@behaviour("steps", "command-runner.jar runs spark-sql -e and -f s3://, and spark-shell -i.")
@pytest.mark.soak
def test_spark_sql_and_spark_shell_run_what_they_are_given(running: Running, tmp_path: Path) -> None:
    query = running.put("sql/query.sql", "SELECT 40 + 2;\n")
    assert running.run("spark-sql", "-e", "SELECT 41 + 2").stdout == "43\n"
    assert running.run("spark-sql", "-f", query).stdout == "42\n"
    script = tmp_path / "sum.scala"
    script.write_text(SHELL)
    assert "SUM 45" in running.run("spark-shell", "-i", str(script)).stdout


@behaviour(
    "steps",
    "An application gets --py-files, --files, --jars, spark.yarn.appMasterEnv.*, a Python by --archives.",
)
@pytest.mark.soak
@pytest.mark.parametrize("mode", ["client", "cluster"])
def test_an_application_gets_modules_files_an_archive_jars_and_variables(
    running: Running, mode: str, tmp_path: Path
) -> None:
    running.put("extras/helper.py", "VALUE = 'of a module'\n")
    running.put("extras/words.txt", WORDS)
    running.put("extras/examples.jar", examples(running).read_bytes())
    script = running.put("extras/job.py", EXTRAS)
    environment = tmp_path / "environment.tar.gz"
    running.run("bash", "-c", ENVIRONMENT, str(environment), str(tmp_path / "environment"))
    archive = running.put("extras/environment.tar.gz", environment.read_bytes())
    python = "./environment/bin/python"
    driver = {
        "client": "spark.pyspark.driver.python=python3",
        "cluster": f"spark.pyspark.driver.python={python}",
    }

    running.run(
        *("spark-submit", "--deploy-mode", mode, "--archives", f"{archive}#environment"),
        *("--py-files", "s3://tests/extras/helper.py", "--files", "s3://tests/extras/words.txt"),
        *("--jars", "s3://tests/extras/examples.jar", "--conf", f"spark.pyspark.python={python}"),
        *("--conf", driver[mode], "--conf", "spark.yarn.appMasterEnv.GREETING=hello"),
        *("--conf", "spark.executorEnv.GREETING=hello", script, f"s3://tests/extras/{mode}"),
    )

    (name,) = [one for one in keys(running, f"extras/{mode}/") if one.startswith("part-")]
    body = running.s3.get_object(Bucket=BUCKET, Key=f"extras/{mode}/{name}")["Body"].read().decode()
    assert body.split("|") == ["of a module", "a b", "hello", "of the archive", "jar\n"]


@behaviour("steps", "An application gets --packages from the Maven repositories that it names.")
@pytest.mark.soak
def test_an_application_gets_packages_of_a_maven_repository(running: Running, tmp_path: Path) -> None:
    script = running.put("packages/job.py", PACKAGES)
    folder = tmp_path / "org" / "example" / "words" / "1.0"
    folder.mkdir(parents=True)
    (folder / "words-1.0.pom").write_text(POM)
    (folder / "words-1.0.jar").write_bytes(examples(running).read_bytes())

    step = running.run(
        *("spark-submit", "--packages", "org.example:words:1.0", "--repositories", tmp_path.as_uri(), script)
    )

    assert step.stdout.splitlines()[-1] == "org.apache.hadoop.examples.WordCount"
    assert list((running.cluster.spec.home / ".ivy2" / "jars").glob("*words-1.0.jar"))
