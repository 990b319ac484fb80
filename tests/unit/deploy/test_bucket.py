"""The bucket as moto keeps it."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.stub import Stubber
from moto import mock_aws

from windtunnel.deploy import bucket as bucket_module
from windtunnel.deploy.bucket import Bucket
from windtunnel.deploy.errors import DeployError
from windtunnel.deploy.files import File
from windtunnel.deploy.target import Target, aws_target
from windtunnel.install.progress import SILENT

NAME = "airflow-test"


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_EMR", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with mock_aws():
        yield aws_target()


@pytest.fixture
def s3(target: Target) -> Any:
    client = target.client("s3")
    client.create_bucket(Bucket=NAME)
    client.put_bucket_versioning(Bucket=NAME, VersioningConfiguration={"Status": "Enabled"})
    return client


@pytest.fixture
def bucket(target: Target, s3: Any) -> Bucket:
    return Bucket(target, NAME, SILENT)


def file(folder: Path, key: str, text: str) -> File:
    path = folder / key.replace("/", "_")
    path.write_text(text)
    content, status = text.encode(), path.stat()
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return File(key, path, len(content), status.st_mtime_ns, md5, hashlib.sha256(content).hexdigest())


def bring(bucket: Bucket, *files: File) -> dict[str, str]:
    return bucket.bring(files, bucket.compare(files))


def present(s3: Any) -> dict[str, str]:
    found = s3.list_objects_v2(Bucket=NAME).get("Contents", [])
    return {one["Key"]: s3.get_object(Bucket=NAME, Key=one["Key"])["Body"].read().decode() for one in found}


def puts(s3: Any) -> list[str]:
    """The keys of what is put from now on, as it comes."""
    seen: list[str] = []
    s3.meta.events.register(
        "provide-client-params.s3.PutObject", lambda params, **_: seen.append(params["Key"])
    )
    return seen


def test_what_is_new_goes_up_in_order_and_nothing_twice(bucket: Bucket, s3: Any, tmp_path: Path) -> None:
    seen = puts(s3)
    files = [
        file(tmp_path, "spark/job.py", "1"),
        file(tmp_path, "startup.sh", "2"),
        file(tmp_path, "dags/a.py", "3"),
    ]
    versions = bring(bucket, *files)

    assert seen == ["spark/job.py", "startup.sh", "dags/a.py"]
    assert present(s3) == {"spark/job.py": "1", "startup.sh": "2", "dags/a.py": "3"}
    assert versions == {"startup.sh": s3.head_object(Bucket=NAME, Key="startup.sh")["VersionId"]}
    assert bucket.compare(files).is_empty
    assert bring(bucket, *files) == versions
    assert len(seen) == 3


def test_only_what_has_changed_goes_up_and_only_its_version_changes(
    bucket: Bucket, s3: Any, tmp_path: Path
) -> None:
    kept, old = file(tmp_path, "startup.sh", "same"), file(tmp_path, "requirements.txt", "old")
    before = bring(bucket, kept, old)
    seen = puts(s3)
    after = bring(bucket, kept, file(tmp_path, "requirements.txt", "new"))

    assert seen == ["requirements.txt"]
    assert after["startup.sh"] == before["startup.sh"]
    assert after["requirements.txt"] != before["requirements.txt"]


def test_only_code_and_the_three_files_are_deleted(bucket: Bucket, s3: Any, tmp_path: Path) -> None:
    stay = ["data/a.csv", "output/x", "logs/emr/y", "dags/", "requirements.txt.bak", "other.txt"]
    go = ["dags/old.py", "spark/old.py", "startup.sh", "plugins.zip", "requirements.txt"]
    for key in (*stay, *go):
        s3.put_object(Bucket=NAME, Key=key, Body=b"x")
    sync = bucket.compare([new := file(tmp_path, "dags/new.py", "n")])
    assert sync.deleted == tuple(sorted(go))
    bucket.bring([new], sync)

    assert present(s3).keys() == {*stay, "dags/new.py"}


def test_deletions_come_last(bucket: Bucket, s3: Any, tmp_path: Path) -> None:
    s3.put_object(Bucket=NAME, Key="spark/old.py", Body=b"x")
    seen: list[str] = []
    s3.meta.events.register("before-call.s3", lambda model, **_: seen.append(model.name))
    bring(bucket, file(tmp_path, "dags/new.py", "n"))

    assert [name for name in seen if name.startswith(("Put", "Delete"))] == ["PutObject", "DeleteObjects"]


def test_an_upload_in_parts_is_told_by_its_sha256(bucket: Bucket, s3: Any, tmp_path: Path) -> None:
    size = 6 << 20
    one = file(tmp_path, "data/big.csv", "a" * size)
    parts = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
    extra = {"Metadata": {"sha256": one.sha256}}
    s3.upload_file(str(one.path), NAME, one.key, ExtraArgs=extra, Config=parts)
    assert "-" in s3.head_object(Bucket=NAME, Key=one.key)["ETag"]

    assert bucket.compare([one]).is_empty
    assert bucket.compare([file(tmp_path, "data/big.csv", "b" * size)]).changed
    s3.upload_file(str(one.path), NAME, one.key, Config=parts)
    assert bucket.compare([one]).changed


def test_an_object_that_kms_encrypts_is_told_by_its_sha256(bucket: Bucket, s3: Any, tmp_path: Path) -> None:
    one = file(tmp_path, "dags/a.py", "abc")
    s3.put_object(
        Bucket=NAME,
        Key=one.key,
        Body=b"xyz",  # moto's ETag is that of the content; on AWS it is any
        ServerSideEncryption="aws:kms",
        Metadata={"sha256": one.sha256},
    )

    assert bucket.compare([one]).is_empty


def test_metadata_that_the_content_belies_counts_nothing(bucket: Bucket, s3: Any, tmp_path: Path) -> None:
    one = file(tmp_path, "dags/a.py", "abc")
    s3.put_object(Bucket=NAME, Key=one.key, Body=b"xyz", Metadata={"sha256": one.sha256})

    assert bucket.compare([one]).changed == (one,)


def test_a_file_that_changes_under_the_deployment_stops_it(bucket: Bucket, s3: Any, tmp_path: Path) -> None:
    one = file(tmp_path, "dags/a.py", "abc")
    sync = bucket.compare([one])
    one.path.write_text("later")

    with pytest.raises(DeployError, match="was changed while it was deployed"):
        bucket.bring([one], sync)


def test_a_bucket_without_versions_is_refused(target: Target, tmp_path: Path) -> None:
    target.client("s3").create_bucket(Bucket="plain")
    one = file(tmp_path, "startup.sh", "abc")

    with pytest.raises(DeployError, match="s3://plain is not versioned"):
        bring(Bucket(target, "plain", SILENT), one)


def test_a_version_from_before_the_bucket_was_versioned_is_put_anew(target: Target, tmp_path: Path) -> None:
    """MWAA would never see the next one, were the environment given "null"."""
    s3 = target.client("s3")
    s3.create_bucket(Bucket="plain")
    one = file(tmp_path, "startup.sh", "abc")
    s3.upload_file(str(one.path), "plain", one.key, ExtraArgs={"Metadata": {"sha256": one.sha256}})
    versioned: Any = {"Bucket": "plain", "VersioningConfiguration": {"Status": "Enabled"}}
    s3.put_bucket_versioning(**versioned)
    says_null(s3, times=1)
    bucket = Bucket(target, "plain", SILENT)
    sync = bucket.compare([one])
    assert sync.changed == (one,) and not sync.versions
    versions = bucket.bring([one], sync)

    assert versions["startup.sh"] == s3.head_object(Bucket="plain", Key="startup.sh")["VersionId"] != "null"


def test_a_bucket_whose_versions_are_suspended_is_refused(bucket: Bucket, s3: Any, tmp_path: Path) -> None:
    s3.put_bucket_versioning(Bucket=NAME, VersioningConfiguration={"Status": "Suspended"})
    says_null(s3, times=9)

    with pytest.raises(DeployError, match="s3://airflow-test is not versioned"):
        bring(bucket, file(tmp_path, "startup.sh", "abc"))


def says_null(s3: Any, times: int) -> None:
    """As S3 answers of an object that has no version of its own, where moto leaves the version out or makes one up."""
    left = iter(range(times))

    def answer(parsed: dict[str, Any], **_: Any) -> None:
        if next(left, None) is not None:
            parsed["VersionId"] = "null"

    s3.meta.events.register("after-call.s3.HeadObject", answer)


def test_a_bucket_that_s3_does_not_let_see_is_not_said_to_be_there(bucket: Bucket, s3: Any) -> None:
    with Stubber(s3) as stub:
        stub.add_client_error("head_bucket", "403", "Forbidden", 403)
        with pytest.raises(DeployError, match=r"another account's, or you have no s3:ListBucket") as failure:
            bucket.exists()
    assert "is there," not in str(failure.value)


def test_an_upload_that_ends_while_the_bucket_is_emptied_is_no_failure(bucket: Bucket, s3: Any) -> None:
    upload = s3.create_multipart_upload(Bucket=NAME, Key="output/c")["UploadId"]

    def end(**_: Any) -> None:
        s3.meta.events.unregister("before-call.s3.AbortMultipartUpload", end)
        s3.abort_multipart_upload(Bucket=NAME, Key="output/c", UploadId=upload)

    s3.meta.events.register("before-call.s3.AbortMultipartUpload", end)
    bucket.remove()

    assert not bucket.exists()


def test_it_is_counted_and_removed_with_every_version_mark_and_upload(
    bucket: Bucket, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_module, "_MOST_DELETED", 2)
    for text in (b"1", b"22", b"333"):
        s3.put_object(Bucket=NAME, Key="output/a", Body=text)
    s3.put_object(Bucket=NAME, Key="output/b", Body=b"4444")
    s3.delete_object(Bucket=NAME, Key="output/a")
    s3.create_multipart_upload(Bucket=NAME, Key="output/c")
    content = bucket.content()
    assert (content.objects, content.versions, content.uploads, content.size) == (1, 5, 1, 10)
    bucket.remove()

    assert not bucket.exists()
    bucket.remove()


def test_what_is_written_while_it_is_emptied_goes_too(bucket: Bucket, s3: Any) -> None:
    late = ["logs/1", "logs/2"]

    def write(**_: Any) -> None:
        if late:
            s3.put_object(Bucket=NAME, Key=late.pop(), Body=b"x")

    s3.meta.events.register("before-call.s3.DeleteBucket", write)
    bucket.remove()

    assert not bucket.exists() and not late


def test_what_cannot_be_deleted_is_named(bucket: Bucket, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    s3.put_object(Bucket=NAME, Key="output/a", Body=b"x")

    def refuse(parsed: dict[str, Any], **_: Any) -> None:
        parsed["Errors"] = [{"Key": "output/a", "Code": "AccessDenied", "Message": "locked"}]

    s3.meta.events.register("after-call.s3.DeleteObjects", refuse)
    with pytest.raises(DeployError, match=r"s3://airflow-test/output/a could not be deleted: locked"):
        bucket.remove()
