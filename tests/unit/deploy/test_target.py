import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, UnknownRegionError
from botocore.stub import Stubber
from moto import mock_aws

from tests.ports import free_port
from windtunnel.deploy.errors import DeployError
from windtunnel.deploy.target import SERVICES, aws_target, local_target, told
from windtunnel.stack.settings import Settings, load_settings

KEYS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "eu-west-1",
}


@pytest.fixture(autouse=True)
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shell with keys and a region and nothing else of AWS; its profiles are in the file."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    config = tmp_path / "config"
    config.write_text("")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    return config


@pytest.fixture
def aws() -> Iterator[None]:
    with mock_aws():
        yield


def settings(folder: Path, **flags: Any) -> Settings:
    (folder / "windtunnel.toml").write_text("")
    return load_settings(folder, localstack_port=free_port(), **flags)


def test_the_account_and_the_region_are_those_of_the_shell(aws: None) -> None:
    target = aws_target()

    assert (target.account, target.region, target.local) == ("123456789012", "eu-west-1", False)
    assert "account 123456789012, region eu-west-1" in str(target)
    assert "https://cloudformation.eu-west-1.amazonaws.com" in str(target)
    for service in SERVICES:
        assert target.client(service).meta.region_name == "eu-west-1"
        assert target.client(service).meta.endpoint_url.endswith("amazonaws.com")


def test_a_profile_says_the_region_where_no_variable_does(
    aws: None, shell: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.write_text("[profile team]\nregion = eu-north-1\n")
    monkeypatch.delenv("AWS_REGION")
    with pytest.raises(DeployError, match=r"Which region"):
        aws_target()
    monkeypatch.setenv("AWS_PROFILE", "team")

    assert aws_target().region == "eu-north-1"


@pytest.mark.parametrize(
    "name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_EMR", "AWS_ENDPOINT_URL_CLOUDFORMATION"]
)
@pytest.mark.parametrize("ignored", [False, True])
def test_a_shell_of_the_laptop_is_refused(
    aws: None, monkeypatch: pytest.MonkeyPatch, name: str, ignored: bool
) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:4566")
    if ignored:
        monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")

    with pytest.raises(DeployError, match=rf"{name} is http://127\.0\.0\.1:4566.*--local"):
        aws_target()


def test_an_empty_variable_is_none(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "")

    assert not aws_target().local


@pytest.mark.parametrize(
    ("profile", "key"),
    [
        ("endpoint_url = http://127.0.0.1:4566\n", "endpoint_url"),
        ("services = mine\n[services mine]\ns3 =\n  endpoint_url = http://127.0.0.1:4566\n", "services"),
    ],
)
def test_a_profile_with_an_endpoint_is_refused(
    aws: None, shell: Path, monkeypatch: pytest.MonkeyPatch, profile: str, key: str
) -> None:
    shell.write_text(f"[profile laptop]\n{profile}")
    monkeypatch.setenv("AWS_PROFILE", "laptop")

    with pytest.raises(DeployError, match=f"the profile laptop has {key}"):
        aws_target()


def test_what_the_clients_resolve_to_counts_however_it_got_there(
    aws: None, shell: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Botocore's data on endpoints can be overlaid by a folder of the shell's: a way that no variable's name tells."""
    data = shell.parent / "models"
    data.mkdir()
    text = '{"partitions": [{"partition": "aws", "dnsSuffix": "example.org", "regionRegex": "^eu-west-1$", '
    text += '"defaults": {"hostname": "{service}.{region}.{dnsSuffix}", "protocols": ["https"], '
    text += '"signatureVersions": ["v4"]}, "regions": {"eu-west-1": {}}, "services": {}}], "version": 3}'
    (data / "endpoints.json").write_text(text)
    (data / "partitions.json").write_text(
        '{"version": "1.1", "partitions": [{"id": "aws", "regionRegex": "^eu-west-1$", "regions": {"eu-west-1": {}}, '
        '"outputs": {"name": "aws", "dnsSuffix": "example.org", "dualStackDnsSuffix": "example.org", '
        '"implicitGlobalRegion": "us-east-1", "supportsFIPS": true, "supportsDualStack": true}}]}'
    )
    monkeypatch.setenv("AWS_DATA_PATH", str(data))

    with pytest.raises(DeployError, match=r"would be called at https://\S*example\.org"):
        aws_target()


def test_another_partition_is_refused(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "cn-north-1")

    with pytest.raises(DeployError, match=r"cn-north-1 is in a partition of its own"):
        aws_target()


def test_without_credentials_it_says_where_they_come_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    with pytest.raises(DeployError, match=r"No credentials for AWS.*AWS_PROFILE"):
        aws_target()


def test_a_profile_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "teem")

    with pytest.raises(DeployError, match=r"teem.*~/.aws/config"):
        aws_target()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            UnknownRegionError(region_name="eu-central-l", error_msg="None"),
            r"'eu-central-l'.*\. Set AWS_REGION",
        ),
        (
            EndpointConnectionError(endpoint_url="https://sts.eu-centre-1.amazonaws.com"),
            "eu-centre-1.*name right",
        ),
    ],
)
def test_a_region_that_there_is_not_is_told(error: Exception, said: str) -> None:
    with pytest.raises(DeployError, match=said), told():
        raise error


def test_the_local_stack_that_is_not_up_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match=r"does not answer.*`make up`"):
        local_target(settings(tmp_path))


@pytest.mark.parametrize(
    "host", ["s3.amazonaws.com", "S3.AmazonAWS.com.", "cloudformation.eu-west-1.api.aws"]
)
def test_local_is_never_aws_whatever_the_settings_say(tmp_path: Path, host: str) -> None:
    with pytest.raises(DeployError, match=rf"no AWS account, and https://{re.escape(host)} is AWS"):
        local_target(settings(tmp_path, aws_endpoint_url=f"https://{host}"))


def test_an_upload_without_valid_credentials_says_so(aws: None, tmp_path: Path) -> None:
    (tmp_path / "dag.py").write_text("dag")
    s3 = aws_target().client("s3")
    with Stubber(s3) as stub, pytest.raises(DeployError, match=r"expired.*run this again"), told():
        stub.add_client_error("put_object", "ExpiredToken", "The provided token has expired.", 400)
        s3.upload_file(str(tmp_path / "dag.py"), "bucket", "dags/dag.py")


def test_s3s_answer_without_a_reason_is_explained(aws: None) -> None:
    s3 = aws_target().client("s3")
    with (
        Stubber(s3) as stub,
        pytest.raises(DeployError, match=r"mostly that credentials have expired"),
        told(),
    ):
        stub.add_client_error("head_bucket", "400", "Bad Request", 400)
        s3.head_bucket(Bucket="bucket")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("AccessDenied", r"AWS refused CreateStack \(AccessDenied\): no way"),
        ("ExpiredToken", "credentials for AWS have expired.*goes on"),
    ],
)
def test_what_aws_refuses_is_a_sentence(code: str, said: str) -> None:
    with pytest.raises(DeployError, match=said), told():
        raise ClientError({"Error": {"Code": code, "Message": "no way"}}, "CreateStack")
