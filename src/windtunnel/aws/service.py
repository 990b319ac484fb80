"""A service: the operations of its botocore model, and who answers each."""

from collections.abc import Callable, Mapping
from typing import Any

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, StructureShape

from windtunnel.aws.context import RequestContext
from windtunnel.aws.errors import ServiceError

__all__ = ["Handler", "RequestContext", "Service"]

Handler = Callable[[RequestContext, dict[str, Any]], Mapping[str, Any] | None]
"""One operation: the parsed and validated parameters in, the response's members out. Never waits."""

_INTERNAL_ERRORS = ("InternalServerError", "InternalServerException", "InternalServiceError")
"""What services call a failure of their own, where they model it; AWS's common name is InternalFailure."""


def load_model(name: str) -> ServiceModel:
    """botocore's newest model of the service of this name ("emr").

    Loader.load_service_model() would first look through the folders of all services: four times as long.
    """
    loader = Loader()
    version = max(loader.list_api_versions(name, "service-2"))
    return ServiceModel(loader.load_data(f"{name}/{version}/service-2"), name)


class Service:
    """The dispatch table of one AWS service, made from botocore's model of it.

    `name` is botocore's name of the service ("emr"). Each operation of the model is answered: by its handler,
    by the reason why it is refused, or by the sentence that it is not implemented.
    `refusal_code` is the modelled exception of a refusal.
    Raises ValueError for a handler, a refusal or an exception that the model does not have.
    """

    def __init__(
        self,
        name: str,
        handlers: Mapping[str, Handler],
        refusals: Mapping[str, str],
        *,
        refusal_code: str = "InvalidRequestException",
    ) -> None:
        self.name = name
        self.model = load_model(name)
        self.target_prefix: str = self.model.metadata["targetPrefix"]
        self.content_type = f"application/x-amz-json-{self.model.metadata['jsonVersion']}"
        self._handlers = dict(handlers)
        self._refusals = dict(refusals)
        self._refusal_code = refusal_code
        self._errors = {
            shape.name: shape for shape in self.model.error_shapes if isinstance(shape, StructureShape)
        }
        self._check_names()
        self.internal_error = next(
            (code for code in _INTERNAL_ERRORS if code in self._errors), "InternalFailure"
        )
        self._operations: dict[str, OperationModel] = {
            operation: self.model.operation_model(operation) for operation in self.model.operation_names
        }

    def _check_names(self) -> None:
        known = set(self.model.operation_names)
        if unknown := sorted((self._handlers.keys() | self._refusals.keys()) - known):
            raise ValueError(f"The model of {self.name} has no operation {', '.join(unknown)}")
        if twice := sorted(self._handlers.keys() & self._refusals.keys()):
            raise ValueError(f"Both handled and refused: {', '.join(twice)} of {self.name}")

        if self._refusal_code not in self._errors:
            raise ValueError(f"The model of {self.name} has no exception {self._refusal_code}")

    def operation(self, name: str) -> OperationModel | None:
        """The model of an operation, None for a name that the service does not have."""
        return self._operations.get(name)

    def error_shape(self, code: str) -> StructureShape | None:
        """The model of an exception, None for one that is common to all services."""
        return self._errors.get(code)

    def handler(self, name: str) -> Handler:
        """Who answers the operation; raises ServiceError, naming it, if it is refused or not implemented."""
        if name in self._handlers:
            return self._handlers[name]
        reason = self._refusals.get(name)
        raise ServiceError(
            self._refusal_code,
            f"{name} is not implemented by windtunnel" + (f": {reason}" if reason else "."),
        )
