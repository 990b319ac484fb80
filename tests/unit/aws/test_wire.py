"""Each operation of EMR's model, asked and answered through botocore's own client."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from tests.behaviours import behaviour
from tests.unit.aws.conftest import Wire
from windtunnel.aws.errors import ServiceError, invalid_request
from windtunnel.aws.service import load_model

MODEL = load_model("emr")
OPERATIONS = sorted(MODEL.operation_names)
ROLE = "arn:aws:iam::123456789012:role/path/EMR_DefaultRole"


class Samples:
    """Values of every member of a shape, no two alike where the model allows it; recursion ends at three."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def of(self, shape: Shape, above: tuple[str, ...] = ()) -> Any:
        number = next(self._numbers)
        match shape:
            case StructureShape():
                names = list(shape.members)[: 1 if shape.is_tagged_union else None]
                known = {name: shape.members[name] for name in names}
                return {
                    name: self.of(member, (*above, shape.name))
                    for name, member in known.items()
                    if (*above, shape.name).count(member.name) < 3
                }
            case ListShape():
                return [self.of(shape.member, (*above, shape.name)) for _ in range(2)]
            case MapShape():
                return {self.of(shape.key): self.of(shape.value, (*above, shape.name)) for _ in range(2)}
            case StringShape():
                return self._string(shape, number)
        return {
            "integer": shape.metadata.get("min", 0) + number % 50,
            "long": number << 40,
            "boolean": number % 2 == 0,
            "float": number + 0.5,
            "double": number + 0.25,
            "timestamp": datetime(2026, 1, 31, 23, 59, 58, 987000, UTC) + timedelta(days=number),
        }[shape.type_name]

    def _string(self, shape: StringShape, number: int) -> str:
        if shape.enum:
            return shape.enum[number % len(shape.enum)]
        if "arn:" in shape.metadata.get("pattern", ""):
            return f"{ROLE}{number}"
        return f"Größe {number}\n值".ljust(shape.metadata.get("min", 0), "x")


def input_shape(operation: str) -> StructureShape:
    shape = MODEL.operation_model(operation).input_shape
    assert shape is not None
    return shape


@pytest.fixture(scope="session")
def client(live_wire: Wire) -> Any:
    return live_wire.client()


@pytest.mark.parametrize("operation", OPERATIONS)
@behaviour(
    "wire",
    "Every operation of the model is answered in JSON 1.1, each member whole in both directions.",
)
def test_every_operation_travels_whole_in_both_directions(wire: Wire, client: Any, operation: str) -> None:
    model = MODEL.operation_model(operation)
    params = Samples().of(input_shape(operation))
    answer = Samples().of(model.output_shape) if model.output_shape else None
    wire.answers[operation] = answer

    response = getattr(client, xform_name(operation))(**params)

    metadata = response.pop("ResponseMetadata")
    assert [(name, given) for name, _, given in wire.calls] == [(operation, params)]
    assert response == (answer or {})
    assert metadata["HTTPStatusCode"] == 200
    assert metadata["RequestId"] == wire.calls[0][1].request_id


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_names_each_required_member_that_is_missing(
    wire: Wire, client: Any, operation: str
) -> None:
    required = input_shape(operation).required_members
    if not required:
        getattr(client, xform_name(operation))()
        assert len(wire.calls) == 1
        return

    with pytest.raises(ClientError) as refused:
        getattr(client, xform_name(operation))()

    error = refused.value.response["Error"]
    assert error["Code"] == "ValidationException"
    for name in required:
        assert (
            f"'{name[0].lower()}{name[1:]}' failed to satisfy constraint: Member must not be null"
            in (error["Message"])
        )
    assert not wire.calls


def test_output_without_members_arrives_empty(wire: Wire, client: Any) -> None:
    assert set(client.describe_cluster(ClusterId="j-1")) == {"ResponseMetadata"}


def test_members_of_a_response_that_are_none_are_left_out(wire: Wire, client: Any) -> None:
    wire.answers["DescribeCluster"] = {"Cluster": {"Id": "j-1", "Name": None}}

    assert client.describe_cluster(ClusterId="j-1")["Cluster"] == {"Id": "j-1"}


def test_region_and_account_come_from_the_signature(wire: Wire) -> None:
    wire.client(region_name="us-gov-west-1", access_key="123456789012").list_clusters()

    context = wire.calls[0][1]
    assert (context.region, context.account) == ("us-gov-west-1", "123456789012")


@behaviour("boto3", "A modelled exception arrives as the client's own exception class.")
def test_modelled_exception_arrives_as_botocores_own_class_with_its_members(wire: Wire, client: Any) -> None:
    wire.answers["DescribeCluster"] = invalid_request("Cluster id 'j-1' is not valid.", "NoSuchCluster")

    with pytest.raises(client.exceptions.InvalidRequestException) as refused:
        client.describe_cluster(ClusterId="j-1")

    assert refused.value.response["Error"] == {
        "Code": "InvalidRequestException",
        "Message": "Cluster id 'j-1' is not valid.",
    }
    assert refused.value.response["ErrorCode"] == "NoSuchCluster"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_error_of_a_handler_keeps_its_status_and_text_of_any_script(wire: Wire, client: Any) -> None:
    wire.answers["ListClusters"] = ServiceError("ThrottlingException", "langsam, 值 \U0001f680", 429)

    with pytest.raises(ClientError) as refused:
        client.list_clusters()

    assert refused.value.response["Error"]["Code"] == "ThrottlingException"
    assert refused.value.response["Error"]["Message"] == "langsam, 值 \U0001f680"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429


def test_failure_inside_a_handler_is_logged_with_its_traceback_under_the_id_that_the_client_sees(
    wire: Wire, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    wire.answers["DescribeCluster"] = RuntimeError("the secret inside")

    with pytest.raises(client.exceptions.InternalServerError) as failed:
        client.describe_cluster(ClusterId="j-1")

    response = failed.value.response
    request_id = response["ResponseMetadata"]["RequestId"]
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert "the secret inside" not in response["Error"]["Message"]
    assert request_id in response["Error"]["Message"]
    assert "windtunnel logs emr" in response["Error"]["Message"]
    [record] = [record for record in caplog.records if record.exc_info and request_id in record.getMessage()]
    assert "DescribeCluster" in record.getMessage()


def test_response_that_the_model_does_not_have_is_a_failure_of_ours(wire: Wire, client: Any) -> None:
    wire.answers["DescribeCluster"] = {"Cluster": {"Status": {"State": "SLEEPING"}}}

    with pytest.raises(client.exceptions.InternalServerError):
        client.describe_cluster(ClusterId="j-1")
