"""Where a deployment goes: the AWS account of the caller's shell, or this project's own LocalStack."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
    UnknownRegionError,
)

from windtunnel.deploy.errors import DeployError
from windtunnel.stack.environment import ENDPOINT, aws_variables
from windtunnel.stack.settings import Settings

SERVICES = ("sts", "cloudformation", "s3", "emr", "logs")
"""All that a deployment and its end talk to."""
_AWS_HOSTS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".aws.dev")
_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")


@dataclass(frozen=True)
class Target:
    """An account in a region, with clients for it."""

    session: boto3.Session
    account: str
    caller: str
    """The ARN of who deploys."""
    region: str
    endpoints: Mapping[str, str] = field(default_factory=dict)
    """By service, where it is not AWS's own."""
    _clients: dict[str, Any] = field(default_factory=dict)

    @property
    def local(self) -> bool:
        return bool(self.endpoints)

    @property
    def poll_seconds(self) -> float:
        """Between two looks at what AWS works on; it throttles who asks more often."""
        return 0.2 if self.local else 5

    def client(self, service: str) -> Any:
        """The client of one of SERVICES; one for all threads."""
        if service not in self._clients:
            self._clients[service] = _client(self.session, service, self.region, self.endpoints.get(service))
        return self._clients[service]

    def __str__(self) -> str:
        if self.local:
            return f"LocalStack of this project, {self.endpoints['cloudformation']}, region {self.region}"
        return (
            f"AWS account {self.account}, region {self.region}, as {self.caller} "
            f"({self.client('cloudformation').meta.endpoint_url})"
        )


def aws_target() -> Target:
    """The account that boto3 finds: variables, profiles, roles. Raises DeployError unless it is AWS itself."""
    if found := sorted(n for n in os.environ if n.startswith(ENDPOINT) and os.environ[n]):
        raise DeployError(_refusal(f"{found[0]} is {os.environ[found[0]]}"))
    with told():
        core = botocore.session.get_session()
        profile = core.get_scoped_config()
        for key in ("endpoint_url", "services"):
            if key in profile:
                raise DeployError(_refusal(f"the profile {core.profile or 'default'} has {key}"))
        session = boto3.Session(botocore_session=core)
        region = (
            os.environ.get("AWS_REGION") or session.region_name
        )  # boto3 itself reads AWS_DEFAULT_REGION only
        if not region:
            raise NoRegionError()
        if session.get_partition_for_region(region) != "aws":
            raise DeployError(
                f"{region} is in a partition of its own, which the templates are not written for."
            )
        for service in SERVICES:
            _hold_to_aws(session, service, region)
        identity = _client(session, "sts", region, None).get_caller_identity()
    return Target(session, identity["Account"], identity["Arn"], region)


def local_target(settings: Settings) -> Target:
    """This project's LocalStack and EMR, whatever the shell says. Raises DeployError when it does not answer."""
    variables = aws_variables(settings)
    endpoints = dict.fromkeys(SERVICES, variables["AWS_ENDPOINT_URL"])
    endpoints["emr"] = variables["AWS_ENDPOINT_URL_EMR"]
    for url in endpoints.values():
        host = (urlsplit(url).hostname or "").rstrip(".")  # a last dot leads to the same place
        if host.endswith(_AWS_HOSTS):
            raise DeployError(
                f"--local goes to no AWS account, and {url} is AWS. Set WINDTUNNEL_AWS_ENDPOINT_URL anew."
            )
    session = boto3.Session(
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        region_name=variables["AWS_REGION"],
        botocore_session=_session_without_a_shell(),
    )
    with told(local=True):
        client = _client(session, "sts", variables["AWS_REGION"], endpoints["sts"])
        identity = client.get_caller_identity()
    return Target(session, identity["Account"], identity["Arn"], variables["AWS_REGION"], endpoints)


@contextmanager
def told(*, local: bool = False) -> Iterator[None]:
    """Whatever AWS's SDK raises in here, as a DeployError that says what to do."""
    try:
        yield
    except (BotoCoreError, Boto3Error, ClientError, SSOError) as error:
        raise DeployError(_sentence(error, local)) from error


