"""Amazon EMR's operations: each maps a request to a decision and its outcome to a response."""

from functools import partial

from windtunnel.aws.service import Service
from windtunnel.emr.operations import (
    account,
    clusters,
    instances,
    job_flows,
    policies,
    releases,
    resizing,
    steps,
    tags,
)
from windtunnel.emr.operations.refusals import REFUSED
from windtunnel.emr.store import Store

OPERATIONS = {
    **clusters.OPERATIONS,
    **job_flows.OPERATIONS,
    **steps.OPERATIONS,
    **instances.OPERATIONS,
    **resizing.OPERATIONS,
    **policies.OPERATIONS,
    **tags.OPERATIONS,
    **releases.OPERATIONS,
    **account.OPERATIONS,
}

KEEPING = frozenset({*account.OPERATIONS, "SetVisibleToAllUsers", "SetUnhealthyNodeReplacement"})
"""Those of them that keep what they are given and show it again, and change nothing that runs."""


def emr_service(store: Store) -> Service:
    """The service `emr` on this store. An operation that is not in the table is refused, with its reason."""
    handlers = {name: partial(operation, store) for name, operation in OPERATIONS.items()}
    return Service("emr", handlers, REFUSED)
