"""Write the lists of classes that go into the archives of a Spark ("3.5.6") and of Hadoop on a Java ("17"):
`python -m windtunnel.hadoop.class_lists <folder> <spark> <java>`.

The folder holds what JVMs of clusters and steps wrote that had, in their environment,
JAVA_TOOL_OPTIONS=-XX:DumpLoadedClassList=<folder>/%p.lst: a run of every daemon, of `hadoop fs`, `hdfs dfs`
and `yarn` on hdfs:// and s3://, and of PySpark jobs in client mode and on `local`.
"""

import lzma
import sys
from collections.abc import Iterable
from pathlib import Path

from windtunnel.hadoop.archives import hadoop_list, spark_list
from windtunnel.hadoop.jars import HADOOP_VERSION
from windtunnel.install.files import write_atomically

DRIVER = "org/apache/spark/deploy/SparkSubmit "
HADOOP = "org/apache/hadoop/conf/Configuration "
LOCKS = Path(__file__).with_name("locks")


def merge(lists: Iterable[str]) -> str:
    """All lines of the lists, each once, without the classes of a program's own class loaders."""
    lines = dict.fromkeys(line for text in lists for line in text.splitlines())
    return "\n".join(line for line in lines if not line.startswith("#") and "source:" not in line) + "\n"


def write(folder: Path, spark: str, java: int) -> None:
    """Sort what the JVMs wrote by whose class path they had, and write Hadoop's list and Spark's."""
    texts = [path.read_text() for path in sorted(folder.glob("*.lst"))]
    of_spark = [text for text in texts if DRIVER in f"{text} " or "\n" + DRIVER.strip() in text]
    of_hadoop = [text for text in texts if HADOOP.strip() in text and "org/apache/spark/" not in text]
    for name, lists in ((hadoop_list(HADOOP_VERSION, java), of_hadoop), (spark_list(spark, java), of_spark)):
        data = lzma.compress(merge(lists).encode(), preset=9 | lzma.PRESET_EXTREME)
        write_atomically(LOCKS / f"{name}.classes.xz", data)


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
