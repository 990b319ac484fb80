import subprocess
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from windtunnel.hadoop import configuration
from windtunnel.hadoop.daemons import HEAP_MB, exported_options
from windtunnel.hadoop.spec import MASTER_DAEMONS, ClusterSpec, Node


def read_site(path: Path) -> dict[str, str]:
    entries = ElementTree.parse(path).getroot().iter("property")  # noqa: S314  our own file
    return {entry.findtext("name", ""): entry.findtext("value", "") for entry in entries}


def test_a_site_keeps_what_xml_would_take_for_its_own(tmp_path: Path) -> None:
    values = {"a": "x & y <z>", "b": "quotes \"and\" 'more'", "c": "ünï"}
    (tmp_path / "site.xml").write_text(configuration.site(values))
    assert read_site(tmp_path / "site.xml") == values


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"spark.a": "b"}, "spark.a b\n"),
        ({"spark.a": "-Dx=1 -Dy=2"}, "spark.a -Dx=1 -Dy=2\n"),
        ({"spark.a": "C:\\x\ny"}, "spark.a C:\\\\x\\ny\n"),
        ({"spark.a": " b"}, "spark.a \\ b\n"),
        ({"a=b:c d": "e"}, "a\\=b\\:c\\ d e\n"),
    ],
)
def test_properties_are_written_as_java_reads_them(values: dict[str, str], text: str) -> None:
    assert configuration.properties(values) == text


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        ("/usr/bin/python3", "/usr/bin/python3"),
        ("$FIRST:/opt", "one:/opt"),
        ("${FIRST}x", "onex"),
        ("$(echo run) `echo run`", "$(echo run) `echo run`"),
        ('say "hi" \\ $5', 'say "hi" \\ $5'),
        ("${FIRST:-$(echo run)}", "${FIRST:-$(echo run)}"),
    ],
)
def test_exports_expand_variables_and_run_nothing(value: str, seen: str) -> None:
    script = configuration.shell_exports({"VALUE": value}) + 'printf %s "$VALUE"'
    done = subprocess.run(
        ["sh", "-c", script], env={"FIRST": "one", "PATH": "/usr/bin:/bin"}, capture_output=True, check=True
    )
    assert done.stdout.decode() == seen


def test_an_export_that_is_no_name_of_a_variable_is_never_written() -> None:
    with pytest.raises(ValueError, match="A;reboot"):
        configuration.shell_exports({"A;reboot": "1", "B": "2"})


def test_master_and_worker_have_their_folders(spec: ClusterSpec, node: Node) -> None:
    configuration.write_master(spec)
    configuration.write_worker(spec, node)

    sites = {"core-site.xml", "hdfs-site.xml", "yarn-site.xml", "mapred-site.xml", "capacity-scheduler.xml"}
    assert sites <= {path.name for path in spec.conf.iterdir()}
    assert sites <= {path.name for path in node.conf.iterdir()}
    assert {path.name for path in spec.spark_conf.iterdir()} == {"spark-defaults.conf", "spark-env.sh"}
    assert read_site(node.conf / "yarn-site.xml")["yarn.nodemanager.address"] == "127.0.0.1:8041"
    assert read_site(spec.conf / "core-site.xml")["fs.defaultFS"] == "hdfs://127.0.0.1:8020"


def test_spark_env_holds_the_exports(with_properties: Callable[..., ClusterSpec]) -> None:
    spec = with_properties("spark-env", {"PYSPARK_PYTHON": "/usr/bin/python3"})
    configuration.write_master(spec)
    assert (spec.spark_conf / "spark-env.sh").read_text() == 'export PYSPARK_PYTHON="/usr/bin/python3"\n'


def test_no_file_holds_a_credential(spec: ClusterSpec, node: Node) -> None:
    configuration.write_master(spec)
    configuration.write_worker(spec, node)
    files = [path for path in spec.folder.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert not [path for path in files if "very-secret" in path.read_text()]


def test_sparks_own_files_are_written_only_where_they_are_asked_for(
    spec: ClusterSpec, with_properties: Callable[..., ClusterSpec]
) -> None:
    configuration.write_master(spec)
    assert {path.name for path in spec.spark_conf.iterdir()} == {"spark-defaults.conf", "spark-env.sh"}
    configuration.write_master(with_properties("spark-log4j2", {"rootLogger.level": "error"}))
    log4j2 = (spec.spark_conf / "log4j2.properties").read_text().splitlines()
    assert "rootLogger.level error" in log4j2
    assert "appender.console.target SYSTEM_ERR" in log4j2
    configuration.write_master(with_properties("spark-hive-site", {"hive.a": "b"}))
    hive = read_site(spec.spark_conf / "hive-site.xml")
    assert hive["hive.a"] == "b"
    assert str(spec.metastore) in hive["javax.jdo.option.ConnectionURL"]


def test_exports_for_hadoops_programs_are_files_that_they_source(
    with_properties: Callable[..., ClusterSpec],
) -> None:
    spec = with_properties("yarn-env", {"YARN_CLIENT_OPTS": "-Dx=1"})
    configuration.write_master(spec)
    assert (spec.conf / "yarn-env.sh").read_text() == 'export YARN_CLIENT_OPTS="-Dx=1"\n'
    assert (spec.conf / "hadoop-env.sh").read_text() == ""


@pytest.mark.parametrize(
    ("daemon", "tables", "options", "more_mb"),
    [
        ("namenode", {"hadoop-env": {"HADOOP_NAMENODE_HEAPSIZE": "512"}}, [], 512 - 256),
        ("namenode", {"hadoop-env": {"HADOOP_NAMENODE_OPTS": "-Da=1 -Db='2 3'"}}, ["-Da=1", "-Db=2 3"], 0),
        ("datanode", {"hadoop-env": {"HADOOP_NAMENODE_HEAPSIZE": "512"}}, [], 0),
        ("datanode", {"hdfs-env": {"HDFS_DATANODE_OPTS": "-Xmx1g -Da=1"}}, ["-Da=1"], 1024 - 192),
        ("resourcemanager", {"yarn-env": {"YARN_RESOURCEMANAGER_HEAPSIZE": "1g"}}, [], 1024 - 320),
        ("nodemanager", {"yarn-env": {"YARN_NODEMANAGER_OPTS": "-Da=1"}}, ["-Da=1"], 0),
    ],
)
def test_a_daemon_gets_the_options_that_are_exported_for_it(
    daemon: str, tables: dict[str, dict[str, str]], options: list[str], more_mb: int
) -> None:
    assert exported_options(tables, [daemon]) == (options, HEAP_MB[daemon] + more_mb)


def test_daemons_that_share_a_jvm_share_the_sum_of_their_heaps() -> None:
    tables = {
        "hadoop-env": {"HADOOP_NAMENODE_HEAPSIZE": "2048", "HADOOP_NAMENODE_OPTS": "-Da=1"},
        "yarn-env": {"YARN_RESOURCEMANAGER_OPTS": "-Xmx1048576k -Db=1"},
    }
    assert exported_options(tables, MASTER_DAEMONS) == (["-Da=1", "-Db=1"], 2048 + 1024)
