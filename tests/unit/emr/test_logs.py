"""Logs on their way to S3, against moto."""

import gzip
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from tests.behaviours import behaviour
from tests.emr import Emr, step
from tests.ports import free_port
from windtunnel.emr.folders import ClusterFolder
from windtunnel.emr.logs import LogShipper, log_folders

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "us-east-1"}


@pytest.fixture
def s3() -> Iterator["S3Client"]:
    with mock_aws():
        client = boto3.client("s3", aws_access_key_id="k", aws_secret_access_key="s", region_name="us-east-1")
        client.create_bucket(Bucket="emr-logs")
        yield client


@pytest.fixture
def cluster(tmp_path: Path) -> ClusterFolder:
    folder = ClusterFolder(tmp_path / "j-1")
    files = {
        folder.step("s-1").log("stderr"): "step",
        folder.step("s-1").log("other"): "no log",
        folder.bootstrap_action("i-1", 1).log("controller"): "action",
        folder.path / "containers/i-2/application_1_1/container_1_1_01_000001/stdout": "container",
    }
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@behaviour(
    "failures",
    "Logs are kept at LogUri/cluster/steps/step, node/instance/bootstrap-actions/number and "
    "containers/application/container, gzipped.",
)
def test_logs_land_under_emrs_own_keys(s3: "S3Client", cluster: ClusterFolder) -> None:
    assert LogShipper(ENVIRONMENT, "").ship(cluster, "s3://emr-logs/emr/", log_folders(cluster))
    bodies = {
        found["Key"]: gzip.decompress(s3.get_object(Bucket="emr-logs", Key=found["Key"])["Body"].read())
        for found in s3.list_objects_v2(Bucket="emr-logs")["Contents"]
    }
    assert bodies == {
        "emr/j-1/steps/s-1/stderr.gz": b"step",
        "emr/j-1/node/i-1/bootstrap-actions/1/controller.gz": b"action",
        "emr/j-1/containers/application_1_1/container_1_1_01_000001/stdout.gz": b"container",
    }


def test_only_what_has_changed_is_copied_again(s3: "S3Client", cluster: ClusterFolder) -> None:
    shipper = LogShipper(ENVIRONMENT, "")
    shipper.ship(cluster, "s3://emr-logs/emr/", log_folders(cluster))
    for found in s3.list_objects_v2(Bucket="emr-logs")["Contents"]:
        s3.delete_object(Bucket="emr-logs", Key=found["Key"])
    log = cluster.step("s-1").log("stderr")
    log.write_text("step, and more")
    os.utime(log, ns=(1, 1))
    shipper.ship(cluster, "s3://emr-logs/emr/", log_folders(cluster))
    assert [found["Key"] for found in s3.list_objects_v2(Bucket="emr-logs")["Contents"]] == [
        "emr/j-1/steps/s-1/stderr.gz"
    ]


@behaviour("failures", "A bucket for logs that isn't there harms neither cluster nor step.", "believed")
def test_a_bucket_that_is_not_there_is_told_and_harms_nothing(
    s3: "S3Client", cluster: ClusterFolder, caplog: pytest.LogCaptureFixture
) -> None:
    assert not LogShipper(ENVIRONMENT, "").ship(cluster, "s3://none/emr/", log_folders(cluster))
    assert "NoSuchBucket" in caplog.text


def test_an_s3_that_does_not_answer_is_left_alone_for_a_while(
    cluster: ClusterFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipper = LogShipper(ENVIRONMENT, f"http://127.0.0.1:{free_port()}")
    assert not shipper.ship(cluster, "s3://emr-logs/emr/", log_folders(cluster))
    monkeypatch.setattr(shipper, "_s3", lambda: pytest.fail("it was asked again at once"))
    assert not shipper.ship(cluster, "s3://emr-logs/emr/", log_folders(cluster))


def test_logs_that_could_not_be_saved_at_the_end_follow_whatever_becomes_of_others(
    s3: "S3Client", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("windtunnel.emr.cluster_reconciler.SAVE_SECONDS", 0)
    emr = Emr(tmp_path / "emr", ENVIRONMENT)
    clusters = []
    for bucket in ("never", "later"):
        made = emr.run(
            step("true"), Instances={"KeepJobFlowAliveWhenNoSteps": False}, LogUri=f"s3://{bucket}/"
        )
        emr.wait(made, "TERMINATED")
        clusters.append(made)
    s3.create_bucket(Bucket="later")
    emr.reconciler.save_late_logs()
    keys = [found["Key"] for found in s3.list_objects_v2(Bucket="later")["Contents"]]
    assert any(key.startswith(f"{clusters[1]}/steps/") for key in keys)
    emr.stop()


def test_the_data_of_an_ended_cluster_goes_and_its_logs_stay(cluster: ClusterFolder) -> None:
    for data in ("hdfs/name/image", "node/i-1/data/block"):
        (cluster.path / data).parent.mkdir(parents=True, exist_ok=True)
        (cluster.path / data).write_text("data")
    cluster.remove_data()
    left = {path.relative_to(cluster.path).parts[0] for path in cluster.path.rglob("*") if path.is_file()}
    assert left == {"steps", "node", "containers"}
    assert not (cluster.path / "node/i-1/data").exists()
