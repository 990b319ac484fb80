"""Classifications: which are executed, how they lie over each other, what of them exists on AWS only."""

from typing import Any

import pytest

from tests.behaviours import behaviour
from windtunnel.aws.errors import ServiceError
from windtunnel.emr.configurations import (
    EXECUTED,
    OF_OTHER_APPLICATIONS,
    flatten,
    merge,
    on_this_machine,
)

GLUE = "com.amazonaws.glue.catalog.metastore.AWSGlueDataCatalogHiveClientFactory"


def entry(classification: str, /, **properties: str) -> dict[str, Any]:
    return {"Classification": classification, "Properties": properties}


@behaviour(
    "configurations",
    "The properties of an instance group's classification lie over the cluster's; later ones win.",
)
def test_later_properties_win_and_a_groups_lie_over_its_clusters() -> None:
    cluster = flatten([entry("yarn-site", a="1", b="1"), entry("yarn-site", b="2")])
    assert cluster == {"yarn-site": {"a": "1", "b": "2"}}
    group = flatten([entry("yarn-site", b="3"), entry("hdfs-site", c="4")])
    assert merge(cluster, group) == {"yarn-site": {"a": "1", "b": "3"}, "hdfs-site": {"c": "4"}}


@pytest.mark.parametrize("name", sorted(EXECUTED))
@behaviour(
    "configurations",
    "A classification that ends in -env takes its variables in a nested classification export.",
)
def test_each_classification_is_taken(name: str) -> None:
    if name.endswith("-env"):
        exports = {"Classification": "export", "Properties": {"A": "1"}}
        assert flatten([{"Classification": name, "Configurations": [exports]}]) == {name: {"A": "1"}}
    else:
        key = "maximizeResourceAllocation" if name == "spark" else "a"
        assert flatten([entry(name, **{key: "true"})]) == {name: {key: "true"}}


REFUSED: list[tuple[dict[str, Any], str]] = [
    (entry("nonsense"), "'nonsense' is not supported"),
    (entry("hbase-site"), "it is for HBase"),
    (entry("spark", other="1"), "go into 'spark-defaults'"),
    (entry("hadoop-env", A="1"), "nested classification 'export'"),
    ({"Classification": "yarn-site", "Configurations": [entry("x")]}, "takes Properties"),
    ({"Classification": "yarn-env", "Configurations": [entry("x")]}, "only the nested classification"),
    ({"Classification": "yarn-env", "Configurations": [entry("export", **{"A;b": "1"})]}, "no name of"),
    ({}, "'' is not supported"),
]


@pytest.mark.parametrize(("wrong", "message"), REFUSED)
@behaviour("configurations", "An unknown classification is a ValidationException.")
def test_what_can_not_be_executed_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ServiceError, match=message) as refused:
        flatten([wrong])
    assert refused.value.code == "ValidationException"


def test_no_classification_is_both_executed_and_anothers() -> None:
    others = [name for names in OF_OTHER_APPLICATIONS.values() for name in names]
    assert len(others) == len(set(others))
    assert not EXECUTED & set(others)


def test_what_exists_on_aws_only_is_left_out_and_told() -> None:
    tables = {
        "spark-hive-site": {"hive.metastore.client.factory.class": GLUE, "hive.a": "b"},
        "spark-env": {
            "JAVA_HOME": "/usr/lib/jvm/java-11-amazon-corretto.x86_64",
            "B": "c",
            "PYSPARK_PYTHON": "/usr/bin/python3",
        },
        "spark-defaults": {"spark.executorEnv.JAVA_HOME": "/usr/lib/jvm/jre-17", "spark.a": "b"},
        "hadoop-env": {"JAVA_HOME": "/opt/mine"},
    }
    here, remarks = on_this_machine(tables)
    assert here == {
        "spark-hive-site": {"hive.a": "b"},
        "spark-env": {"B": "c"},
        "spark-defaults": {"spark.a": "b"},
        "hadoop-env": {"JAVA_HOME": "/opt/mine"},
    }
    assert [remark.split()[0] for remark in remarks] == [
        "hive.metastore.client.factory.class",
        "JAVA_HOME",
        "PYSPARK_PYTHON",
        "spark.executorEnv.JAVA_HOME",
    ]


def test_glues_catalog_is_a_metastore_here_wherever_it_is_named() -> None:
    key = "spark.hadoop.hive.metastore.client.factory.class"
    here, _ = on_this_machine({"spark-defaults": {key: GLUE}})
    assert here == {"spark-defaults": {}, "spark-hive-site": {}}
