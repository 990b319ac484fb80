"""Identifiers and ARNs of the form that Amazon EMR gives them."""

import secrets
import string

_UPPER = string.ascii_uppercase + string.digits
_HEX = "0123456789abcdef"
_PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
"""By the beginning of a region's name, those beside `aws` that have Amazon EMR for everybody."""


def _random(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


def cluster_id() -> str:
    """`j-` and 13 capitals or digits."""
    return "j-" + _random(_UPPER, 13)


def step_id() -> str:
    """`s-` and 20 capitals or digits, as EMR has given since 2023."""
    return "s-" + _random(_UPPER, 20)


def instance_group_id() -> str:
    """`ig-` and 13 capitals or digits."""
    return "ig-" + _random(_UPPER, 13)


def instance_fleet_id() -> str:
    """`if-` and 13 capitals or digits."""
    return "if-" + _random(_UPPER, 13)


def instance_id() -> str:
    """EMR's own id of an instance: `ci-` and 12 capitals or digits."""
    return "ci-" + _random(_UPPER, 12)


def ec2_instance_id() -> str:
    """`i-` and 17 hexadecimal digits."""
    return "i-" + _random(_HEX, 17)


def cluster_arn(cluster: str, region: str, account: str) -> str:
    """The ARN of a cluster, in the partition of its region."""
    partition = next((name for start, name in _PARTITIONS.items() if region.startswith(start)), "aws")
    return f"arn:{partition}:elasticmapreduce:{region}:{account}:cluster/{cluster}"