def code_of(error: ClientError) -> str:
    """AWS's name of an error, `NoSuchBucket`; a number where S3 answers without a body."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _client(session: boto3.Session, service: str, region: str, endpoint: str | None) -> Any:
    if endpoint:
        config = Config(
            retries={"mode": "standard", "total_max_attempts": 2},
            connect_timeout=5,
            proxies={},  # not None, which would be the shell's
            s3={"addressing_style": "path"},  # the host name <bucket>.127.0.0.1 is known nowhere
        )
        made: Any = session.client(service, region_name=region, endpoint_url=endpoint, config=config)  # type: ignore[call-overload]
    else:
        config = Config(retries={"mode": "adaptive", "total_max_attempts": 10})
        made = session.client(service, region_name=region, config=config)  # type: ignore[call-overload]
    if endpoint and made.meta.endpoint_url != endpoint:
        raise DeployError(f"The client of {service} goes to {made.meta.endpoint_url} instead of {endpoint}.")
    return made


def _hold_to_aws(session: boto3.Session, service: str, region: str) -> None:
    """What the client really resolved to has to be what it resolves to where nothing is configured."""
    resolved = _client(session, service, region, None).meta.endpoint_url
    unconfigured: Any = Config(ignore_configured_endpoint_urls=True)  # type: ignore[call-arg]
    client: Any = session.client(service, region_name=region, config=unconfigured)  # type: ignore[call-overload]
    own = client.meta.endpoint_url
    if resolved != own or not (urlsplit(resolved).hostname or "").endswith(_AWS_HOSTS):
        raise DeployError(_refusal(f"{service} would be called at {resolved}"))


def _refusal(why: str) -> str:
    return (
        f"This shell is set up for something else than AWS: {why}. To deploy to AWS take another shell, or unset it; "
        f"to try the deployment on this project's LocalStack say --local."
    )


def _session_without_a_shell() -> botocore.session.Session:
    """A session that reads neither variables nor files of the user: every setting is its default."""
    empty = {
        name: (None, None, default, convert)
        for name, (_, _, default, convert) in botocore.session.Session.SESSION_VARIABLES.items()
    }
    nowhere = dict.fromkeys(("config_file", "credentials_file"), (None, None, os.devnull, None))
    return botocore.session.Session(session_vars=empty | nowhere)


_SENTENCES: dict[tuple[type[Exception], ...], str] = {
    (ProfileNotFound,): "{}. AWS_PROFILE names a profile of ~/.aws/config.",
    (NoRegionError,): "Which region? Set AWS_REGION, or region in the profile that AWS_PROFILE names.",
    (UnknownRegionError,): "{}. Set AWS_REGION right, or region in the profile that AWS_PROFILE names.",
    (
        EndpointConnectionError,
    ): "AWS does not answer: {}. Is there a network, and is the region's name right?",
    (NoCredentialsError, CredentialRetrievalError, TokenRetrievalError, SSOError): (
        "No credentials for AWS: {}. Set AWS_PROFILE, or sign in (`aws sso login`); then run this again."
    ),
}


def _sentence(error: Exception, local: bool) -> str:
    if isinstance(error, Boto3Error) and isinstance(error.__context__, ClientError):
        error = error.__context__  # what an upload failed for
    if isinstance(error, ClientError):
        return _answered(error, local)
    if local and isinstance(error, (EndpointConnectionError, ConnectionError, HTTPClientError)):
        return f"This project's stack does not answer ({error}). `make up` starts it."
    for kinds, sentence in _SENTENCES.items():
        if isinstance(error, kinds):
            return sentence.format(str(error).rstrip("."))
    return f"A call of AWS failed: {error}"


def _answered(error: ClientError, local: bool) -> str:
    code = code_of(error)
    if code in _EXPIRED:
        return (
            "The credentials for AWS have expired. What AWS has begun goes on without them: "
            "sign in and run this again, it goes on where it was."
        )
    message = error.response.get("Error", {}).get("Message") or code
    if code == "400" and error.operation_name.startswith("Head"):
        message = (
            "S3 says no more of such a call, mostly that credentials have expired. Sign in and run this again"
        )
    return f"{'LocalStack' if local else 'AWS'} refused {error.operation_name} ({code}): {message}"
