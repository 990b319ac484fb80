"""Writes a node's configuration folders; what is in them is said in `sites.py` and `spark_defaults.py`."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from windtunnel.hadoop import sites
from windtunnel.hadoop.spark_defaults import spark_defaults
from windtunnel.hadoop.spec import MASTER_DAEMONS, ClusterSpec, Configurations, Node
from windtunnel.install.files import write_atomically

ENVIRONMENTS = ("hadoop-env", "hdfs-env", "yarn-env", "mapred-env")
"""Classifications whose exports the programs `hadoop`, `hdfs`, `yarn` and `mapred` read."""
DAEMON_LOG4J = "log4j-daemon.properties"
JAVA_SECURITY = "java.security"
JAVA_LOGGING = "logging.properties"  # of java.util.logging: Jersey's pages of INFO
LAYOUT = """\
log4j.appender.{0}.layout=org.apache.log4j.PatternLayout
log4j.appender.{0}.layout.ConversionPattern={1}
"""
CLIENT_LOG4J_TEXT = (
    "log4j.rootLogger=INFO,console\n"
    "log4j.appender.console=org.apache.log4j.ConsoleAppender\n"
    "log4j.appender.console.target=System.err\n"
    + LAYOUT.format("console", "%d{yy/MM/dd HH:mm:ss} %p %c{2}: %m%n")
    + "log4j.logger.org.apache.hadoop.util.NativeCodeLoader=ERROR\n"
    "log4j.logger.org.apache.hadoop.metrics2=WARN\n"
)
SPARK_LOG4J2 = {
    "rootLogger.level": "info",
    "rootLogger.appenderRef.stdout.ref": "console",
    "appender.console.type": "Console",
    "appender.console.name": "console",
    "appender.console.target": "SYSTEM_ERR",
    "appender.console.layout.type": "PatternLayout",
    "appender.console.layout.pattern": "%d{yy/MM/dd HH:mm:ss} %p %c{1}: %m%n%ex",
    "logger.repl.name": "org.apache.spark.repl.Main",
    "logger.repl.level": "warn",
    "logger.jetty.name": "org.sparkproject.jetty",
    "logger.jetty.level": "warn",
}
DAEMON_APPENDER = (
    "log4j.appender.{0}=org.apache.log4j.RollingFileAppender\n"
    "log4j.appender.{0}.File=${{windtunnel.log.{0}}}\n"
    "log4j.appender.{0}.MaxFileSize=64MB\n"
    "log4j.appender.{0}.MaxBackupIndex=4\n"
    "log4j.appender.{0}.filter.own=windtunnel.OfDaemon\n"
    "log4j.appender.{0}.filter.own.daemon={0}\n" + LAYOUT.replace("{1}", "%d{{ISO8601}} %p %c (%t): %m%n")
)
DAEMON_LOGGERS = (
    "log4j.logger.org.apache.hadoop.util.NativeCodeLoader=ERROR\n"
    "log4j.logger.http.requests=WARN\n"  # the service asks every second
)
# Of MapReduce's containers, which say where by properties; the jar that has Hadoop's own is not in the shaded client.
CONTAINER_LOG4J = "container-log4j.properties"
CONTAINER_LOG4J_TEXT = (
    "hadoop.root.logfile=syslog\n"
    "log4j.rootLogger=INFO,file\n"
    "log4j.appender.file=org.apache.log4j.FileAppender\n"
    "log4j.appender.file.File=${yarn.app.container.log.dir}/${hadoop.root.logfile}\n"
    + LAYOUT.format("file", "%d{ISO8601} %p [%t] %c: %m%n")
    + "log4j.logger.org.apache.hadoop.util.NativeCodeLoader=ERROR\n"
)
# Java looks for a security provider that its runtime lacks (SunPCSC, SunPKCS11…) in every jar of the class
# path, and checks the signatures of the signed ones: a quarter of a NodeManager's start. Naming SUN again
# takes those out.
JAVA_SECURITY_TEXT = "".join(f"security.provider.{number}=SUN\n" for number in range(8, 15))
JAVA_LOGGING_TEXT = "handlers=java.util.logging.ConsoleHandler\n.level=WARNING\n"


def write_master(spec: ClusterSpec) -> None:
    """Write `conf/` and `spark-conf/` of the master, each file whole or not at all."""
    _write_hadoop(spec.conf, spec, None)
    if not spec.excluded_data_nodes.exists():  # the NameNode would not start without it
        write_atomically(spec.excluded_data_nodes, "")
    write_atomically(spec.spark_conf / "spark-defaults.conf", properties(spark_defaults(spec)))
    exports = spec.configurations.get("spark-env", {})
    write_atomically(spec.spark_conf / "spark-env.sh", shell_exports(exports))
    for name, text in _spark_files(spec.configurations, spec).items():
        write_atomically(spec.spark_conf / name, text)
    if (hive := spec.configurations.get("hive-site")) is not None:
        write_atomically(spec.hive_conf / "hive-site.xml", site(hive))


def _spark_files(tables: Configurations, spec: ClusterSpec) -> dict[str, str]:
    """What only a classification brings into Spark's folder; without one Spark's own defaults hold."""
    files = {}
    if (log4j2 := tables.get("spark-log4j2")) is not None:
        files["log4j2.properties"] = properties({**SPARK_LOG4J2, **log4j2})
    if (log4j := tables.get("spark-log4j")) is not None:
        files["log4j.properties"] = CLIENT_LOG4J_TEXT + properties(log4j)
    if "spark-hive-site" in tables:
        files["hive-site.xml"] = site(sites.spark_hive_site(spec))
    return files


def write_worker(spec: ClusterSpec, node: Node) -> None:
    """Write `conf/` of a worker node."""
    _write_hadoop(node.conf, spec, node)


def daemon_log4j(daemons: Sequence[str]) -> str:
    """The log4j properties of a node's JVM: a log for each of its daemons."""
    appenders = "".join(DAEMON_APPENDER.format(daemon) for daemon in daemons)
    return f"log4j.rootLogger=INFO,{','.join(daemons)}\n{appenders}{DAEMON_LOGGERS}"


