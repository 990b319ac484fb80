from typing import Any

import pytest
from botocore.model import StructureShape

from tests.behaviours import behaviour
from tests.unit.aws.conftest import structure
from windtunnel.aws.errors import ServiceError
from windtunnel.aws.service import load_model
from windtunnel.aws.validation import compiled, validate

MODEL = load_model("emr")
STEP = {"Name": "s", "HadoopJarStep": {"Jar": "command-runner.jar"}}

INPUT = structure(
    Text={"type": "string", "min": 2},
    List={"type": "list", "member": {"shape": "Text"}, "min": 1, "max": 2},
    Map={"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Text"}},
    Either={"type": "structure", "union": True, "members": {"A": {"shape": "Text"}, "B": {"shape": "Text"}}},
    Secret={"type": "string", "min": 2, "sensitive": True},
)


def check(operation: str, **params: Any) -> None:
    shape = MODEL.operation_model(operation).input_shape
    assert isinstance(shape, StructureShape)
    validate(params, shape)


def problem(operation: str, **params: Any) -> str:
    with pytest.raises(ServiceError) as refused:
        check(operation, **params)
    assert (refused.value.code, refused.value.status) == ("ValidationException", 400)
    return refused.value.message


@behaviour(
    "wire",
    "A value outside an enum is a ValidationException: \"1 validation error detected: Value '…' at '…'"
    ' failed to satisfy constraint: Member must satisfy enum value set: […]"',
    "observed",
)
def test_value_outside_an_enum_is_told_with_the_values_that_there_are() -> None:
    steps = [STEP, STEP | {"ActionOnFailure": "RETRY"}]

    assert problem("AddJobFlowSteps", JobFlowId="j-1", Steps=steps) == (
        "1 validation error detected: Value 'RETRY' at 'steps.2.member.actionOnFailure' failed to satisfy"
        " constraint: Member must satisfy enum value set:"
        " [TERMINATE_JOB_FLOW, TERMINATE_CLUSTER, CANCEL_AND_WAIT, CONTINUE]"
    )


@behaviour("wire", "Problems of a request are told all at once, with their count.", "observed")
def test_missing_members_are_told_all_at_once() -> None:
    assert problem("RunJobFlow", Steps=[{}]) == (
        "4 validation errors detected:"
        " Value null at 'name' failed to satisfy constraint: Member must not be null;"
        " Value null at 'instances' failed to satisfy constraint: Member must not be null;"
        " Value null at 'steps.1.member.name' failed to satisfy constraint: Member must not be null;"
        " Value null at 'steps.1.member.hadoopJarStep' failed to satisfy constraint: Member must not be null"
    )


def test_unknown_member_is_named_where_it_stands() -> None:
    assert problem("RunJobFlow", Name="a", Instances={"Turbo": True}) == (
        "1 validation error detected: Value at 'instances.Turbo' failed to satisfy constraint: Member must be"
        " known; JobFlowInstancesConfig has no member 'Turbo', and none is ignored here"
    )


@behaviour(
    "wire",
    'Text longer than the model allows is told as "Member must have length less than or equal to …".',
    "observed",
)
def test_text_longer_than_its_limit_is_told_once_and_not_held_against_its_pattern() -> None:
    message = problem("RunJobFlow", Name="\x00" * 257, Instances={})

    assert message.startswith("1 validation error detected: Value '")
    assert message.endswith(
        "…' at 'name' failed to satisfy constraint: Member must have length less than or equal to 256"
    )


@pytest.mark.parametrize(
    ("number", "constraint"),
    [
        (0, "Member must have value greater than or equal to 1"),
        (101, "Member must have value less than or equal to 100"),
    ],
)
def test_number_outside_its_limits_is_told(number: int, constraint: str) -> None:
    assert problem("ListReleaseLabels", MaxResults=number) == (
        f"1 validation error detected: Value '{number}' at 'maxResults' failed to satisfy constraint:"
        f" {constraint}"
    )


@pytest.mark.parametrize("number", [1, 100])
def test_number_at_its_limits_is_taken(number: int) -> None:
    check("ListReleaseLabels", MaxResults=number)


def test_text_that_breaks_its_pattern_is_told_with_the_pattern() -> None:
    assert (
        "at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\u0020-"
        in (problem("RunJobFlow", Name="a\x00b", Instances={}))
    )


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        (
            {"Either": {}},
            "Value '{}' at 'either' failed to satisfy constraint: Exactly one member must be set of",
        ),
        ({"Either": {"A": "a", "B": "b"}}, "at 'either' failed to satisfy constraint: Exactly one member"),
        ({"List": []}, "Value '[]' at 'list' failed to satisfy constraint: Member must have length greater"),
        ({"List": ["abc"] * 3}, "at 'list' failed to satisfy constraint: Member must have length less than"),
        ({"List": ["x"]}, "Value 'x' at 'list.1.member' failed to satisfy constraint"),
        ({"Map": {"x": "abc"}}, "Value 'x' at 'map.x.key' failed to satisfy constraint"),
        ({"Map": {"abc": "x"}}, "Value 'x' at 'map.abc.member' failed to satisfy constraint"),
        ({"Secret": "x"}, "Value at 'secret' failed to satisfy constraint: Member must have length"),
    ],
)
def test_constraint_of_each_kind_of_shape_is_held(params: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ServiceError) as refused:
        validate(params, INPUT)
    assert sentence in refused.value.message


def test_members_within_their_constraints_are_taken() -> None:
    validate({"Either": {"B": "bcd"}, "List": ["abc"], "Map": {"abc": "abc"}, "Secret": "abc"}, INPUT)


@pytest.mark.parametrize("text", ["plain", "Größe 值", "tab\tline\r\n", "\U0001f680", "\U0010ffff", "퟿", ""])
def test_text_of_any_script_satisfies_the_patterns_of_xml_text(text: str) -> None:
    check("RunJobFlow", Name=text or "a", Instances={}, LogUri=text)


def test_every_pattern_of_the_model_is_one_that_python_can_hold() -> None:
    patterns = {MODEL.shape_for(name).metadata.get("pattern") for name in MODEL.shape_names} - {None}

    assert len(patterns) >= 3
    for pattern in patterns:
        assert compiled(pattern).fullmatch("\x00") is None


def test_many_problems_are_counted_and_the_first_told() -> None:
    message = problem("AddJobFlowSteps", JobFlowId="j-1", Steps=[{}] * 500)

    assert message.startswith("1000 validation errors detected: ")
    assert message.count("Member must not be null") == 20
