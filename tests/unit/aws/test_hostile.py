"""Whatever is sent, the answer is one that a client can read, and never a failure of ours."""

import json
from http.client import HTTPConnection
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.behaviours import behaviour
from tests.unit.aws.conftest import Wire
from windtunnel.aws.gateway import MAX_BODY_BYTES
from windtunnel.aws.service import load_model

SIGNATURE = "AWS4-HMAC-SHA256 Credential=AKID/20260131/us-east-1/elasticmapreduce/aws4_request, Signature=0"
HEADERS = {
    "X-Amz-Target": "ElasticMapReduce.RunJobFlow",
    "Content-Type": "application/x-amz-json-1.1",
    "Authorization": SIGNATURE,
}
MODEL = load_model("emr")
OPERATIONS = sorted(MODEL.operation_names)
HOSTILE = [
    *(
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1e999",
        b"-1e999",
        b"9" * 5000,
        b"1" + b"0" * 400,
        b"1.5",
        b"null",
    ),
    *(b'"\\ud800"', b'"\\udfff\\ud800"', b'"\\u0000"', b'"7"', b"true", b"[]", b"{}", b"[null]", b'"x"'),
    *(b"[" * 100_000, b"[" * 100 + b"]" * 100, b'{"a":' * 100 + b"1" + b"}" * 100, b'"\xff"', b"1e308"),
    *(
        b'{"\\ud800": 1}',
        b'{"": ""}',
        b'{"__type": "x"}',
        b"253402300800",
        b"-62135596801",
        b"0.1",
        b'"a\\nb"',
    ),
]


def send(
    wire: Wire, body: bytes, method: str = "POST", path: str = "/", **headers: str
) -> tuple[int, dict[str, Any]]:
    """One raw request; asserts that an error is modelled, and returns status and body."""
    connection = HTTPConnection("127.0.0.1", wire.port, timeout=30)
    try:
        connection.request(method, path, body, HEADERS | {k.replace("_", "-"): v for k, v in headers.items()})
        response = connection.getresponse()
        text = response.read()
    finally:
        connection.close()
    answer = json.loads(text) if text else {}
    assert response.headers["x-amzn-requestid"]
    if response.status != 200 and method != "HEAD":
        assert 400 <= response.status < 500
        assert answer["__type"] == response.headers["x-amzn-errortype"]
        assert answer.get("message") or answer.get("Message")
    return response.status, answer


def values() -> st.SearchStrategy[Any]:
    numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    leaves = st.none() | st.booleans() | numbers | st.text()
    names = st.text() | st.sampled_from(["ClusterId", "Name", "Instances", "Steps", "Tags", "Configurations"])
    return st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(names, inner), max_leaves=20)


live = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)


@live
@given(body=st.binary())
def test_bytes_of_any_kind_are_no_failure_of_ours(wire: Wire, body: bytes) -> None:
    send(wire, body)


@live
@given(operation=st.sampled_from(OPERATIONS), body=st.dictionaries(st.text(), values()) | values())
def test_json_of_any_form_is_no_failure_of_ours(wire: Wire, operation: str, body: Any) -> None:
    status, answer = send(wire, json.dumps(body).encode(), X_Amz_Target=f"ElasticMapReduce.{operation}")

    assert status == 200 or answer["__type"] in {"SerializationException", "ValidationException"}


@live
@given(operation=st.sampled_from(OPERATIONS), member=st.integers(0, 30), value=st.sampled_from(HOSTILE))
def test_members_of_the_wrong_kind_are_no_failure_of_ours(
    wire: Wire, operation: str, member: int, value: bytes
) -> None:
    shape = MODEL.operation_model(operation).input_shape
    names = list(shape.members) if shape else []
    name = names[member % len(names)] if names else "None"

    send(wire, b'{"%s": %s}' % (name.encode(), value), X_Amz_Target=f"ElasticMapReduce.{operation}")


@live
@given(
    header=st.sampled_from(["X-Amz-Target", "Content-Type", "Authorization", "Content-Encoding", "X-Other"]),
    value=st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f")),
)
def test_headers_of_any_kind_are_no_failure_of_ours(wire: Wire, header: str, value: str) -> None:
    send(wire, b"{}", **{header: value})


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value[:20]))
def test_hostile_value_as_the_whole_body_is_refused(wire: Wire, value: bytes) -> None:
    status, answer = send(wire, value)

    assert status == 400
    assert answer["__type"] in {"SerializationException", "ValidationException"}


@behaviour("wire", "A body above the limit is refused before it is read whole.", "believed")
def test_body_over_the_limit_is_refused_before_it_is_read_whole(wire: Wire) -> None:
    status, answer = send(wire, b'{"Name": "' + b"x" * MAX_BODY_BYTES + b'"}')

    assert (status, answer["__type"]) == (413, "RequestEntityTooLargeException")


def test_body_within_the_limit_arrives(wire: Wire) -> None:
    name = "x" * 256
    status, _ = send(
        wire, json.dumps({"Name": name, "Instances": {}}).encode() + b" " * (MAX_BODY_BYTES // 2)
    )

    assert status == 200
    assert wire.calls[0][2] == {"Name": name, "Instances": {}}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "PATCH", "HEAD"])
def test_methods_other_than_post_are_refused(wire: Wire, method: str) -> None:
    assert send(wire, b"", method)[0] == 405


@pytest.mark.parametrize("path", ["/other", "//", "/..", "/health/x", "/%00"])
def test_paths_other_than_the_root_are_unknown(wire: Wire, path: str) -> None:
    assert send(wire, b"{}", path=path)[0] == 404


@pytest.mark.parametrize(
    "target", ["", "RunJobFlow", "ElasticMapReduce.", "ElasticMapReduce.Run", "DynamoDB.ListTables", ".", "é"]
)
@behaviour("wire", "A target that names no operation is an UnknownOperationException.")
def test_target_that_names_no_operation_is_unknown(wire: Wire, target: str) -> None:
    status, answer = send(wire, b"{}", X_Amz_Target=target)

    assert (status, answer["__type"]) == (400, "UnknownOperationException")
    assert not target or target[:4] in answer["message"] or target == "é"


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/json", "application/x-amz-json-1.0"])
def test_content_type_of_another_protocol_is_refused(wire: Wire, content_type: str) -> None:
    status, answer = send(wire, b'{"Name": "a", "Instances": {}}', Content_Type=content_type)

    assert (status, answer["__type"]) == (400, "SerializationException")
    assert "application/x-amz-json-1.1" in answer["message"]
    assert not wire.calls


def test_content_type_may_name_its_character_set(wire: Wire) -> None:
    status, _ = send(
        wire, b'{"Name": "a", "Instances": {}}', Content_Type="Application/X-Amz-Json-1.1; charset=utf-8"
    )

    assert status == 200
