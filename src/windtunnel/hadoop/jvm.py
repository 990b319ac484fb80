"""The flags of the JVMs that we start: small, quick to start, quiet."""

from pathlib import Path

from windtunnel.hadoop.distribution import Distribution

# Hadoop 3.4 reads fields of java.lang by reflection: without this both YARN daemons die at start on Java 17.
MODULES = ("--add-opens=java.base/java.lang=ALL-UNNAMED",)
# A JVM must start, and say nothing about it, when an archive does not fit.
SHARING = ("-Xshare:auto", "-Xlog:disable", "-Xlog:all=error:stderr")
# Java 17 moves an archive to a random address, which means to read and patch all of it, in each JVM:
# half of the start of a small one, and 130 MB that it shares with nobody.
IN_PLACE = ("-XX:+UnlockDiagnosticVMOptions", "-XX:ArchiveRelocationMode=0")


def sharing(archive: Path) -> tuple[str, ...]:
    """The options that make a JVM take its classes from `archive`, if that is there and fits."""
    # Naming a missing archive would cost the JVM the one of its own Java.
    return (*SHARING, *IN_PLACE, f"-XX:SharedArchiveFile={archive}") if archive.exists() else SHARING


def daemon_java_options(distribution: Distribution, heap_mb: int) -> list[str]:
    """The JVM options of a node's daemons."""
    return [
        f"-Xmx{heap_mb}m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Xss512k",
        *MODULES,
        *sharing(distribution.hadoop_archive),
    ]
