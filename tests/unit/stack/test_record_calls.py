"""What records calls inside LocalStack, without one: contexts as its handler chain has them."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from tests.scripts import module
from windtunnel.stack.localstack import RECORDER

SIGNED = "AWS4-HMAC-SHA256 Credential={}/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00"
SECRET = "very-secret"


@pytest.fixture
def script() -> ModuleType:
    return module(RECORDER["start.d/record_calls.py"])


@pytest.fixture
def recorder(script: ModuleType) -> Any:
    return script.Recorder(module(RECORDER["windtunnel/calls.py"]))


def request(
    service: str,
    operation: str,
    params: Any,
    authorization: str = SIGNED.format("airflow"),
    internal: bool = False,
) -> SimpleNamespace:
    return SimpleNamespace(
        request=SimpleNamespace(headers={"Authorization": authorization} if authorization else {}),
        service=SimpleNamespace(service_name=service),
        operation=SimpleNamespace(name=operation),
        service_request=params,
        is_internal_call=internal,
    )


def told(recorder: Any) -> list[tuple[str, str, str, dict[str, str]]]:
    calls = recorder.page(None)["calls"]
    return [(one["principal"], one["service"], one["operation"], one["resource"]) for one in calls]


@pytest.mark.parametrize(
    ("authorization", "principal"),
    [
        (SIGNED.format("emr-steps"), "emr-steps"),
        # As LocalStack makes it of a presigned URL.
        (
            "AWS4-HMAC-SHA256Credential=airflow/20260101/us-east-1/s3/aws4_request,SignedHeaders=host",
            "airflow",
        ),
        ("AWS emr:c2lnbmF0dXJl", "emr"),
        (SIGNED.format("injectedaccesskey"), ""),
        ("", ""),
    ],
)
def test_the_principal_is_the_access_key_and_empty_where_there_is_none(
    recorder: Any, authorization: str, principal: str
) -> None:
    recorder(None, request("s3", "ListBuckets", {}, authorization), None)
    assert told(recorder) == [(principal, "s3", "ListBuckets", {})]


@pytest.mark.parametrize(
    ("key", "internal", "is_kept"),
    [
        ("__internal_call__", True, False),
        ("000000000000", True, False),  # between its services, by the account
        ("000000000000", False, True),  # of a client that chose its account
        ("airflow", True, True),  # of a queue's own URL, which it hands on as the caller
    ],
)
def test_what_localstack_asks_of_itself_is_nobodys_call(
    recorder: Any, key: str, internal: bool, is_kept: bool
) -> None:
    recorder(None, request("sqs", "SendMessage", {"QueueUrl": "u"}, SIGNED.format(key), internal), None)
    assert told(recorder) == ([(key, "sqs", "SendMessage", {"QueueUrl": "u"})] if is_kept else [])


def test_what_is_no_request_for_an_operation_is_not_kept(recorder: Any) -> None:
    nothing = request("s3", "", None)
    nothing.service = nothing.operation = None
    recorder(None, nothing, None)
    assert told(recorder) == []


@pytest.mark.parametrize(
    ("service", "operation", "params", "resources"),
    [
        ("s3", "PutObject", {"Bucket": "b", "Key": "k", "Body": SECRET}, [{"Bucket": "b", "Key": "k"}]),
        (
            "s3",
            "CopyObject",
            {"Bucket": "b", "Key": "k", "CopySource": "/a/one%20two.csv?versionId=1"},
            [{"Bucket": "b", "Key": "k", "CopySource": "a/one two.csv"}],
        ),
        (
            "s3",
            "DeleteObjects",
            {"Bucket": "b", "Delete": {"Objects": [{"Key": "one"}, {"Key": "two"}]}},
            [{"Bucket": "b", "Key": "one"}, {"Bucket": "b", "Key": "two"}],
        ),
        ("secretsmanager", "PutSecretValue", {"SecretId": "s", "SecretString": SECRET}, [{"SecretId": "s"}]),
        ("ssm", "PutParameter", {"Name": "/p", "Value": SECRET}, [{"Name": "/p"}]),
        ("ssm", "GetParameters", {"Names": ["/p", "/q"]}, [{"Name": "/p"}, {"Name": "/q"}]),
        ("kms", "Encrypt", {"KeyId": "alias/k", "Plaintext": SECRET}, [{"KeyId": "alias/k"}]),
        ("sqs", "SendMessage", {"QueueUrl": "u", "MessageBody": SECRET}, [{"QueueUrl": "u"}]),
        ("sns", "Publish", {"TopicArn": "t", "Message": SECRET}, [{"TopicArn": "t"}]),
        ("sts", "AssumeRole", {"RoleArn": "r", "RoleSessionName": SECRET}, [{"RoleArn": "r"}]),
        ("iam", "CreateLoginProfile", {"UserName": "u", "Password": SECRET}, [{"UserName": "u"}]),
        (
            "logs",
            "PutLogEvents",
            {"logGroupName": "g", "logStreamName": "s", "logEvents": [{"message": SECRET}]},
            [{"logGroupName": "g", "logStreamName": "s"}],
        ),
        (
            "dynamodb",
            "BatchWriteItem",
            {"RequestItems": {"t": [{"PutRequest": {"Item": {"a": {"S": SECRET}}}}]}},
            [{"TableName": "t"}],
        ),
        (
            "events",
            "PutEvents",
            {"Entries": [{"Detail": SECRET}, {"EventBusName": "bus"}]},
            [{"EventBusName": "bus"}, {"EventBusName": "default"}],
        ),
        ("redshift", "CreateCluster", {"MasterUserPassword": SECRET}, [{}]),
    ],
)
def test_a_call_has_what_it_touches_and_no_secret(
    recorder: Any, service: str, operation: str, params: dict[str, Any], resources: list[dict[str, str]]
) -> None:
    recorder(None, request(service, operation, params), None)

    found = [resource for _, _, _, resource in told(recorder)]
    assert sorted(found, key=str) == resources
    assert SECRET not in json.dumps(recorder.page(None))
    assert all(one["members"] == sorted(params) for one in recorder.page(None)["calls"])


def test_a_request_that_lacks_what_it_is_for_is_a_call_all_the_same(
    script: ModuleType, recorder: Any
) -> None:
    for service, operation in script.EACH:
        recorder(None, request(service, operation, {}), None)
    assert told(recorder) == [("airflow", service, operation, {}) for service, operation in script.EACH]
    assert "failure" not in recorder.page(None)


def test_a_call_that_cannot_be_recorded_is_logged_and_told_and_the_request_goes_on(
    recorder: Any, caplog: pytest.LogCaptureFixture
) -> None:
    recorder(None, request("s3", "DeleteObjects", {"Bucket": "b", "Delete": 7}), None)
    recorder(None, request("s3", "GetObject", {"Bucket": "b", "Key": "k"}), None)

    assert "could not be recorded" in caplog.text
    assert recorder.page(None)["failure"] == "A call could not be recorded: AttributeError."
    assert [operation for _, _, operation, _ in told(recorder)] == ["GetObject"]


class Router(dict[str, Callable[[object], dict[str, Any]]]):
    """LocalStack's, as far as it takes routes."""

    def add(self, path: str, endpoint: Callable[[object], dict[str, Any]], methods: list[str]) -> None:
        assert methods == ["GET"]
        self[path] = endpoint


