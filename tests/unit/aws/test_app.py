"""Several services behind one door."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import boto3
from botocore.config import Config
from starlette.applications import Starlette

from tests.serving import serving
from windtunnel.aws.app import create_app
from windtunnel.aws.service import Service


def client(service: str, port: int) -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )


def test_services_are_told_apart_by_their_target() -> None:
    emr = Service("emr", {"ListClusters": lambda _, __: {"Clusters": [{"Id": "j-1"}]}}, {})
    # Another JSON service, of protocol version 1.0.
    stepfunctions = Service(
        "stepfunctions", {"ListActivities": lambda _, __: {"activities": []}}, {}, refusal_code="InvalidArn"
    )

    with serving(create_app([emr, stepfunctions], allowed_hosts=[])) as port:
        assert client("emr", port).list_clusters()["Clusters"] == [{"Id": "j-1"}]
        assert client("stepfunctions", port).list_activities()["activities"] == []


def test_lifespan_surrounds_the_requests() -> None:
    events = []

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        events.append("started")
        yield
        events.append("ended")

    emr = Service("emr", {"ListClusters": lambda _, __: events.append("asked")}, {})
    with serving(create_app([emr], allowed_hosts=[], lifespan=lifespan)) as port:
        client("emr", port).list_clusters()

    assert events == ["started", "asked", "ended"]
