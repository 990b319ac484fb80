import subprocess
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from windtunnel.hadoop import configuration
from windtunnel.hadoop.spec import ClusterSpec, Node


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
