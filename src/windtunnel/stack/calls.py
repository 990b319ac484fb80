"""The AWS calls that were seen while a DAG ran here."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Call:
    """One kind of call: who made it, to which service and operation, on what."""

    principal: str
    service: str
    operation: str
    resource: Mapping[str, str]
    members: tuple[str, ...] = ()
    count: int = 1
