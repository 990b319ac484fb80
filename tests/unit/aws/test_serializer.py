import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from tests.unit.aws.conftest import structure
from windtunnel.aws.errors import ServiceError, invalid_request
from windtunnel.aws.serializer import serialize, serialize_error
from windtunnel.aws.service import Service

SHAPE = structure(
    Text={"type": "string"},
    State={"type": "string", "enum": ["UP", "DOWN"]},
    Whole={"type": "integer"},
    Real={"type": "double"},
    Flag={"type": "boolean"},
    Time={"type": "timestamp"},
    Blob={"type": "blob"},
    List={"type": "list", "member": {"shape": "State"}},
    Map={"type": "map", "key": {"shape": "State"}, "value": {"shape": "Whole"}},
    Nested={"type": "structure", "members": {"Nested": {"shape": "Nested"}, "Text": {"shape": "Text"}}},
)
MOMENT = datetime(2026, 1, 31, 23, 59, 58, 987654, UTC)


@pytest.mark.parametrize(
    ("members", "body"),
    [
        ({}, {}),
        ({"Text": None, "Flag": False, "Whole": 0, "List": []}, {"Flag": False, "Whole": 0, "List": []}),
        ({"Time": MOMENT}, {"Time": 1769903998.988}),
        ({"Time": MOMENT.astimezone(timezone(timedelta(hours=-7)))}, {"Time": 1769903998.988}),
        ({"Blob": b"\x00\xff"}, {"Blob": "AP8="}),
        (
            {"Real": 3, "List": ("UP", "DOWN"), "Map": {"UP": 1}},
            {"Real": 3, "List": ["UP", "DOWN"], "Map": {"UP": 1}},
        ),
        ({"Nested": {"Nested": {"Text": "ü \U0001f680"}}}, {"Nested": {"Nested": {"Text": "ü \U0001f680"}}}),
    ],
)
def test_members_are_written_by_their_shape(members: dict[str, Any], body: dict[str, Any]) -> None:
    assert json.loads(serialize(members, SHAPE)) == body


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"Foo": None}, "Input has no member Foo"),
        ({"Nested": {"Nested": {"Foo": 1}}}, "Nested has no member Foo (response, at '.Nested.Nested')"),
        ({"State": "SLEEPING"}, "State has no value 'SLEEPING' (response, at '.State')"),
        ({"List": ["SLEEPING"]}, "State has no value 'SLEEPING' (response, at '.List')"),
        ({"Map": {"SLEEPING": 1}}, "State has no value 'SLEEPING' (response, at '.Map')"),
        ({"Time": MOMENT.replace(tzinfo=None)}, "A time without a time zone (response, at '.Time')"),
        ({"Time": 1769903998}, "1769903998 is no timestamp (response, at '.Time')"),
        ({"Text": 1}, "1 is no string"),
        ({"Whole": "1"}, "'1' is no integer"),
        ({"Whole": True}, "True is no integer"),
        ({"Real": "1"}, "'1' is no double"),
        ({"Real": float("nan")}, "nan is no double"),
        ({"Flag": 1}, "1 is no boolean"),
        ({"Blob": "AP8="}, "'AP8=' is no blob"),
        ({"List": "UP"}, "'UP' is no list"),
        ({"Map": ["UP"]}, "['UP'] is no map"),
        ({"Nested": "x"}, "'x' is no structure"),
    ],
)
def test_member_that_the_model_does_not_have_is_a_mistake_that_is_raised(
    members: dict[str, Any], problem: str
) -> None:
    with pytest.raises((TypeError, ValueError)) as raised:
        serialize(members, SHAPE)
    assert str(raised.value).startswith(problem)


def test_error_has_its_type_and_message_under_the_names_that_the_model_gives() -> None:
    shape = Service("emr", {}, {}).error_shape("InvalidRequestException")

    assert json.loads(serialize_error(invalid_request("No.", "NoSuchCluster"), shape)) == {
        "__type": "InvalidRequestException",
        "ErrorCode": "NoSuchCluster",
        "Message": "No.",
    }
    assert json.loads(serialize_error(ServiceError("ThrottlingException", "Slow."), None)) == {
        "__type": "ThrottlingException",
        "message": "Slow.",
    }
