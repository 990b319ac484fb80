"""Amazon EMR's operations: each maps a request to a decision and its outcome to a response."""

from functools import partial

from windtunnel.aws.service import Service
from windtunnel.emr.operations import clusters, instances, releases, steps, tags
from windtunnel.emr.store import Store

OPERATIONS = {
    **clusters.OPERATIONS,
    **steps.OPERATIONS,
    **instances.OPERATIONS,
    **tags.OPERATIONS,
    **releases.OPERATIONS,
}


def emr_service(store: Store) -> Service:
    """The service `emr` on this store. An operation that is not in the table is refused, naming it."""
    handlers = {name: partial(operation, store) for name, operation in OPERATIONS.items()}
    return Service("emr", handlers, {})
