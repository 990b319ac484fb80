"""The errors that Amazon EMR answers with, beside the wire's own."""

from windtunnel.aws.errors import ServiceError, invalid_request, validation_exception

__all__ = ["invalid_request", "not_modifiable", "unknown_cluster", "validation_exception"]


def unknown_cluster(cluster_id: str) -> ServiceError:
    """No cluster of that id."""
    return invalid_request(f"Cluster id '{cluster_id}' is not valid.")


def not_modifiable() -> ServiceError:
    """A change to a cluster that has begun to end."""
    return validation_exception(
        "A job flow that is shutting down, terminated, or finished may not be modified."
    )
