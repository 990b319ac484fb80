"""Classifications: a request's nested Configurations as one flat table for each configuration file."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from windtunnel.emr.errors import validation_exception
from windtunnel.hadoop.configuration import is_variable_name

EXECUTED = frozenset(
    {
        "spark",
        "spark-defaults",
        "spark-env",
        "spark-hive-site",
        "spark-log4j",
        "spark-log4j2",
        "core-site",
        "hdfs-site",
        "yarn-site",
        "mapred-site",
        "capacity-scheduler",
        "hadoop-env",
        "hdfs-env",
        "yarn-env",
        "mapred-env",
        "hadoop-log4j",
        "emrfs-site",
        "hive-site",
    }
)
"""Classifications that reach the cluster's files."""
OF_OTHER_APPLICATIONS: Mapping[str, tuple[str, ...]] = {
    "Delta Lake": ("delta-defaults",),
    "Flink": ("flink-conf", "flink-log4j", "flink-log4j-session", "flink-log4j-cli"),
    "HBase": ("hbase", "hbase-env", "hbase-log4j", "hbase-metrics", "hbase-policy", "hbase-site"),
    "HCatalog": (
        *("hcatalog-env", "hcatalog-server-jndi", "hcatalog-server-proto-hive-site"),
        *("hcatalog-webhcat-env", "hcatalog-webhcat-log4j2", "hcatalog-webhcat-site"),
    ),
    "Hadoop KMS, TLS or HttpFS": (
        *("hadoop-kms-acls", "hadoop-kms-env", "hadoop-kms-java-home", "hadoop-kms-log4j", "hadoop-kms-site"),
        *("hadoop-ssl-client", "hadoop-ssl-server", "httpfs-env", "httpfs-site", "hadoop-metrics2"),
        *("container-executor", "container-log4j", "hadoop-policy", "hadoop-user-functions.sh"),
    ),
    "Hive": (
        *("hive", "hive-beeline-log4j2", "hive-parquet-logging", "hive-env", "hive-exec-log4j2"),
        *("hive-llap-daemon-log4j2", "hive-log4j2", "hiveserver2-site"),
    ),
    "Hudi": ("hudi-env", "hudi-defaults"),
    "Hue": ("hue-ini",),
    "Iceberg": ("iceberg-defaults",),
    "JupyterHub": ("jupyter-notebook-conf", "jupyter-hub-conf", "jupyter-s3-conf", "jupyter-sparkmagic-conf"),
    "Livy": ("livy-conf", "livy-env", "livy-log4j2"),
    "Oozie": ("oozie-env", "oozie-log4j", "oozie-site"),
    "Phoenix": ("phoenix-hbase-metrics", "phoenix-hbase-site", "phoenix-log4j", "phoenix-metrics"),
    "Pig": ("pig-env", "pig-properties", "pig-log4j"),
    "Presto or Trino": (
        *("presto-log", "presto-config", "presto-password-authenticator", "presto-env", "presto-node"),
        *("presto-connector-hive", "trino-log", "trino-config", "trino-env", "trino-node"),
        *("trino-connector-hive", "trino-connector-iceberg", "prestosql-config", "prestosql-connector-hive"),
    ),
    "Ranger": ("ranger-kms-dbks-site", "ranger-kms-site", "ranger-kms-env", "ranger-kms-log4j"),
    "Sqoop": ("sqoop-env", "sqoop-oraoop-site", "sqoop-site"),
    "Tez": ("tez-site",),
    "Zeppelin": ("zeppelin-env", "zeppelin-site"),
    "ZooKeeper": ("zookeeper-config", "zookeeper-log4j", "zookeeper-logback"),
    "the spark-metrics file": ("spark-metrics",),
    "the EMR metrics agent": ("emr-metrics", "emr-metric-collector"),
    "the docker runtime": ("docker-conf",),
}
"""What else Amazon EMR knows, by what it belongs to."""
_OWNERS = {name: owner for owner, names in OF_OTHER_APPLICATIONS.items() for name in names}
_EXPORT = "export"
_UNWRITABLE = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML, and so Hadoop's configuration files, can't hold; NUL is in no variable either."""
_MAXIMIZE = "maximizeResourceAllocation"
_AMAZONS_JAVA = "/usr/lib/jvm/"
_AMAZONS_PYTHON = r"(/usr/(local/)?bin/)?python(3(\.\d+)?)?"
_GLUE = "AWSGlueDataCatalogHiveClientFactory"


def flatten(configurations: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Classification -> properties; those of a later entry win. An `*-env`'s nested export is its table.

    Raises ValidationException for a classification that is not executed, or one that is nested wrongly.
    """
    tables: dict[str, dict[str, str]] = {}
    for entry in configurations:
        classification = entry.get("Classification") or ""
        _check_classification(classification)
        table = tables.setdefault(classification, {})
        table.update(_exports(entry) if classification.endswith("-env") else _properties(entry))
        _check_writable(classification, table)
    return tables


