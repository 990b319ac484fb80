from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.aws.conftest import structure
from windtunnel.aws.errors import ServiceError
from windtunnel.aws.parser import MAX_DEPTH, parse

SHAPE = structure(
    Text={"type": "string"},
    Whole={"type": "integer"},
    Long={"type": "long"},
    Real={"type": "double"},
    Flag={"type": "boolean"},
    Time={"type": "timestamp"},
    Blob={"type": "blob"},
    List={"type": "list", "member": {"shape": "Text"}},
    Map={"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Whole"}},
    Nested={"type": "structure", "members": {"Nested": {"shape": "Nested"}, "Text": {"shape": "Text"}}},
)


def read(body: str) -> dict[str, Any]:
    return parse(body.encode(), SHAPE)


@pytest.mark.parametrize(
    ("body", "params"),
    [
        ("", {}),
        (" \n", {}),
        ("{}", {}),
        ('{"Text": null, "List": null}', {}),
        ('{"Text": "\\ud83d\\ude80 ü"}', {"Text": "\U0001f680 ü"}),
        ('{"Whole": 2147483647, "Long": -9223372036854775808}', {"Whole": 2**31 - 1, "Long": -(2**63)}),
        ('{"Whole": 3.0}', {"Whole": 3}),
        ('{"Real": 3, "Flag": false}', {"Real": 3.0, "Flag": False}),
        ('{"Time": 1769903998.987}', {"Time": datetime(2026, 1, 31, 23, 59, 58, 987000, UTC)}),
        ('{"Time": -1}', {"Time": datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)}),
        ('{"Blob": "AP8="}', {"Blob": b"\x00\xff"}),
        ('{"List": ["a", ""], "Map": {"a": 1}}', {"List": ["a", ""], "Map": {"a": 1}}),
        ('{"Nested": {"Nested": {"Text": "a"}}}', {"Nested": {"Nested": {"Text": "a"}}}),
    ],
)
def test_body_is_read_by_its_shape(body: str, params: dict[str, Any]) -> None:
    found = read(body)

    assert found == params
    assert [type(value) for value in found.values()] == [type(value) for value in params.values()]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("[]", "Expected the request's body to be an object, found []."),
        ('{"Text": 3}', "Expected the value at 'Text' to be a string, found 3."),
        ('{"Whole": "3"}', "Expected the value at 'Whole' to be an integer of 32 bits, found \"3\"."),
        ('{"Whole": true}', "Expected the value at 'Whole' to be an integer of 32 bits, found true."),
        ('{"Whole": 1.5}', "Expected the value at 'Whole' to be an integer of 32 bits, found 1.5."),
        ('{"Whole": 2147483648}', "The number at 'Whole' is out of the range of an integer of 32 bits."),
        (
            '{"Long": 9223372036854775808}',
            "The number at 'Long' is out of the range of an integer of 64 bits.",
        ),
        ('{"Long": 1e999}', "Expected the value at 'Long' to be an integer of 64 bits, found Infinity."),
        ('{"Real": 1e999}', "The number at 'Real' is out of the range of a number."),
        ('{"Real": NaN}', "The request's body is not JSON in UTF-8: NaN is not a number of JSON"),
        ('{"Flag": "true"}', "Expected the value at 'Flag' to be true or false, found \"true\"."),
        (
            '{"Time": "2026-01-31"}',
            "Expected the value at 'Time' to be a number of seconds since 1970, found",
        ),
        ('{"Time": 1e18}', "The number at 'Time' is no point in time between the years 1 and 9999."),
        ('{"Blob": "%%%"}', "The text at 'Blob' is not Base64."),
        ('{"Blob": "ü"}', "The text at 'Blob' is not Base64."),
        ('{"List": {"a": "b"}}', 'Expected the value at \'List\' to be a list, found {"a": "b"}.'),
        ('{"List": ["a", null]}', "Expected the value at 'List[1]' to be a string, found null."),
        ('{"Map": {"a": null}}', "Expected the value at 'Map.a' to be an integer of 32 bits, found null."),
        ('{"Map": {"\\ud800": 1}}', "The text at 'Map' holds half a surrogate pair"),
        ('{"Nested": {"Text": "\\udc00"}}', "The text at 'Nested.Text' holds half a surrogate pair"),
        ("{", "The request's body is not JSON in UTF-8: Expecting property name"),
        ("{} {}", "The request's body is not JSON in UTF-8: Extra data"),
    ],
)
def test_body_of_another_form_is_refused_in_a_sentence(body: str, sentence: str) -> None:
    with pytest.raises(ServiceError) as refused:
        read(body)

    assert refused.value.code == "SerializationException"
    assert refused.value.message.startswith(sentence)


@pytest.mark.parametrize("levels", [MAX_DEPTH + 1, 200, 100_000])
def test_body_that_is_nested_too_deep_is_refused(levels: int) -> None:
    with pytest.raises(ServiceError, match=f"nested more than {MAX_DEPTH} levels deep"):
        read('{"Nested":' * levels + "{}" + "}" * levels)


def test_body_that_is_nested_as_deep_as_may_be_is_read() -> None:
    assert read('{"Nested":' * MAX_DEPTH + "{}" + "}" * MAX_DEPTH)


def test_unknown_member_is_kept_for_the_validation_to_name() -> None:
    assert read('{"Foo": {"Bar": [1]}}') == {"Foo": {"Bar": [1]}}