def execute(monkeypatch: pytest.MonkeyPatch, init: Path, handlers: object) -> Router:
    """The file, executed as LocalStack does it, in one whose chain has these handlers."""
    (init / "windtunnel").mkdir()
    (init / "windtunnel" / "calls.py").symlink_to(RECORDER["windtunnel/calls.py"])
    router = Router()
    config = SimpleNamespace(dirs=SimpleNamespace(init=str(init)))
    modules: dict[str, Any] = {
        "localstack": SimpleNamespace(config=config),
        "localstack.services": SimpleNamespace(),
        "localstack.services.edge": SimpleNamespace(ROUTER=router),
        "localstack.aws": SimpleNamespace(handlers=handlers),
    }
    for name, stand_in in modules.items():
        monkeypatch.setitem(sys.modules, name, stand_in)
    exec(RECORDER["start.d/record_calls.py"].read_bytes(), {})  # noqa: S102
    return router


def test_executed_by_localstack_it_is_one_of_its_handlers_and_has_a_page(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    chain: list[Any] = []
    router = execute(monkeypatch, tmp_path, SimpleNamespace(serve_custom_service_request_handlers=chain))
    [handler] = chain
    handler(None, request("s3", "ListBuckets", {}), None)

    answer = router["/_windtunnel/calls"](None)
    assert [one["operation"] for one in answer["calls"]] == ["ListBuckets"]
    assert "failure" not in answer


def test_a_localstack_without_that_list_of_handlers_starts_and_says_that_nothing_is_recorded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    router = execute(monkeypatch, tmp_path, SimpleNamespace())
    assert "no list of handlers" in router["/_windtunnel/calls"](None)["failure"]


def test_the_tables_name_what_botocores_models_have(script: ModuleType) -> None:
    loader = Loader()
    models = {name: ServiceModel(loader.load_service_model(name, "service-2"), name) for name in script.NAMES}
    for name, names in script.NAMES.items():
        model = models[name]
        shapes = [model.operation_model(operation).input_shape for operation in model.operation_names]
        assert set(names) <= {member for shape in shapes if shape for member in shape.members}, name
    each: dict[tuple[str, str], tuple[str, Callable[[Any], Any]]] = script.EACH
    assert all(operation in models[name].operation_names for name, operation in each)