def merge(
    cluster: Mapping[str, Mapping[str, str]], group: Mapping[str, Mapping[str, str]]
) -> dict[str, dict[str, str]]:
    """A cluster's tables with those of an instance group laid over them."""
    return {name: {**cluster.get(name, {}), **group.get(name, {})} for name in {*cluster, *group}}


def on_this_machine(tables: Mapping[str, Mapping[str, str]]) -> tuple[dict[str, dict[str, str]], list[str]]:
    """The tables without what names a part of Amazon's images, and a sentence for each such and what stands for it."""
    here: dict[str, dict[str, str]] = {}
    remarks = []
    for classification, table in tables.items():
        kept = here.setdefault(classification, {})
        for name, value in table.items():
            if name.endswith("JAVA_HOME") and value.startswith(_AMAZONS_JAVA):
                remarks.append(
                    f"{name} of {classification} names a Java of Amazon's image, {value}: the release's Java runs here."
                )
            elif name.endswith("PYTHON") and re.fullmatch(_AMAZONS_PYTHON, value):
                remarks.append(
                    f"{name} of {classification} names the Python of Amazon's image, {value}: "
                    f"the cluster's own runs here."
                )
            elif value.endswith(_GLUE):
                remarks.append(
                    f"{name} of {classification} names AWS Glue's catalog, which exists only on AWS: tables are kept "
                    f"in a metastore of this cluster's own, which one program at a time can open."
                )
                here.setdefault("spark-hive-site", {})
            else:
                kept[name] = value
    if "hive-site" in tables:
        remarks.append(
            "hive-site is for Hive, which does not run here; what Spark SQL is to read, spark-hive-site says."
        )
    return here, remarks


def _check_writable(classification: str, table: Mapping[str, str]) -> None:
    for key, value in table.items():
        if _UNWRITABLE.search(key + value):
            raise validation_exception(
                f"The property {key!r} of '{classification}' has a control character, which no file or variable can "
                "hold."
            )


def _check_classification(name: str) -> None:
    if name in EXECUTED:
        return
    if owner := _OWNERS.get(name):
        raise validation_exception(
            f"windtunnel does not execute the classification '{name}': it is for {owner}, which does not run here. "
            f"Executed are: {', '.join(sorted(EXECUTED))}."
        )
    # ~: Amazon's own words are unknown
    raise validation_exception(
        f"The configuration classification '{name}' is not supported. Executed are: {', '.join(sorted(EXECUTED))}."
    )


def _properties(entry: Mapping[str, Any]) -> Mapping[str, str]:
    if entry.get("Configurations"):
        raise validation_exception(
            f"The classification '{entry['Classification']}' takes Properties, not nested Configurations."
        )
    properties: Mapping[str, str] = entry.get("Properties") or {}
    if entry["Classification"] == "spark" and (odd := [name for name in properties if name != _MAXIMIZE]):
        raise validation_exception(
            f"The classification 'spark' takes {_MAXIMIZE}, not '{odd[0]}': properties of Spark go into "
            f"'spark-defaults'."
        )
    return properties


def _exports(entry: Mapping[str, Any]) -> dict[str, str]:
    classification = entry["Classification"]
    if entry.get("Properties"):
        raise validation_exception(
            f"Put the Properties of '{classification}' into a nested classification '{_EXPORT}'."
        )
    exports: dict[str, str] = {}
    for nested in entry.get("Configurations") or []:
        if nested.get("Classification") != _EXPORT:
            raise validation_exception(
                f"'{classification}' takes only the nested classification '{_EXPORT}'."
            )
        exports.update(nested.get("Properties") or {})
    if odd := [name for name in exports if not is_variable_name(name)]:
        raise validation_exception(f"'{odd[0]}' in '{classification}' is no name of a variable.")
    return exports
