"""What a service answers when it refuses: raised once as an exception, serialized once at the wire."""

from collections.abc import Mapping


class ServiceError(Exception):
    """An error of an AWS API, answered to the client under its code.

    `code` is the exception's name in the service's model (or one of AWS's common errors), `status` the HTTP
    status, `members` further members of the modelled exception, such as ErrorCode.
    """

    def __init__(
        self, code: str, message: str, status: int = 400, *, members: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members = dict(members or {})


def validation_exception(message: str) -> ServiceError:
    """A request that its own rules forbid: AWS's ValidationException, 400."""
    return ServiceError("ValidationException", message)


def invalid_request(message: str, error_code: str | None = None) -> ServiceError:
    """A request that the state of things forbids: InvalidRequestException, 400, with EMR's ErrorCode."""
    return ServiceError(
        "InvalidRequestException", message, members={"ErrorCode": error_code} if error_code else None
    )


def serialization_exception(message: str) -> ServiceError:
    """A body that does not have the form of the operation's input: SerializationException, 400."""
    return ServiceError("SerializationException", message)


def unknown_operation(message: str, status: int = 400) -> ServiceError:
    """A request that names no operation of any service here: UnknownOperationException."""
    return ServiceError("UnknownOperationException", message, status)
