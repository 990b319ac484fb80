"""What LocalStack holds when it is ready, and what the next run finds there, by the real script against moto's S3."""

import os
import runpy
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.scripts import HOOK, UPLOAD, module

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "airflow-some-bucket"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    moto = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    yield f"http://{host}:{port}"
    moto.stop()


@pytest.fixture
def s3(server: str, monkeypatch: pytest.MonkeyPatch) -> "S3Client":
    """An empty S3, the stack's as the environment says it."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AIRFLOW__SALARY_PIPELINE__BUCKET", BUCKET)
    client = boto3.client("s3")
    for bucket in client.list_buckets()["Buckets"]:
        versions = client.list_object_versions(Bucket=bucket["Name"]).get("Versions", [])
        for version in versions:
            client.delete_object(Bucket=bucket["Name"], Key=version["Key"], VersionId=version["VersionId"])
        client.delete_bucket(Bucket=bucket["Name"])
    return client


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    contents = {
        "dags/pipeline.py": "a DAG",
        "dags/__pycache__/pipeline.pyc": "compiled",
        "spark/job.py": "a job",
        "spark/library/part.py": "its part",
        "requirements.txt": "requirements",
        "startup.sh": "start",
        "data/generate.py": "no data",
        "data/.lock": "",
        "data/features.csv": "jobId",
        "windtunnel.toml": "",
    }
    for name, text in contents.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (tmp_path / "localstack-init").mkdir()
    shutil.copy(UPLOAD, tmp_path / "localstack-init")
    monkeypatch.setenv("WINDTUNNEL_HOME", str(tmp_path))
    return tmp_path


def upload() -> None:
    runpy.run_path(str(UPLOAD), run_name="__main__")


def contents(s3: "S3Client", bucket: str = BUCKET) -> dict[str, str]:
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode() for key in keys}


def versions(s3: "S3Client") -> dict[str, int]:
    """By key, how many versions the bucket has."""
    keys = [version["Key"] for version in s3.list_object_versions(Bucket=BUCKET)["Versions"]]
    return {key: keys.count(key) for key in keys}


def test_the_bucket_is_versioned_and_closed_to_the_public(s3: "S3Client", project: Path) -> None:
    upload()

    assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    blocked = s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"]
    assert len(blocked) == 4
    assert all(blocked.values())


def test_code_and_data_are_where_mwaa_and_emr_find_them_and_nothing_else_is(
    s3: "S3Client", project: Path
) -> None:
    upload()

    assert contents(s3) == {
        "dags/pipeline.py": "a DAG",
        "spark/job.py": "a job",
        "spark/library/part.py": "its part",
        "requirements.txt": "requirements",
        "startup.sh": "start",
        "data/features.csv": "jobId",
    }


def test_localstack_runs_the_hook_by_exec_in_an_empty_namespace(s3: "S3Client", project: Path) -> None:
    exec(HOOK.read_bytes(), {})  # noqa: S102 as localstack.runtime.init.PythonScriptRunner does

    assert contents(s3)["data/features.csv"] == "jobId"


def test_uploading_again_leaves_alone_what_has_not_changed(s3: "S3Client", project: Path) -> None:
    upload()
    upload()

    assert set(versions(s3).values()) == {1}


def test_a_changed_file_and_a_new_one_are_what_the_next_run_uses(s3: "S3Client", project: Path) -> None:
    upload()
    (project / "data" / "features.csv").write_text("changed")
    (project / "data" / "salaries.csv").write_text("new")

    upload()

    assert contents(s3)["data/features.csv"] == "changed"
    assert contents(s3)["data/salaries.csv"] == "new"
    assert {key for key, count in versions(s3).items() if count == 2} == {"data/features.csv"}


def test_another_file_of_the_same_size_is_a_change(s3: "S3Client", project: Path) -> None:
    upload()
    (project / "data" / "features.csv").write_text("JOBid")

    upload()

    assert contents(s3)["data/features.csv"] == "JOBid"


def test_a_file_in_many_parts_arrives_whole(s3: "S3Client", project: Path) -> None:
    text = "0123456789abcdef" * (1 << 20)  # 16 MB, twice what goes in one request
    (project / "data" / "features.csv").write_text(text)

    upload()
    upload()

    assert contents(s3)["data/features.csv"] == text
    assert versions(s3)["data/features.csv"] == 1


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_the_bucket_is_in_the_stacks_region(
    s3: "S3Client", project: Path, region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)

    upload()
    upload()

    assert s3.get_bucket_location(Bucket=BUCKET)["LocationConstraint"] == (
        None if region == "us-east-1" else region
    )


def test_the_bucket_has_the_dags_default_name_when_no_option_names_it(
    s3: "S3Client", project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW__SALARY_PIPELINE__BUCKET")

    upload()

    assert "data/features.csv" in contents(s3, "airflow-salary-pipeline-local")


def test_without_an_endpoint_it_talks_to_localstack_and_not_to_an_account(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)

    assert module(UPLOAD).s3_client().meta.endpoint_url == "http://localhost:4566"
