"""The way of a request: read, routed to its operation, parsed, validated, handled, serialized."""

import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from botocore.model import OperationModel
from starlette.types import Receive, Scope, Send

from windtunnel.aws.context import RequestContext, request_context
from windtunnel.aws.errors import ServiceError, serialization_exception, unknown_operation
from windtunnel.aws.parser import parse
from windtunnel.aws.serializer import serialize, serialize_error
from windtunnel.aws.service import Service
from windtunnel.aws.validation import validate

MAX_BODY_BYTES = 10 * 1024 * 1024

_FALLBACK_CONTENT_TYPE = "application/x-amz-json-1.1"

logger = logging.getLogger(__name__)

Observer = Callable[[RequestContext, str, str, Mapping[str, Any]], object]
"""Told of each request that is one of an operation: who asks, the service, the operation, its parameters."""


class Response(NamedTuple):
    """What goes back: HTTP status, body, and the error's code if it is one."""

    status: int
    body: bytes
    error: str | None = None


class Gateway:
    """The ASGI application behind `POST /`: every answer, errors included, is one that the SDKs can read.

    Services are told apart by the prefix of X-Amz-Target. A protocol that names the operation elsewhere
    (rest-json: method and path; query: a parameter of the form) finds it in `_route`, and has a parser and a
    serializer of its own; validation and handlers stay the same.
    """

    def __init__(self, services: Sequence[Service], observer: Observer | None = None) -> None:
        self._services = {service.target_prefix: service for service in services}
        self._observer = observer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one HTTP request."""
        request_id = str(uuid.uuid4())
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        service, operation = None, None
        try:
            service, operation = self._route(scope, headers)
            body = await _read_body(receive)
            if body is None:
                return
            response = Response(200, self._answer(service, operation, headers, body, request_id))
        except ServiceError as error:
            response = _refuse(service, operation, error, request_id)
        content_type = service.content_type if service else _FALLBACK_CONTENT_TYPE
        await _send(send, response, content_type, request_id)

    def _route(self, scope: Scope, headers: dict[bytes, str]) -> tuple[Service, OperationModel]:
        if scope["path"] != "/":
            raise unknown_operation(f"Nothing is at {scope['path'][:200]!r}; AWS's SDKs send POST /.", 404)
        if scope["method"] != "POST":
            raise unknown_operation(
                f"{scope['method']} is no method of this API; AWS's SDKs send POST /.", 405
            )
        target = headers.get(b"x-amz-target", "")
        if not target:
            raise unknown_operation("The request has no X-Amz-Target header, which names the operation.")
        prefix, _, name = target.rpartition(".")
        service = self._services.get(prefix)
        operation = service.operation(name) if service else None
        if service is None or operation is None:
            raise unknown_operation(f"No service here has the operation {target[:200]!r}.")
        return service, operation

    def _answer(
        self,
        service: Service,
        operation: OperationModel,
        headers: dict[bytes, str],
        body: bytes,
        request_id: str,
    ) -> bytes:
        try:
            context = request_context(headers.get(b"authorization", ""), request_id)
            _check_content_type(headers.get(b"content-type", ""), service.content_type)
            params = {} if operation.input_shape is None else parse(body, operation.input_shape)
            self._observe(context, service, operation, params)
            handler = service.handler(operation.name)
            if operation.input_shape is not None:
                validate(params, operation.input_shape)
            result = handler(context, params)
            return b"" if operation.output_shape is None else serialize(result or {}, operation.output_shape)
        except ServiceError:
            raise
        except Exception as error:
            logger.exception("%s %s failed unexpectedly", request_id, operation.name)
            raise ServiceError(
                service.internal_error,
                f"{operation.name} failed inside windtunnel ({type(error).__name__}). Look for request"
                f" {request_id} in the log of the service: windtunnel logs {service.name}",
                500,
            ) from error

    def _observe(
        self, context: RequestContext, service: Service, operation: OperationModel, params: Mapping[str, Any]
    ) -> None:
        if self._observer is None:
            return
        try:
            self._observer(context, service.name, operation.name, params)
        except Exception:
            # What watches a request is no reason to refuse it.
            logger.exception("%s %s could not be observed", context.request_id, operation.name)


def _check_content_type(given: str, expected: str) -> None:
    if given.partition(";")[0].strip().lower() != expected:
        raise serialization_exception(f"The Content-Type is {given[:200]!r}; this API takes {expected}.")


async def _read_body(receive: Receive) -> bytes | None:
    """The whole body, None if the client went away before it was sent."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise _too_large()
        if not message.get("more_body", False):
            return bytes(body)


def _too_large() -> ServiceError:
    return ServiceError(
        "RequestEntityTooLargeException", f"The request's body is larger than {MAX_BODY_BYTES} bytes.", 413
    )


def _refuse(
    service: Service | None, operation: OperationModel | None, error: ServiceError, request_id: str
) -> Response:
    name = operation.name if operation else "A request"
    logger.info("%s %s was answered %s: %r", request_id, name, error.code, error.message)
    shape = service.error_shape(error.code) if service else None
    return Response(error.status, serialize_error(error, shape), error.code)


async def _send(send: Send, response: Response, content_type: str, request_id: str) -> None:
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(response.body)).encode()),
        (b"x-amzn-requestid", request_id.encode()),
    ]
    if response.error:
        headers.append((b"x-amzn-errortype", response.error.encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
