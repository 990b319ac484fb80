"""The jar of a node's JVM: the main class that runs several daemons, and the web pages of all of them.

Java runtimes have no compiler, so Eclipse's (a jar in the lock) makes the classes of `java/` once, when Hadoop
is installed. The web pages are Hadoop's own: its web server unpacks them from the jar that they are found in,
which means to read all of it, for every daemon anew, and Hadoop's jars are large.
"""

import hashlib
import shutil
import zipfile
from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path

from windtunnel.hadoop.class_files import with_number
from windtunnel.install.errors import InstallError
from windtunnel.install.files import locked
from windtunnel.install.java import run_java
from windtunnel.install.progress import Progress

FORMAT = "2"
"""Of what is made here beside the classes of `java/`: another one makes another jar."""
MAIN = "windtunnel.Daemons"
JAVA = "11"
"""The oldest Java that the daemons run on."""
PAGES = "webapps/"
HANDSHAKE = "org/apache/hadoop/hdfs/server/datanode/BPServiceActor.class"


def node_jar(
    java_home: Path, compiler: Path, hadoop_jars: Sequence[Path], cache: Path, progress: Progress
) -> Path:
    """The jar, made once; it goes before Hadoop's on the class path. Raises InstallError."""
    with as_file(files("windtunnel.hadoop") / "java") as sources:
        digest = _digest(sources, (compiler, *hadoop_jars))
        jar = cache / "node" / f"windtunnel-node-{digest}.jar"
        if jar.exists():
            return jar
        with locked(jar.with_suffix(".lock")):
            if not jar.exists():
                with progress.task("The JVM of a node", unit="files"):
                    _make(java_home, compiler, sources, hadoop_jars, jar)
    return jar


def _digest(sources: Path, jars: Sequence[Path]) -> str:
    digest = hashlib.sha256("\n".join((FORMAT, *(jar.name for jar in jars))).encode())
    for source in sorted(sources.rglob("*.java")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


def _make(java_home: Path, compiler: Path, sources: Path, hadoop_jars: Sequence[Path], jar: Path) -> None:
    classes, part = jar.with_suffix(".classes"), jar.with_suffix(".part")
    shutil.rmtree(classes, ignore_errors=True)
    compile_them = (
        *("-jar", compiler, "-source", JAVA, "-target", JAVA, "-proc:none"),
        *("-cp", ":".join(map(str, hadoop_jars)), "-d", classes, sources),
    )
    run_java(java_home, compile_them, f"{sources} could not be compiled")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as made:
        for file in sorted(classes.rglob("*.class")):
            made.write(file, file.relative_to(classes))
        _add_pages(made, hadoop_jars)
        made.writestr(HANDSHAKE, _patient(hadoop_jars))
    shutil.rmtree(classes)
    part.rename(jar)


def _patient(hadoop_jars: Sequence[Path]) -> bytes:
    """The class of a DataNode that talks to the NameNode, asking again after 250 instead of 5000 milliseconds.

    A NameNode refuses for an instant what comes while it starts: a node that asks just then would be late by that.
    """
    for path in hadoop_jars:
        with zipfile.ZipFile(path) as jar:
            if HANDSHAKE in jar.namelist():
                return with_number(jar.read(HANDSHAKE), 5000, 250)
    raise InstallError(f"No jar of Hadoop has {HANDSHAKE}.")


def _add_pages(made: zipfile.ZipFile, hadoop_jars: Sequence[Path]) -> None:
    """Of several files of a name the first one, as the class path has it."""
    there: set[str] = set()
    for path in hadoop_jars:
        with zipfile.ZipFile(path) as jar:
            for name in jar.namelist():
                if name.startswith(PAGES) and name not in there:
                    there.add(name)
                    made.writestr(name, jar.read(name))
