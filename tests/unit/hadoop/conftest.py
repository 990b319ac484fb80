"""A cluster on paper: nothing of it is installed or runs."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from windtunnel.hadoop.distribution import Distribution, Versions
from windtunnel.hadoop.ports import MasterPorts, NodePorts
from windtunnel.hadoop.spec import ClusterSpec, Node


@pytest.fixture
def spec(tmp_path: Path) -> ClusterSpec:
    distribution = Distribution(
        versions=Versions("3.5.6", 17, "3.9"),
        hadoop_version="3.4.2",
        java_home=Path("/opt/java"),
        hadoop_jars=(Path("/opt/hadoop/a.jar"), Path("/opt/hadoop/b.jar")),
        spark_home=Path("/opt/spark"),
        python=Path("/opt/python/bin/python"),
        archives=Path("/opt/archives"),
        name_node_image=Path("/opt/name"),
    )
    return ClusterSpec(
        id="j-TEST",
        name="test",
        folder=tmp_path / "j-TEST",
        distribution=distribution,
        ports=MasterPorts(8020, 9870, 8032, 8030, 8031, 8033, 8088, 18080),
        configurations={},
        environment={"AWS_REGION": "eu-west-1", "AWS_SECRET_ACCESS_KEY": "very-secret"},
        s3_endpoint="http://127.0.0.1:4566",
        max_executors=4,
    )


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node("i-1", tmp_path / "j-TEST" / "node" / "i-1", 12288, 4, NodePorts(9866, 9864, 8041, 8042))


@pytest.fixture
def with_properties(spec: ClusterSpec) -> Callable[..., ClusterSpec]:
    """The cluster with one classification of the user's."""

    def make(classification: str, properties: dict[str, Any]) -> ClusterSpec:
        return dataclasses.replace(spec, configurations={classification: properties})

    return make
