"""A live server with EMR's wire, whose handlers the tests set."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.model import ServiceModel, StructureShape

from tests.serving import serving
from windtunnel.aws.app import create_app
from windtunnel.aws.context import RequestContext
from windtunnel.aws.service import Handler, Service, load_model


@dataclass
class Wire:
    """A server at `port`: `answers` by operation, the `calls` that arrived, and `service` behind it."""

    port: int = 0
    answers: dict[str, Any] = field(default_factory=dict)
    calls: list[tuple[str, RequestContext, dict[str, Any]]] = field(default_factory=list)

    def handler(self, operation: str) -> Handler:
        def handle(context: RequestContext, params: dict[str, Any]) -> Any:
            self.calls.append((operation, context, params))
            answer = self.answers.get(operation)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return handle

    def client(self, **options: Any) -> Any:
        """botocore's own client of EMR, with no help from it: no validation, no second try."""
        return boto3.client(
            "emr",
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name=options.pop("region_name", "eu-central-1"),
            aws_access_key_id=options.pop("access_key", "test"),
            aws_secret_access_key="test",
            config=Config(parameter_validation=False, retries={"total_max_attempts": 1}),
        )


def structure(**members: dict[str, Any]) -> StructureShape:
    """A shape "Input" with these members, each of a shape of its own name; they may refer to each other."""
    top = {"type": "structure", "members": {name: {"shape": name} for name in members}}
    shapes = {"Input": top, **members}
    shape = ServiceModel({"metadata": {}, "operations": {}, "shapes": shapes}).shape_for("Input")
    assert isinstance(shape, StructureShape)
    return shape


@pytest.fixture(scope="session")
def live_wire() -> Iterator[Wire]:
    wire = Wire()
    operations = load_model("emr").operation_names
    service = Service("emr", {operation: wire.handler(operation) for operation in operations}, {})
    with serving(create_app([service], allowed_hosts=["emr"])) as wire.port:
        yield wire


@pytest.fixture
def wire(live_wire: Wire) -> Wire:
    live_wire.answers.clear()
    live_wire.calls.clear()
    return live_wire
