import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from windtunnel.hadoop.spark_home import ARCHIVE_VARIABLE, FOLDERS, MODULE_OPTIONS, spark_home
from windtunnel.install.progress import SILENT

LAUNCHED = 'CMD=(java -cp "$CLASS_PATH" -Xmx1g Main "an argument")\n'


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """An environment with a package that is laid out as PySpark's is."""
    package = tmp_path / "environment" / "lib" / "python3.9" / "site-packages" / "pyspark"
    for folder in (*FOLDERS, "jars", "python/lib"):
        (package / folder).mkdir(parents=True, exist_ok=True)
    for jar in ("spark-core.jar", "hadoop-client-api-3.3.4.jar", "hadoop-client-runtime-3.3.4.jar"):
        (package / "jars" / jar).write_text(jar)
    spark_class = package / "bin" / "spark-class"
    spark_class.write_text("#!/usr/bin/env bash\n" + LAUNCHED + 'exec "${CMD[@]}"\n')
    with zipfile.ZipFile(package / "python" / "lib" / "pyspark.zip", "w") as zipped:
        zipped.writestr("pyspark/__init__.py", "def fail():\n    raise ValueError('here')\n")
    (package / "__init__.py").write_text("")
    (package / "sql" / "python").mkdir(parents=True)
    (package / "sql" / "python" / "__init__.py").write_text("version = 'whole'")
    (package / "python" / "pyspark").mkdir()
    (package / "python" / "pyspark" / "shell.py").write_text("")
    (tmp_path / "environment" / "bin").mkdir()
    (tmp_path / "environment" / "bin" / "python").symlink_to(sys.executable)
    return tmp_path / "environment"


@pytest.fixture
def home(environment: Path, tmp_path: Path) -> Path:
    jar = tmp_path / "hadoop-client-api-3.4.2.jar"
    jar.write_text("ours")
    return spark_home("3.5.6", environment, [jar], tmp_path / "cache", SILENT)


def test_a_home_has_sparks_jars_with_our_hadoop_and_leaves_the_package_alone(
    home: Path, environment: Path
) -> None:
    assert sorted(p.name for p in (home / "jars").iterdir()) == [
        "hadoop-client-api-3.4.2.jar",
        "spark-core.jar",
    ]
    assert len(list(environment.glob("lib/python3.9/site-packages/pyspark/jars/*"))) == 3
    (script,) = environment.glob("lib/python3.9/site-packages/pyspark/bin/spark-class")
    assert "share_classes" not in script.read_text()


def test_of_an_older_sparks_many_hadoop_jars_only_what_ours_do_not_hold_stays(
    environment: Path, tmp_path: Path
) -> None:
    (jars,) = environment.glob("lib/python3.9/site-packages/pyspark/jars")
    kept = {"hadoop-yarn-server-web-proxy-3.2.0.jar", "hadoop-shaded-guava-1.1.1.jar", "spark-core.jar"}
    for name in (
        *kept,
        "hadoop-common-3.2.0.jar",
        "hadoop-yarn-server-common-3.2.0.jar",
        "hadoop-auth-3.2.0.jar",
    ):
        (jars / name).write_text(name)
    home = spark_home("3.1.1", environment, [], tmp_path / "cache", SILENT)
    assert {jar.name for jar in (home / "jars").iterdir()} == kept


def test_a_folder_among_the_jars_as_spark_4_has_one_stays(environment: Path, tmp_path: Path) -> None:
    (package,) = environment.glob("lib/python3.9/site-packages/pyspark")
    (package / "jars" / "connect-repl").mkdir()
    (package / "jars" / "connect-repl" / "client.jar").write_text("client")
    home = spark_home("4.0.2", environment, [], tmp_path / "cache", SILENT)
    assert (home / "jars" / "connect-repl" / "client.jar").read_text() == "client"


