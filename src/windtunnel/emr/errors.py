"""The errors that Amazon EMR answers with, beside the wire's own."""

from windtunnel.aws.errors import ServiceError, invalid_request, validation_exception

__all__ = [
    "disk_full",
    "invalid_request",
    "not_modifiable",
    "of_other_kind",
    "unknown_cluster",
    "validation_exception",
]


def unknown_cluster(cluster_id: str) -> ServiceError:
    """No cluster of that id."""
    return invalid_request(f"Cluster id '{cluster_id}' is not valid.")


def not_modifiable() -> ServiceError:
    """A change to a cluster that has begun to end."""
    return validation_exception(
        "A job flow that is shutting down, terminated, or finished may not be modified."
    )


def of_other_kind(uses: str, operation: str, instead: str) -> ServiceError:
    """A request for instance groups of a cluster that `uses` fleets, or the other way round."""
    return invalid_request(
        "Instance fleets and instance groups are mutually exclusive. The EMR cluster specified in the request "
        f"uses instance {uses}. The {operation} request does not support clusters that use instance {uses}. "
        f"Use the {instead} request instead."
    )


def disk_full(file: str | None) -> ServiceError:
    """What can't be stored has not happened."""
    return ServiceError("InternalServerError", f"The disk of {file} is full: make room, then try again.", 500)
