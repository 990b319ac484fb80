import dataclasses
from collections.abc import Callable

import pytest

from windtunnel.hadoop.sites import (
    capacity_scheduler,
    core_site,
    emrfs_site,
    hdfs_site,
    mapred_site,
    yarn_site,
)
from windtunnel.hadoop.spec import ClusterSpec, Node


def test_every_s3_scheme_is_s3a_at_the_endpoint_given(spec: ClusterSpec) -> None:
    site = core_site(spec)
    assert {site[f"fs.{scheme}.impl"] for scheme in ("s3", "s3n", "s3a")} == {
        "org.apache.hadoop.fs.s3a.S3AFileSystem"
    }
    assert {site[f"fs.AbstractFileSystem.{scheme}.impl"] for scheme in ("s3", "s3n", "s3a")} == {
        "org.apache.hadoop.fs.s3a.S3A"
    }
    assert site["fs.s3a.endpoint"] == "http://127.0.0.1:4566"
    assert site["fs.s3a.path.style.access"] == "true"
    assert site["fs.s3a.endpoint.region"] == "eu-west-1"


def test_no_site_holds_a_credential(spec: ClusterSpec, node: Node) -> None:
    values = [*core_site(spec).values(), *hdfs_site(spec, node).values(), *yarn_site(spec, node).values()]
    assert not [value for value in values if "very-secret" in value]


def test_a_node_has_the_memory_and_the_cores_of_its_instance_type(spec: ClusterSpec, node: Node) -> None:
    larger = dataclasses.replace(node, memory_mb=24576, vcores=8)
    site = yarn_site(spec, larger)
    assert site["yarn.nodemanager.resource.memory-mb"] == "24576"
    assert site["yarn.nodemanager.resource.cpu-vcores"] == "8"


def test_memory_is_not_measured_and_a_full_disk_stops_no_node(spec: ClusterSpec, node: Node) -> None:
    site = yarn_site(spec, node)
    assert site["yarn.nodemanager.vmem-check-enabled"] == "false"
    assert site["yarn.nodemanager.pmem-check-enabled"] == "false"
    assert site["yarn.nodemanager.disk-health-checker.enable"] == "false"


def test_containers_get_what_they_need_to_find_aws_and_what_ends_them_with_the_cluster(
    spec: ClusterSpec, node: Node
) -> None:
    names = set(yarn_site(spec, node)["yarn.nodemanager.env-whitelist"].split(","))
    assert {
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "WINDTUNNEL_CLUSTER",
        "WINDTUNNEL_NODE",
        "JAVA_HOME",
    } <= names


def test_container_logs_stay_on_the_nodes_disk_without_the_script_that_holds_credentials(
    spec: ClusterSpec, node: Node
) -> None:
    site = yarn_site(spec, node)
    assert site["yarn.nodemanager.log-dirs"] == str(spec.containers("i-1"))
    assert site["yarn.log-aggregation-enable"] == "false"
    assert site["yarn.nodemanager.log-container-debug-info.enabled"] == "false"


def test_everything_listens_on_the_loopback_interface(spec: ClusterSpec, node: Node) -> None:
    sites = {**core_site(spec), **hdfs_site(spec, node), **yarn_site(spec, node)}
    addresses = {name: value for name, value in sites.items() if name.endswith("address")}
    assert len(addresses) > 10
    assert not [name for name, value in addresses.items() if not value.startswith("127.0.0.1:")]


def test_the_scheduler_is_emrs_and_lets_steps_run_side_by_side(spec: ClusterSpec) -> None:
    scheduler = capacity_scheduler(spec)
    calculator = scheduler["yarn.scheduler.capacity.resource-calculator"]
    assert calculator.endswith(".DefaultResourceCalculator")
    assert float(scheduler["yarn.scheduler.capacity.maximum-am-resource-percent"]) >= 0.5


def test_each_node_has_its_own_groups_properties_and_the_master_its_own(
    with_properties: Callable[..., ClusterSpec], node: Node
) -> None:
    every = {
        "core-site": core_site,
        "hdfs-site": hdfs_site,
        "yarn-site": yarn_site,
        "mapred-site": mapred_site,
        "capacity-scheduler": capacity_scheduler,
        "emrfs-site": emrfs_site,
    }
    for name, made in every.items():
        master = with_properties(name, {"mine": "the master's"})
        worker = dataclasses.replace(node, configurations={name: {"mine": "the worker's"}})
        assert made(master)["mine"] == "the master's"
        assert made(master, worker)["mine"] == "the worker's"
        assert "mine" not in made(master, node)


def test_what_is_given_wins_over_ours(with_properties: Callable[..., ClusterSpec], node: Node) -> None:
    memory = "yarn.nodemanager.resource.memory-mb"
    group = dataclasses.replace(node, configurations={"yarn-site": {memory: "4096"}})
    assert yarn_site(with_properties("yarn-site", {}), group)[memory] == "4096"


def test_yarn_keeps_nothing_outside_the_folder_of_its_cluster(spec: ClusterSpec, node: Node) -> None:
    site = yarn_site(spec, node)
    stores = [value for name, value in site.items() if name.endswith("fs-store.root-dir")]
    assert len(stores) == 2
    assert all(value.startswith(spec.folder.as_uri()) for value in stores)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"fs.s3.maxConnections": "7"}, {"fs.s3a.connection.maximum": "7"}),
        ({"fs.s3.enableServerSideEncryption": "true"}, {"fs.s3a.encryption.algorithm": "AES256"}),
        (
            {"fs.s3.enableServerSideEncryption": "true", "fs.s3.serverSideEncryption.kms.keyId": "k"},
            {"fs.s3a.encryption.algorithm": "SSE-KMS", "fs.s3a.encryption.key": "k"},
        ),
        ({"fs.s3.consistent": "true"}, {}),
    ],
)
def test_s3a_reads_what_emrfs_has_under_another_name(
    spec: ClusterSpec,
    with_properties: Callable[..., ClusterSpec],
    given: dict[str, str],
    read: dict[str, str],
) -> None:
    assert core_site(with_properties("emrfs-site", given)) == {**core_site(spec), **read}


def test_a_mapreduce_task_takes_a_share_of_its_node_and_a_heap_within_it(
    with_properties: Callable[..., ClusterSpec],
) -> None:
    site = mapred_site(with_properties("mapred-site", {"mapreduce.reduce.memory.mb": "1000"}))
    assert site["mapreduce.map.memory.mb"] == "3072"
    assert site["mapreduce.map.java.opts"] == "-Xmx2457m"
    assert site["mapreduce.reduce.memory.mb"] == "1000"
    assert site["mapreduce.job.running.map.limit"] == "4"


def test_each_node_has_a_shuffle_at_a_port_of_its_own_and_nobody_asks_a_history_server(
    spec: ClusterSpec, node: Node
) -> None:
    assert yarn_site(spec, node)["yarn.nodemanager.aux-services"] == "mapreduce_shuffle"
    assert mapred_site(spec, node)["mapreduce.shuffle.port"] == "0"
    assert mapred_site(spec)["mapreduce.jobhistory.address"] == ""
