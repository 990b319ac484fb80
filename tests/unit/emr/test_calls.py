"""What Amazon EMR's recorder keeps of its requests, and its page."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.serving import serving
from windtunnel.aws.service import load_model
from windtunnel.emr import service
from windtunnel.emr.calls import CALLS_PATH, EACH, NAMES
from windtunnel.emr.config import EmrConfig
from windtunnel.emr.logs import LogShipper
from windtunnel.emr.service import build

ROLES = {"ServiceRole": "EMR_DefaultRole", "JobFlowRole": "EMR_EC2_DefaultRole"}


class Served:
    """The whole service at `url`."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def client(self, key: str) -> Any:
        return boto3.client(
            "emr",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=key,
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}),
        )

    def calls(self) -> list[tuple[str, str, str, dict[str, str]]]:
        return [
            (one["principal"], one["service"], one["operation"], one["resource"])
            for one in httpx.get(self.url + CALLS_PATH).json()["calls"]
        ]


@pytest.fixture
def emr(tmp_path: Path) -> Iterator[Served]:
    config = EmrConfig(state=tmp_path / "emr", cache=tmp_path / "cache")
    with serving(build(config)) as port:
        yield Served(port)


def test_the_page_tells_who_called_what_by_the_ids_and_roles_of_the_request(emr: Served) -> None:
    airflow, person = emr.client("airflow"), emr.client("test")
    instances = {"MasterInstanceType": "m5.xlarge", "InstanceCount": 1}
    # A release that is not there is no reason not to have been asked for it.
    with pytest.raises(ClientError):
        airflow.run_job_flow(Name="n", ReleaseLabel="emr-0.0", Instances=instances, **ROLES)
    for _ in range(3):
        with pytest.raises(ClientError):
            person.describe_step(ClusterId="j-NONE", StepId="s-NONE")
    with pytest.raises(ClientError):
        airflow.cancel_steps(ClusterId="j-NONE", StepIds=["s-1", "s-2"])
    with pytest.raises(ClientError):
        airflow.terminate_job_flows(JobFlowIds=[])

    assert emr.calls() == [
        ("airflow", "emr", "RunJobFlow", ROLES),
        ("test", "emr", "DescribeStep", {"ClusterId": "j-NONE", "StepId": "s-NONE"}),
        ("airflow", "emr", "CancelSteps", {"ClusterId": "j-NONE", "StepId": "s-1"}),
        ("airflow", "emr", "CancelSteps", {"ClusterId": "j-NONE", "StepId": "s-2"}),
        ("airflow", "emr", "TerminateJobFlows", {}),
    ]


def test_no_secret_of_a_request_is_kept(emr: Served) -> None:
    secret = "very-secret"
    step = {"Jar": "command-runner.jar", "Args": ["--password", secret], "Properties": []}
    with pytest.raises(ClientError):
        emr.client("airflow").add_job_flow_steps(
            JobFlowId="j-NONE", Steps=[{"Name": secret, "HadoopJarStep": step}]
        )
    told = httpx.get(emr.url + CALLS_PATH).text
    assert "AddJobFlowSteps" in told and '"members":["JobFlowId","Steps"]' in told
    assert secret not in told


def test_the_page_is_for_this_machine_alone(emr: Served) -> None:
    for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
        assert httpx.get(emr.url + CALLS_PATH, headers=headers).status_code == 403


def test_the_tables_name_what_the_model_has() -> None:
    model = load_model("emr")
    shapes = [model.operation_model(name).input_shape for name in model.operation_names]
    all_members = {member for shape in shapes if shape for member in shape.members}
    assert set(NAMES) <= all_members
    for operation in EACH:
        shape = model.operation_model(operation).input_shape
        assert shape
        plural = EACH[operation][0] + "s"
        assert shape.members[plural].type_name == "list"
        assert EACH[operation][1]({plural: ["one"]}) == ["one"]


def test_the_service_keeps_logs_with_its_own_keys_and_not_with_those_of_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[Any, ...]] = []

    class Shipper(LogShipper):
        def __init__(self, *arguments: Any) -> None:
            given.append(arguments)
            super().__init__(*arguments)

    monkeypatch.setattr(service, "LogShipper", Shipper)
    config = EmrConfig(
        state=tmp_path / "emr",
        cache=tmp_path / "cache",
        environment={"AWS_ACCESS_KEY_ID": "emr-steps", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
        service_environment={"AWS_ACCESS_KEY_ID": "emr"},
    )
    build(config)
    assert given == [({"AWS_ACCESS_KEY_ID": "emr"}, "http://127.0.0.1:1")]
