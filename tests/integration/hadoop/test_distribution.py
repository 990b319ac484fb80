"""What is installed, in use: it is downloaded and built once, into the user's own cache."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.integration.hadoop.conftest import write_properties
from windtunnel.hadoop import name_node
from windtunnel.hadoop.distribution import Distribution, Versions, install
from windtunnel.hadoop.jars import locked_jars, published
from windtunnel.hadoop.jvm import MODULES, daemon_java_options, sharing
from windtunnel.hadoop.spark_home import ARCHIVE_VARIABLE
from windtunnel.install.progress import terminal_progress

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

VERSIONS = Versions(spark="3.5.6", java=17, python="3.9")
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
JOB = """
import sys, boto3, numpy
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
rows = spark.read.csv("s3://tunnel/in.csv", header=True, inferSchema=True)
rows.groupBy("a").sum("b").orderBy("a").coalesce(1).write.csv("s3://tunnel/out")
print(spark.version, rows.rdd.map(lambda row: sys.executable).first())
"""


@pytest.fixture(scope="module")
def distribution(cache: Path) -> Distribution:
    """With its archives, which a user's first clusters run without."""
    distribution = install(VERSIONS, cache, terminal_progress())
    for archive in distribution.class_archives:
        archive.make()
    return distribution


@pytest.fixture
def s3() -> Iterator[str]:
    """The address of an S3 with a bucket that has a table and a job in it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    _, port = server.get_host_and_port()
    url = f"http://127.0.0.1:{port}"
    with closing(_client(url)) as client:
        client.create_bucket(Bucket="tunnel")
        client.put_object(Bucket="tunnel", Key="in.csv", Body=b"a,b\n1,2\n3,4\n1,5\n")
        client.put_object(Bucket="tunnel", Key="job.py", Body=JOB.encode())
    yield url
    server.stop()


def _client(url: str) -> "S3Client":
    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
    )


@pytest.fixture
def conf(s3: str, tmp_path: Path) -> Path:
    properties = {
        "fs.defaultFS": "file:///",
        "fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "fs.s3a.endpoint": s3,
        "fs.s3a.endpoint.region": "us-east-1",
        "fs.s3a.path.style.access": "true",
    }
    write_properties(tmp_path / "conf" / "core-site.xml", properties)
    return tmp_path / "conf"


def _hadoop(distribution: Distribution, conf: Path, main: str, *arguments: str) -> "subprocess.Popen[str]":
    options = (*MODULES, *sharing(distribution.hadoop_archive))
    return subprocess.Popen(
        (distribution.java, *options, "-cp", distribution.hadoop_class_path(conf), main, *arguments),
        env={"PATH": os.defpath, **KEYS},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_second_install_finds_everything_and_says_nothing(
    distribution: Distribution, cache: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert install(VERSIONS, cache, terminal_progress()) == distribution
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("main", ["conf.Configuration", "yarn.conf.YarnConfiguration"])
def test_hadoop_reads_the_same_defaults_from_our_jars_as_from_its_own(
    distribution: Distribution, cache: Path, main: str
) -> None:
    locked = locked_jars()

    def defaults(jars: Sequence[Path]) -> list[tuple[tuple[str, str | None], ...]]:
        argv = (distribution.java, "-cp", ":".join(map(str, jars)), f"org.apache.hadoop.{main}")
        dumped = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
        read = ElementTree.fromstring(dumped[dumped.index("<?xml") :])  # noqa: S314
        return sorted(tuple((part.tag, part.text) for part in one) for one in read)

    ours = defaults(distribution.hadoop_jars)
    assert len(ours) > 300
    assert ours == defaults(published(locked.common + locked.hadoop, cache))


def test_a_name_node_starts_from_the_image(distribution: Distribution, tmp_path: Path) -> None:
    name_node.place(distribution.name_node_image, tmp_path / "name", "j-TEST")
    write_properties(
        tmp_path / "conf" / "hdfs-site.xml",
        {
            "fs.defaultFS": "hdfs://127.0.0.1:0",
            "dfs.namenode.name.dir": (tmp_path / "name").as_uri(),
            "dfs.namenode.http-address": "127.0.0.1:0",
        },
    )
    (tmp_path / "conf" / "log4j.properties").write_text(
        "log4j.rootLogger=INFO,out\nlog4j.appender.out=org.apache.log4j.ConsoleAppender\n"
        "log4j.appender.out.layout=org.apache.log4j.SimpleLayout\n"
    )
    process = subprocess.Popen(
        (
            distribution.java,
            *daemon_java_options(distribution, 256),
            *("-cp", distribution.hadoop_class_path(tmp_path / "conf"), name_node.MAIN),
        ),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if "NameNode RPC up" in line:
            process.terminate()
    process.wait(timeout=60)
    assert any("NameNode RPC up" in line for line in said), "".join(said[-30:])
    version = (tmp_path / "name" / "current" / "VERSION").read_text()
    assert "clusterID=CID-j-TEST\n" in version


def test_hadoops_command_line_copies_and_renames_on_s3(
    distribution: Distribution, conf: Path, s3: str
) -> None:
    shell = "org.apache.hadoop.fs.FsShell"
    for arguments in (
        ("-cp", "s3://tunnel/in.csv", "s3://tunnel/copy.csv"),
        ("-mv", "s3://tunnel/copy.csv", "s3://tunnel/moved.csv"),
    ):
        output, _ = _hadoop(distribution, conf, shell, *arguments).communicate(timeout=300)
        assert "Exception" not in output
    with closing(_client(s3)) as client:
        keys = {item["Key"] for item in client.list_objects_v2(Bucket="tunnel")["Contents"]}
    assert keys == {"in.csv", "job.py", "moved.csv"}


def test_an_archive_that_does_not_fit_changes_nothing_and_is_not_spoken_of(
    distribution: Distribution, tmp_path: Path
) -> None:
    assert distribution.hadoop_archive.exists()
    broken = tmp_path / "broken.jsa"
    broken.write_bytes(b"not an archive")
    for archive in (broken, distribution.spark_archive):
        done = subprocess.run(
            (
                distribution.java,
                *sharing(archive),
                *("-cp", distribution.hadoop_class_path()),
                "org.apache.hadoop.util.VersionInfo",
            ),
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.startswith("Hadoop 3.4.2\n")
        assert "shar" not in (done.stdout + done.stderr).lower()


def test_spark_submit_runs_a_job_of_s3_on_s3_from_the_archive_of_its_classes(
    distribution: Distribution, conf: Path, s3: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        (
            *(distribution.spark_home / "bin" / "spark-submit", "--master", "local[1]"),
            *("--driver-java-options", f"-Xlog:class+load=info:file={tmp_path}/classes.log"),
            "s3://tunnel/job.py",
        ),
        env={
            "PATH": os.defpath,
            "JAVA_HOME": str(distribution.java_home),
            "HADOOP_CONF_DIR": str(conf),
            "SPARK_CONF_DIR": str(conf),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "PYSPARK_PYTHON": str(distribution.python),
            ARCHIVE_VARIABLE: str(distribution.spark_archive),
            **KEYS,
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines()[-1] == f"3.5.6 {distribution.python}"
    with closing(_client(s3)) as client:
        (part,) = [
            item["Key"] for item in client.list_objects_v2(Bucket="tunnel", Prefix="out/part-")["Contents"]
        ]
        assert client.get_object(Bucket="tunnel", Key=part)["Body"].read() == b"1,7\n3,4\n"
    loaded = (tmp_path / "classes.log").read_text()
    assert "org.apache.spark.SparkContext source: shared objects file" in loaded