def test_pyspark_is_imported_from_the_homes_python_folder_too(home: Path) -> None:
    program = "import pyspark.shell, pyspark.sql.python; print(pyspark.sql.python.version)"
    environment = {"PYTHONPATH": str(home / "python")}
    done = subprocess.run(
        (sys.executable, "-c", program), env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "whole\n"
    assert not (home / "python" / "pyspark" / "jars").exists()


def test_spark_4_asks_for_no_module_that_a_java_may_lack(environment: Path, tmp_path: Path) -> None:
    (jars,) = environment.glob("lib/python3.9/site-packages/pyspark/jars")
    launcher = jars / "spark-launcher_2.13-4.0.2.jar"
    asks = b"\x01\x00\x22--add-modules=jdk.incubator.vector\x01"
    with zipfile.ZipFile(launcher, "w") as jar:
        jar.writestr(MODULE_OPTIONS, asks)
        jar.writestr("other.class", asks)
    home = spark_home("4.0.2", environment, [], tmp_path / "cache", SILENT)
    with zipfile.ZipFile(home / "jars" / launcher.name) as jar:
        assert jar.read(MODULE_OPTIONS) == b"\x01\x00\x17--add-modules=java.base\x01"
        assert jar.read("other.class") == asks
    with zipfile.ZipFile(launcher) as jar:
        assert jar.read(MODULE_OPTIONS) == asks


def test_a_home_is_assembled_once(home: Path, environment: Path, tmp_path: Path) -> None:
    (home / "mark").write_text("")
    again = spark_home(
        "3.5.6", environment, [tmp_path / "hadoop-client-api-3.4.2.jar"], tmp_path / "cache", SILENT
    )
    assert again == home
    assert (again / "mark").exists()


def test_pyspark_is_imported_from_its_bytecode_and_traces_name_the_zip(home: Path) -> None:
    archive = home / "python" / "lib" / "pyspark.zip"
    assert {"pyspark/__init__.py", "pyspark/__init__.pyc"} <= set(zipfile.ZipFile(archive).namelist())
    program = "import pyspark; print(pyspark.__file__)\npyspark.fail()"
    command = (sys.executable, "-c", program)
    done = subprocess.run(
        command, env={"PYTHONPATH": str(archive)}, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == str(archive / "pyspark" / "__init__.pyc")
    assert f'File "{archive}/pyspark/__init__.py", line 2, in fail' in done.stderr


def _command(home: Path, class_path: str, archive: Path) -> list[str]:
    """What spark-class would run, with a `java` that prints its arguments."""
    java = home / "path" / "java"
    java.parent.mkdir(exist_ok=True)
    java.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    java.chmod(0o755)
    environment = {
        "PATH": f"{java.parent}:/usr/bin:/bin",
        "SPARK_CONF_DIR": "/conf dir",
        "CLASS_PATH": class_path,
        ARCHIVE_VARIABLE: str(archive),
    }
    done = subprocess.run(
        (home / "bin" / "spark-class",), env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_with_an_archive_the_jars_come_first_and_the_configuration_last(home: Path, tmp_path: Path) -> None:
    archive = tmp_path / "spark.jsa"
    archive.write_text("")
    said = _command(home, "/conf dir/:/jars/*:/hadoop conf/", archive)
    assert said[said.index("-cp") + 1] == "/jars/*:/hadoop conf/:/conf dir/"
    assert f"-XX:SharedArchiveFile={archive}" in said
    assert said[-3:] == ["-Xmx1g", "Main", "an argument"]


def test_a_class_path_of_the_users_own_and_a_missing_archive_change_nothing(
    home: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "spark.jsa"
    plain = ["-cp", "/conf dir/:/jars/*", "-Xmx1g", "Main", "an argument"]
    assert _command(home, "/conf dir/:/jars/*", archive) == plain
    archive.write_text("")
    own = "/mine.jar:/conf dir/:/jars/*"
    assert _command(home, own, archive) == ["-cp", own, *plain[2:]]
