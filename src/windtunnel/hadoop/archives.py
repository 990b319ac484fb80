"""Class-data-sharing archives: the classes of Hadoop and of Spark, parsed and verified once for all JVMs.

An archive fits one Java and a class path that begins with exactly the jars it was made from; where it
does not fit, the JVM starts without it. Which classes go in is said by the lists in locks/*.classes.xz,
see `windtunnel.hadoop.class_lists`; for a Spark or a Java that has no list, none is made.

Making them takes a minute or more of a core, since Java interprets everything while it does. Nothing
waits for that: a process of its own (`python -m windtunnel.hadoop.archives`), of lowest priority, makes
what is missing and ends; until then JVMs start without.
"""

import hashlib
import json
import lzma
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path

from windtunnel.install.files import locked, write_atomically

DUMP_SECONDS = 1200
NICENESS = 19
KEPT = ("PATH", "HOME", "TMPDIR", "LANG")


@dataclass(frozen=True)
class Archive:
    """An archive at `path` of the classes that the list `name` ("spark-3.5-java-17") has, of one class path."""

    name: str
    path: str
    java: str
    class_path: str

    @property
    def wanted(self) -> bool:
        """Whether there is something to make: no archive yet, no failure to make it, but a list of classes."""
        path = Path(self.path)
        return not path.exists() and not _failed(path).exists() and _classes(self.name) is not None

    def make(self) -> None:
        """Make it, if it is wanted; waits for whoever is making it.

        When that fails, what the JVM said is in the file beside it that ends in `.failed`: everything
        runs without the archive, so it is not tried again until that file is removed.
        """
        path = Path(self.path)
        with locked(path.with_suffix(".lock")):
            classes = _classes(self.name)
            if self.wanted and classes is not None:
                said = _dump(lzma.decompress(classes), path, self.java, self.class_path)
                if said is not None:
                    write_atomically(_failed(path), said)


def folder(cache: Path, java_home: Path, jars: Sequence[Path]) -> Path:
    """Where the archives for this Java and these jars are; a JVM looks at the jars' times, so they count."""
    times = (f"{jar} {jar.stat().st_mtime_ns}" for jar in (*jars, java_home / "bin" / "java"))
    return cache / "archives" / hashlib.sha256("\n".join(times).encode()).hexdigest()[:12]


def of_hadoop(folder: Path, version: str, major: int, java: Path, class_path: str) -> Archive:
    """The archive for JVMs (`java`, of version `major`) whose class path begins with Hadoop's jars."""
    path = folder / f"hadoop-{version}.jsa"
    return Archive(hadoop_list(version, major), str(path), str(java), class_path)


def of_spark(folder: Path, version: str, major: int, java: Path, home: Path) -> Archive:
    """The archive for JVMs (`java`, of version `major`) whose class path begins with this Spark home's jars."""
    path = folder / f"spark-{home.name}.jsa"
    return Archive(spark_list(version, major), str(path), str(java), f"{home}/jars/*")


def hadoop_list(version: str, java: int) -> str:
    """The name of the list of Hadoop's classes: each Java has its own, since it has classes of its own."""
    return f"hadoop-{version}-java-{java}"


def spark_list(version: str, java: int) -> str:
    """The name of the list of Spark's classes, which maintenance releases of one Spark share."""
    return f"spark-{version.rpartition('.')[0]}-java-{java}"


def make_in_background(archives: Sequence[Archive]) -> None:
    """Have a process of its own make the archives that are wanted, one after the other."""
    wanted = [asdict(archive) for archive in archives if archive.wanted]
    if not wanted:
        return
    # It belongs to the cache, not to the project whose set-up happened to start it.
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    subprocess.run(
        (sys.executable, "-m", "windtunnel.hadoop.archives", json.dumps(wanted)),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )


def _failed(path: Path) -> Path:
    return path.with_suffix(".failed")


def _classes(name: str) -> bytes | None:
    path = files("windtunnel.hadoop") / "locks" / f"{name}.classes.xz"
    return path.read_bytes() if path.is_file() else None


def _dump(classes: bytes, path: Path, java: str, class_path: str) -> str | None:
    """Make the archive; what the JVM said when it could not, else None."""
    listed, part = path.with_suffix(".classes"), path.with_suffix(f".part{os.getpid()}")
    write_atomically(listed, classes)
    for left in path.parent.glob(f"{path.stem}.part*"):
        left.unlink()
    try:
        done = subprocess.run(
            (
                *(java, "-Xshare:dump", "-XX:+UseG1GC", "-Xlog:disable", "-Xlog:all=error:stderr"),
                *(f"-XX:SharedClassListFile={listed}", f"-XX:SharedArchiveFile={part}", "-cp", class_path),
            ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=DUMP_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode or not part.exists():
        return f"exit code {done.returncode}\n{done.stdout}{done.stderr}"
    part.rename(path)
    listed.unlink()
    return None


def _main(wanted: str) -> None:
    if os.fork():
        return  # the parent of the process that works is whoever adopts it
    os.setsid()
    os.nice(NICENESS)
    for archive in json.loads(wanted):
        Archive(**archive).make()


if __name__ == "__main__":
    _main(sys.argv[1])
