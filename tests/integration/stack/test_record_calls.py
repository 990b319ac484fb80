"""The recorder inside the real LocalStack, asked by boto3 with the keys of several principals."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.integration.stack.running import running
from tests.own_localstack import own_localstack, url_of
from windtunnel.stack.environment import Principal

ACCOUNT = "000000000000"
PART = bytes(5 << 20)


class LocalStack:
    """One with its recorder, at `url`."""

    def __init__(self, url: str) -> None:
        self.url = url

    def client(self, service: str, principal: str, **config: Any) -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=principal,
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, **config),
        )

    def told(self) -> list[dict[str, Any]]:
        answer = httpx.get(f"{self.url}/_windtunnel/calls").raise_for_status().json()
        assert "failure" not in answer
        found: list[dict[str, Any]] = answer["calls"]
        return found

    def calls(self, principal: str) -> list[tuple[str, str, dict[str, str]]]:
        return [
            (one["service"], one["operation"], one["resource"])
            for one in self.told()
            if one["principal"] == principal
        ]


@pytest.fixture(scope="module")
def localstack(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[LocalStack]:
    folder = tmp_path_factory.mktemp("localstack")
    service = own_localstack(folder, cache)
    with running([service], folder / "logs"):
        yield LocalStack(url_of(service))


@pytest.fixture
def who(request: pytest.FixtureRequest) -> str:
    """A principal of the test's own: LocalStack is one for all of them."""
    return str(request.node.name).partition("[")[0][:60].replace("_", "-")


@pytest.fixture
def bucket(localstack: LocalStack) -> str:
    """A bucket that nobody of interest made."""
    name = f"b-{uuid.uuid4()}"
    localstack.client("s3", "nobody").create_bucket(Bucket=name)
    return name


def test_every_principal_is_told_apart_and_has_the_same_account(localstack: LocalStack) -> None:
    for principal in Principal:
        told = localstack.client("sts", principal).get_caller_identity()
        assert told["Account"] == ACCOUNT
        assert ("sts", "GetCallerIdentity", {}) in localstack.calls(principal)


@pytest.mark.parametrize("style", ["path", "virtual"])
def test_objects_are_named_by_bucket_and_key_in_both_styles_of_address(
    localstack: LocalStack, bucket: str, style: str
) -> None:
    who = f"style-{style}"
    if style == "virtual":  # a name that LocalStack knows as its own, and that resolves to this machine
        at = LocalStack(localstack.url.replace("127.0.0.1", "s3.localhost.localstack.cloud"))
        s3 = at.client("s3", who, s3={"addressing_style": "virtual"})
        send_to_this_machine(s3)
    else:
        s3 = localstack.client("s3", who, s3={"addressing_style": "path"})
    s3.put_object(Bucket=bucket, Key="a b/ö.csv", Body=b"very-secret", ACL="private")
    s3.get_object(Bucket=bucket, Key="a b/ö.csv")
    s3.get_object(Bucket=bucket, Key="a b/ö.csv")
    s3.list_objects_v2(Bucket=bucket, Prefix="a b/")

    touched = {"Bucket": bucket, "Key": "a b/ö.csv"}
    assert localstack.calls(who) == [
        ("s3", "PutObject", touched),
        ("s3", "GetObject", touched),
        ("s3", "ListObjectsV2", {"Bucket": bucket}),
    ]
    put, get, listed = (one for one in localstack.told() if one["principal"] == who)
    assert {"ACL", "Body", "Bucket", "Key"} <= {*put["members"]}
    assert (put["count"], get["count"], listed["count"]) == (1, 2, 1)
    assert {"Bucket", "Prefix"} <= {*listed["members"]}
    assert put["first"] == put["last"] <= get["first"] < get["last"]
    assert "very-secret" not in str(localstack.told())


def send_to_this_machine(client: Any) -> None:
    """Have the client call 127.0.0.1 whatever the name; the Host header stays."""

    def redirect(request: Any, **_: Any) -> None:
        head, _, rest = request.url.partition("//")
        host, slash, path = rest.partition("/")
        request.headers["Host"] = host
        request.url = f"{head}//127.0.0.1:{host.rpartition(':')[2]}{slash}{path}"

    client.meta.events.register("before-send", lambda request, **_: redirect(request))