def _write_hadoop(folder: Path, spec: ClusterSpec, node: Node | None) -> None:
    tables = (node or spec).configurations
    log4j = properties(tables.get("hadoop-log4j", {}))
    files = {
        "core-site.xml": site(sites.core_site(spec, node)),
        "hdfs-site.xml": site(sites.hdfs_site(spec, node)),
        "yarn-site.xml": site(sites.yarn_site(spec, node)),
        "mapred-site.xml": site(sites.mapred_site(spec, node)),
        "capacity-scheduler.xml": site(sites.capacity_scheduler(spec, node)),
        "emrfs-site.xml": site(sites.emrfs_site(spec, node)),
        "log4j.properties": CLIENT_LOG4J_TEXT + log4j,
        DAEMON_LOG4J: daemon_log4j(node.daemons if node else MASTER_DAEMONS) + log4j,
        CONTAINER_LOG4J: CONTAINER_LOG4J_TEXT + log4j,
        **{f"{name}.sh": shell_exports(tables.get(name, {})) for name in ENVIRONMENTS},
        JAVA_SECURITY: JAVA_SECURITY_TEXT,
        JAVA_LOGGING: JAVA_LOGGING_TEXT,
    }
    for name, text in files.items():
        write_atomically(folder / name, text)


def site(values: Mapping[str, str]) -> str:
    """A Hadoop site file."""
    lines = [
        f"  <property><name>{escape(name)}</name><value>{escape(value)}</value></property>"
        for name, value in values.items()
    ]
    return "\n".join(('<?xml version="1.0"?>', "<configuration>", *lines, "</configuration>", ""))


def properties(values: Mapping[str, str]) -> str:
    """A file of Java properties, as spark-defaults.conf is one."""
    return "".join(f"{_escaped(name, ' =:#!')} {_escaped(value)}\n" for name, value in values.items())


def _escaped(text: str, separators: str = "") -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    text = re.sub(f"([{re.escape(separators)}])", r"\\\1", text) if separators else text
    return re.sub(r"^ ", r"\\ ", text)


def shell_exports(values: Mapping[str, str]) -> str:
    """A file that a shell sources. `$NAME` is expanded, as on EMR; nothing in a value is run.

    Raises ValueError for what is no name of a variable: it would be run.
    """
    if odd := [name for name in values if not is_variable_name(name)]:
        raise ValueError(f"No names of variables: {odd}")
    return "".join(f'export {name}="{_quoted(value)}"\n' for name, value in values.items())


def _quoted(value: str) -> str:
    return re.sub(r'[\\"`]|\$(?![A-Za-z_]|\{[A-Za-z_]\w*\})', r"\\\g<0>", value)


def is_variable_name(name: str) -> bool:
    """Whether a shell takes it as the name of a variable."""
    return re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) is not None
