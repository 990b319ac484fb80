"""The switch that leads the tests of the pipeline to AWS, tried on a stack here that stands for the account."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.e2e.conftest import BUCKET, Project
from tests.e2e.pipeline import on_aws
from tests.e2e.test_pipeline import expected, results
from tests.serving import serving
from windtunnel.stack.environment import aws_variables

NAME = "salary-pipeline"


def mwaa(airflow: str) -> Starlette:
    """MWAA's API, as far as it shows an environment and leads to its Airflow."""

    def environment(_: Request) -> JSONResponse:
        host = airflow.removeprefix("http://")
        return JSONResponse(
            {"Environment": {"SourceBucketArn": f"arn:aws:s3:::{BUCKET}", "WebserverUrl": host}}
        )

    async def rest_api(request: Request) -> JSONResponse:
        asked = await request.json()
        answer = httpx.request(
            asked["Method"],
            f"{airflow}/api/v2{asked['Path']}",
            params=asked.get("QueryParameters"),
            json=asked.get("Body"),
            headers={"Accept": "application/json"},
        )
        told = {"RestApiStatusCode": answer.status_code, "RestApiResponse": answer.json()}
        if answer.is_success:
            return JSONResponse(told)
        return JSONResponse(told, 400, headers={"x-amzn-ErrorType": "RestApiClientException"})

    return Starlette(
        routes=[
            Route(f"/environments/{NAME}", environment),
            Route(f"/restapi/{NAME}", rest_api, methods=["POST"]),
        ]
    )


@pytest.fixture
def account(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The shell of somebody whose account this stack is."""
    with serving(mwaa(project.settings.airflow_url)) as port:
        for name, value in aws_variables(project.settings).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_ENDPOINT_URL_MWAA", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("AWS_DISABLE_HOST_PREFIX_INJECTION", "true")
        yield


@pytest.mark.usefixtures("account")
def test_a_run_in_a_deployed_environment_is_followed_judged_and_cleaned_up_after(
    project: Project, tmp_path: Path
) -> None:
    with on_aws(NAME, project.home / "data") as there:
        before, output = set(there.clusters()), there.output("average_salary")

        said = there.run("salary_pipeline_deferrable", output=output)

        assert "salary_pipeline_deferrable succeeded" in said
        assert "EMR step" in said
        assert results(there, tmp_path, output) == expected(there.data)
        there.wait_for_the_end_of_all_but(before)

    pages = project.s3.get_paginator("list_object_versions").paginate(Bucket=BUCKET)
    kept = json.dumps(pages.build_full_result(), default=str)
    assert "data/train_salaries.csv" in kept
    assert "/e2e-" not in kept
