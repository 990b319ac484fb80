"""The real LocalStack, with hooks."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import psutil
import pytest

from tests.integration.stack.running import Running
from tests.own_localstack import own_localstack, url_of
from tests.ports import listening
from tests.waiting import wait_until
from windtunnel.stack.localstack import HOOKS

HOOK = """
import os, boto3, tempfile
client = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"], region_name="us-east-1")
client.create_bucket(Bucket=os.environ["BUCKET"])
client.put_object(Bucket=os.environ["BUCKET"], Key="tempdir", Body=tempfile.gettempdir().encode())
"""


@pytest.fixture
def localstack(tmp_path: Path, cache: Path) -> Iterator[Running]:
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    service = own_localstack(tmp_path, cache, BUCKET="from-the-environment", **keys)
    one = Running(service, tmp_path / "logs")
    yield one
    one.end()


def test_it_is_healthy_when_its_hooks_have_run_and_it_keeps_to_its_folder(
    localstack: Running, tmp_path: Path
) -> None:
    (tmp_path / HOOKS / "10_bucket.py").write_text(HOOK)
    localstack.start()
    localstack.wait_healthy()

    s3 = boto3.client(
        "s3",
        endpoint_url=url_of(localstack.service),
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    body = s3.get_object(Bucket="from-the-environment", Key="tempdir")["Body"].read().decode()
    assert body == str(tmp_path / "state" / "localstack" / "tmp")

    # Larger than what it keeps in memory: in an unnamed file in the bucket's folder.
    s3.put_object(Bucket="from-the-environment", Key="large", Body=bytes(3 << 20))
    assert (tmp_path / "state" / "localstack" / "s3" / "from-the-environment").is_dir()
    assert s3.head_object(Bucket="from-the-environment", Key="large")["ContentLength"] == 3 << 20

    assert {address.ip for address in listening([psutil.Process(localstack.process.pid)])} == {"127.0.0.1"}

    localstack.stop()
    assert localstack.process.returncode == 0


@pytest.mark.parametrize("text", ["raise RuntimeError('no data to upload')", "raise SystemExit(3)"])
def test_a_failing_hook_is_told_by_its_name_and_the_log_says_why(
    localstack: Running, tmp_path: Path, text: str
) -> None:
    (tmp_path / HOOKS / "20_data.py").write_text(text)
    localstack.start()
    failure = localstack.service.failure
    assert failure
    wait_until(lambda: failure() is not None, 120, "the failure is told")

    assert "localstack-init/ready.d/20_data.py" in (failure() or "")
    assert not localstack.service.healthy()
    if "no data" in text:
        assert "no data to upload" in localstack.log.read_text()