def test_copies_deletions_and_uploads_in_parts_name_all_that_they_touch(
    localstack: LocalStack, bucket: str, who: str
) -> None:
    s3 = localstack.client("s3", who)
    s3.put_object(Bucket=bucket, Key="one two", Body=b"1")
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "one two"})
    upload = {"Bucket": bucket, "Key": "large"}
    identity = s3.create_multipart_upload(**upload)["UploadId"]
    part = s3.upload_part(**upload, UploadId=identity, PartNumber=1, Body=PART)
    parts = [{"ETag": part["ETag"], "PartNumber": 1}]
    s3.complete_multipart_upload(**upload, UploadId=identity, MultipartUpload={"Parts": parts})
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "copy"}, {"Key": "large"}]})

    assert localstack.calls(who) == [
        ("s3", "PutObject", {"Bucket": bucket, "Key": "one two"}),
        ("s3", "CopyObject", {"Bucket": bucket, "Key": "copy", "CopySource": f"{bucket}/one two"}),
        ("s3", "CreateMultipartUpload", upload),
        ("s3", "UploadPart", upload),
        ("s3", "CompleteMultipartUpload", upload),
        ("s3", "DeleteObjects", {"Bucket": bucket, "Key": "copy"}),
        ("s3", "DeleteObjects", {"Bucket": bucket, "Key": "large"}),
    ]


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_a_presigned_url_is_a_call_of_whoever_signed_it(
    localstack: LocalStack, bucket: str, version: str
) -> None:
    who = f"presigned-{version}"
    localstack.client("s3", "nobody").put_object(Bucket=bucket, Key="k", Body=b"1")
    s3 = localstack.client("s3", who, signature_version=version)
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    assert httpx.get(url).content == b"1"

    assert localstack.calls(who) == [("s3", "GetObject", {"Bucket": bucket, "Key": "k"})]


def test_a_call_that_fails_is_one_and_what_is_no_operation_is_none(localstack: LocalStack, who: str) -> None:
    s3 = localstack.client("s3", who)
    with pytest.raises(ClientError):
        s3.get_object(Bucket=f"none-{who}", Key="k")
    unknown = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={who}/20260101/us-east-1/sqs/aws4_request",
        "X-Amz-Target": "AmazonSQS.Unheard",
        "Content-Type": "application/x-amz-json-1.0",
    }
    assert httpx.post(localstack.url, headers=unknown, content=b"{}").status_code >= 400

    assert localstack.calls(who) == [("s3", "GetObject", {"Bucket": f"none-{who}", "Key": "k"})]


def test_who_does_not_sign_is_nobody(localstack: LocalStack, bucket: str) -> None:
    httpx.get(f"{localstack.url}/{bucket}/unsigned")
    assert ("s3", "GetObject", {"Bucket": bucket, "Key": "unsigned"}) in localstack.calls("")


def queue_calls(localstack: LocalStack, who: str) -> set[tuple[str, str]]:
    return {(operation, resource["QueueUrl"]) for _, operation, resource in localstack.calls(who)}


def test_a_queue_is_named_by_its_url_also_where_the_request_goes_there(
    localstack: LocalStack, who: str
) -> None:
    url = localstack.client("sqs", "nobody").create_queue(QueueName="celery")["QueueUrl"]
    localstack.client("sqs", who).send_message(QueueUrl=url, MessageBody="very-secret")
    signed = {"Authorization": f"AWS4-HMAC-SHA256 Credential={who}/20260101/us-east-1/sqs/aws4_request"}
    query = {"Action": "ReceiveMessage", "Version": "2012-11-05"}
    received = httpx.post(url, headers=signed, data=query)
    assert "very-secret" in received.text

    assert queue_calls(localstack, who) == {("SendMessage", url), ("ReceiveMessage", url)}
    assert "very-secret" not in str(localstack.told())


SECRETS: dict[str, Callable[[LocalStack, str], object]] = {
    "secretsmanager": lambda at, who: at.client("secretsmanager", who).create_secret(
        Name="s", SecretString="very-secret"
    ),
    "ssm": lambda at, who: at.client("ssm", who).put_parameter(
        Name="s", Value="very-secret", Type="SecureString"
    ),
}


@pytest.mark.parametrize("service", SECRETS)
def test_a_secret_is_named_and_not_kept(localstack: LocalStack, service: str) -> None:
    SECRETS[service](localstack, f"secret-{service}")
    [(_, _, resource)] = localstack.calls(f"secret-{service}")
    assert resource == {"Name": "s"}
    assert "very-secret" not in str(localstack.told())


def test_what_its_services_ask_of_each_other_is_nobodys_call(localstack: LocalStack, who: str) -> None:
    # A stack is made by LocalStack's own calls to S3.
    template = '{"Resources": {"B": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "of-a-stack"}}}}'
    client = localstack.client("cloudformation", who)
    client.create_stack(StackName="s", TemplateBody=template)
    client.get_waiter("stack_create_complete").wait(StackName="s", WaiterConfig={"Delay": 1})

    made = [one for one in localstack.told() if one["resource"].get("Bucket") == "of-a-stack"]
    assert made == []
    localstack.client("s3", who).head_bucket(Bucket="of-a-stack")
    assert ("s3", "HeadBucket", {"Bucket": "of-a-stack"}) in localstack.calls(who)
