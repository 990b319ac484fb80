"""The environments of what talks to the stack and of what it consists of."""

import os
import shlex
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from windtunnel.install.fetch import MAVEN_URL_VARIABLE
from windtunnel.stack.settings import REGION, Settings, setting_variables

HOME_VARIABLE = "WINDTUNNEL_HOME"
STATE_VARIABLE = "WINDTUNNEL_STATE"
SERVICE_VARIABLE = "WINDTUNNEL_SERVICE"
ENDPOINT = "AWS_ENDPOINT_URL"


class Principal(StrEnum):
    """Who calls AWS here, by the access key that it signs with: what is recorded tells them apart.

    To LocalStack and to EMR any text is a key, and all of these belong to account 000000000000.
    """

    PERSON = "test"
    """People, the commands of a project, LocalStack's hooks."""
    AIRFLOW = "airflow"
    """Airflow's processes and its tasks: MWAA's execution role."""
    EMR = "emr"
    """The EMR service itself, which ships logs: on AWS the nodes do, by the profile of STEPS."""
    STEPS = "emr-steps"
    """Steps, bootstrap actions, daemons and executors: the instance profile of EMR's nodes."""


def exports(settings: Settings, principal: Principal = Principal.PERSON) -> dict[str, str]:
    """What a client of the stack needs in its environment: endpoints, region, keys, the DAGs' options."""
    return {
        **aws_variables(settings, principal),
        "AIRFLOW_CONN_AWS_DEFAULT": "aws://",
        **option_variables(settings.project.mwaa.configuration_options),
    }


def aws_variables(settings: Settings, principal: Principal = Principal.PERSON) -> dict[str, str]:
    """What AWS's SDKs read to find the stack as `principal`: endpoints, region, keys."""
    return {
        "AWS_ENDPOINT_URL": settings.aws_endpoint_url or settings.localstack_url,
        "AWS_ENDPOINT_URL_EMR": settings.emr_url,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": str(principal),
        # Of every key: LocalStack checks presigned URLs with this one.
        "AWS_SECRET_ACCESS_KEY": "test",
    }


def option_variables(options: Mapping[str, str]) -> dict[str, str]:
    """Airflow's configuration options (`section.key`) as the variables that Airflow reads.

    `salary_pipeline.bucket` is AIRFLOW__SALARY_PIPELINE__BUCKET.
    """
    named = {}
    for name, value in options.items():
        section, _, key = name.rpartition(".")
        named[f"AIRFLOW__{section.replace('.', '_').upper()}__{key.upper()}"] = value
    return named


def export_lines(settings: Settings) -> str:
    """`exports` as lines that a shell evaluates; what would get in their way is unset first."""
    lines = ["unset AWS_PROFILE AWS_DEFAULT_PROFILE AWS_SESSION_TOKEN"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in exports(settings).items()]
    return "\n".join(lines)


# What a process of the stack inherits of the caller's shell. Anything else (credentials above all) stays out.
_INHERITED = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TERM", "JAVA_HOME"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PYENV_ROOT"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"),
    *("NO_PROXY", "no_proxy", MAVEN_URL_VARIABLE),
)
_INHERITED_PREFIXES = ("LC_", "XDG_", "UV_", "PIP_")


def is_inherited(variable: str) -> bool:
    """Whether a process of the stack has this variable from the shell of whoever started it."""
    return variable in _INHERITED or variable.startswith(_INHERITED_PREFIXES)


def process_environment(settings: Settings, principal: Principal = Principal.PERSON) -> dict[str, str]:
    """What every process of the stack starts from: `exports`, the settings, and little of the shell.

    Nothing of the caller's AWS account gets in: neither variables nor the files in ~/.aws.
    """
    return (
        {n: v for n, v in os.environ.items() if is_inherited(n)}
        | _without_aws_account()
        | _no_proxy(settings)
        | setting_variables(settings)
        | exports(settings, principal)
        | identity(settings)
    )


def step_environment(settings: Settings) -> dict[str, str]:
    """What EMR's steps and daemons get besides what a node has: the way to AWS, and the stack's mark."""
    # HOME is a cluster's own, and ends with it: what pip has downloaded once is kept where all downloads are.
    pip = {"PIP_CACHE_DIR": os.environ.get("PIP_CACHE_DIR") or str(settings.cache / "pip")}
    aws = aws_variables(settings, Principal.STEPS)
    return aws | _without_aws_account() | _no_proxy(settings) | identity(settings) | pip


def client_environment(settings: Settings) -> dict[str, str]:
    """The caller's own environment, as a client of the stack: for the commands of a project."""
    return (
        accountless_environment()
        | _no_proxy(settings)
        | setting_variables(settings)
        | exports(settings)
        | identity(settings)
    )


def accountless_environment() -> dict[str, str]:
    """The caller's own environment without the AWS account; `python` is the one that windtunnel runs on."""
    own = {n: v for n, v in os.environ.items() if not n.startswith("AWS_") or n.startswith(ENDPOINT)}
    own["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), own.get("PATH", os.defpath)])
    return own | _without_aws_account()


def _without_aws_account() -> dict[str, str]:
    """What keeps AWS's SDKs from the user's own files and from asking the network for credentials."""
    return {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _no_proxy(settings: Settings) -> dict[str, str]:
    given = os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""
    hosts = ",".join(
        dict.fromkeys(filter(None, [*given.split(","), "127.0.0.1", "localhost", settings.host]))
    )
    return {"NO_PROXY": hosts, "no_proxy": hosts}


def identity(settings: Settings) -> dict[str, str]:
    """What every process that belongs to this stack has in its environment, and only those."""
    return {HOME_VARIABLE: str(settings.home), STATE_VARIABLE: str(settings.state)}
