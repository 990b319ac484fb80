"""Who watches the wire: told of each request for an operation, and no part of its answer."""

from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.serving import serving
from windtunnel.aws.app import create_app
from windtunnel.aws.context import RequestContext
from windtunnel.aws.errors import invalid_request
from windtunnel.aws.service import Service


def client(port: int) -> Any:
    return boto3.client(
        "emr",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="emr-steps",
        aws_secret_access_key="test",
        config=Config(parameter_validation=False, retries={"total_max_attempts": 1}),
    )


def refuse(_context: RequestContext, _params: dict[str, Any]) -> None:
    raise invalid_request("Cluster id 'j-2' is not valid.")


EMR = Service("emr", {"ListSteps": lambda _, __: {"Steps": []}, "DescribeCluster": refuse}, {})


class Seen(list[tuple[RequestContext, str, str, Any]]):
    """An observer."""

    def __call__(self, *told: Any) -> None:
        self.append(told)


def test_each_request_is_told_with_who_asks_and_its_parameters() -> None:
    seen = Seen()
    with serving(create_app([EMR], allowed_hosts=[], observer=seen)) as port:
        client(port).list_steps(ClusterId="j-1")

    [(context, service, operation, params)] = seen
    assert (context.access_key, context.account) == ("emr-steps", "000000000000")
    assert (service, operation, params) == ("emr", "ListSteps", {"ClusterId": "j-1"})


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("describe_cluster", {"ClusterId": "j-2"}),  # the handler says no
        ("describe_step", {"ClusterId": "j-2", "StepId": "s-1"}),  # not implemented
        ("describe_cluster", {}),  # not valid
    ],
)
def test_a_request_that_is_refused_was_one_all_the_same(operation: str, params: dict[str, Any]) -> None:
    seen = Seen()
    with (
        serving(create_app([EMR], allowed_hosts=[], observer=seen)) as port,
        pytest.raises(ClientError),
    ):
        getattr(client(port), operation)(**params)

    assert [(name.lower(), told) for _, _, name, told in seen] == [(operation.replace("_", ""), params)]


def test_what_is_no_request_for_an_operation_is_told_to_nobody() -> None:
    seen = Seen()
    signed = {
        "Authorization": "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/elasticmapreduce/aws4_request",
        "Content-Type": "application/x-amz-json-1.1",
    }
    with serving(create_app([EMR], allowed_hosts=[], observer=seen)) as port:
        url = f"http://127.0.0.1:{port}/"
        for headers, body in (
            ({**signed, "X-Amz-Target": "ElasticMapReduce.Unheard"}, b"{}"),
            ({**signed, "X-Amz-Target": "ElasticMapReduce.ListSteps"}, b"{"),
            ({"X-Amz-Target": "ElasticMapReduce.ListSteps"}, b"{}"),
        ):
            assert httpx.post(url, headers=headers, content=body).status_code >= 400
        httpx.get(url + "health")

    assert seen == []


def test_an_observer_that_fails_is_logged_and_the_request_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("blind")

    with serving(create_app([EMR], allowed_hosts=[], observer=fail)) as port:
        assert client(port).list_steps(ClusterId="j-1")["Steps"] == []

    assert "ListSteps could not be observed" in caplog.text
    assert "blind" in caplog.text
