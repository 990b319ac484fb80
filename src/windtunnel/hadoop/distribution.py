"""A Hadoop and a Spark on this machine: everything that a release's clusters and steps run on."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path

from windtunnel.hadoop import archives, name_node, spark_home
from windtunnel.hadoop.archives import Archive
from windtunnel.hadoop.jars import HADOOP_VERSION, locked_jars, published
from windtunnel.hadoop.jars import folder as jars_folder
from windtunnel.hadoop.mapreduce import fitted_jars
from windtunnel.hadoop.node_jar import node_jar
from windtunnel.hadoop.pythons import python_here
from windtunnel.hadoop.trimmed_jars import trimmed
from windtunnel.install.environments import environment, environment_root, is_made, python_of
from windtunnel.install.errors import InstallError
from windtunnel.install.fetch import fetch
from windtunnel.install.java import java_home
from windtunnel.install.progress import Progress


@dataclass(frozen=True)
class Versions:
    """What a release runs: Spark ("3.5.6"), the major version of Java (17), the minor of Python ("3.9")."""

    spark: str
    java: int
    python: str


@dataclass(frozen=True)
class Distribution:
    """An installed Hadoop and Spark. Nothing in it is written to; clusters keep their state elsewhere."""

    versions: Versions
    """What is installed: its Python may be another one than was asked for."""
    hadoop_version: str
    java_home: Path
    hadoop_jars: tuple[Path, ...]
    """In class path order, for daemons and for Hadoop's command line; conf folders go after them."""
    spark_home: Path
    python: Path
    """The release's interpreter; it has boto3 and numpy, as EMR's, and pip. Clusters have environments over it."""
    archives: Path
    """The folder of class-data-sharing archives that fit this Java and these jars."""
    name_node_image: Path
    """A formatted NameNode folder; `name_node.place` copies it."""
    mapreduce_jars: tuple[Path, ...] = ()
    """MapReduce's, streaming's and distcp's."""

    @property
    def java(self) -> Path:
        return self.java_home / "bin" / "java"

    @property
    def hadoop_archive(self) -> Path:
        """The archive for JVMs whose class path is `hadoop_class_path`; may be missing, see hadoop/jvm.py."""
        return Path(self.class_archives[0].path)

    @property
    def spark_archive(self) -> Path:
        """The archive for JVMs whose class path begins with Spark's jars; may be missing."""
        return Path(self.class_archives[1].path)

    @property
    def class_archives(self) -> tuple[Archive, Archive]:
        """Hadoop's and Spark's, made in the background after `install`; `make()` makes one at once."""
        java = self.versions.java
        return (
            archives.of_hadoop(self.archives, self.hadoop_version, java, self.java, self.hadoop_class_path()),
            archives.of_spark(self.archives, self.versions.spark, java, self.java, self.spark_home),
        )

    def hadoop_class_path(self, *configuration: Path) -> str:
        """The class path of a Hadoop process: the jars, then its configuration folders.

        In this order because an archive of classes fits only a class path that begins with its jars.
        """
        return ":".join(map(str, (*self.hadoop_jars, *self.mapreduce_jars, *configuration)))


def install(versions: Versions, cache: Path, progress: Progress) -> Distribution:
    """Make everything of `versions` be under `cache` and say where; quick when it is there already.

    Where its Python can't be had, another one takes its place, see `windtunnel.hadoop.pythons`.
    Raises InstallError.
    """
    jars = locked_jars()
    with ThreadPoolExecutor(6) as pool:
        here = pool.submit(_versions_here, versions, cache, progress)
        pyspark = pool.submit(_environment, _pyspark, here, cache, progress)
        python = pool.submit(_environment, _python, here, cache, progress)
        java = pool.submit(java_home, versions.java, cache, progress)
        fetch(jars.all(), jars_folder(cache), progress, f"Hadoop {HADOOP_VERSION}")
        common, hadoop, mapreduce, jarjar, (compiler,) = (
            published(artifacts, cache)
            for artifacts in (jars.common, jars.hadoop, jars.mapreduce, jars.jarjar, jars.compiler)
        )
        all_jars = trimmed(common + hadoop, cache, progress)
        common = all_jars[: len(common)]
        image = pool.submit(name_node.image, java.result(), all_jars, cache, progress)
        node = pool.submit(node_jar, java.result(), compiler, all_jars, cache, progress)
        fitted = pool.submit(
            fitted_jars, mapreduce, jarjar, common[0], java.result(), cache=cache, progress=progress
        )
        home = spark_home.spark_home(versions.spark, pyspark.result(), common, cache, progress)
        hadoop_jars, mapreduce_jars = (node.result(), *all_jars), fitted.result()
        distribution = Distribution(
            versions=here.result(),
            hadoop_version=HADOOP_VERSION,
            java_home=java.result(),
            hadoop_jars=hadoop_jars,
            spark_home=home,
            python=python_of(python.result()),
            archives=archives.folder(cache, java.result(), (*hadoop_jars, *mapreduce_jars)),
            name_node_image=image.result(),
            mapreduce_jars=mapreduce_jars,
        )
    archives.make_in_background(distribution.class_archives)
    return distribution


def lock_file(name: str) -> Traversable:
    """The lock of an environment, `spark-3.5.6` or `python-3.9`."""
    return files("windtunnel.hadoop") / "locks" / f"{name}.txt"


def _versions_here(versions: Versions, cache: Path, progress: Progress) -> Versions:
    """`versions` with the Python that its environments are, or can be, made of."""
    if all(_is_made(name, versions.python, cache) for name in (_pyspark(versions), _python(versions))):
        return versions
    return replace(versions, python=python_here(versions.spark, versions.python, progress))


def _pyspark(versions: Versions) -> str:
    return f"spark-{versions.spark}"


def _python(versions: Versions) -> str:
    return f"python-{versions.python}"


def _is_made(name: str, python: str, cache: Path) -> bool:
    with as_file(lock_file(name)) as lock:
        return lock.exists() and is_made(environment_root(name, python=python, lock=lock, cache=cache))


def _environment(
    named: Callable[[Versions], str], here: Future[Versions], cache: Path, progress: Progress
) -> Path:
    versions = here.result()
    name = named(versions)
    with as_file(lock_file(name)) as lock:
        if not lock.exists():
            raise InstallError(f"There is no lock for {name}, so it cannot be installed.")
        return environment(name, python=versions.python, lock=lock, cache=cache, progress=progress)
